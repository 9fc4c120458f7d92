"""The DICOM listener's process: the archive with a writer of its own, and a line on which the clinic is asked."""

import asyncio
from contextlib import AsyncExitStack

from dicom_store.app import open_archive
from dicom_store.dimse.listener import serve_dimse
from teleconsult.bridges.line import CONTROL_SOCKET, Line, News, StationGatekeeper
from teleconsult.bridges.settings import archive_settings
from teleconsult.clock import SystemClock
from teleconsult.processes import Inheritance, inherit, speak_json, until_told_to_stop
from teleconsult.stations.ports import AET


def run() -> None:
    """Be the listener, until told to stop."""
    speak_json()
    asyncio.run(_listen(inherit()))


async def _listen(given: Inheritance) -> None:
    settings = given.settings
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(Line(settings.data_dir / CONTROL_SOCKET))
        gatekeeper, news = StationGatekeeper(line), News(line)
        inside = archive_settings(settings, settings.vault(), SystemClock())
        archive = await stack.enter_async_context(open_archive(inside, [news]))
        await stack.enter_async_context(news.told())
        bind = (settings.dimse_bind.host, settings.dimse_bind.port)
        await stack.enter_async_context(
            serve_dimse(archive, gatekeeper, bind, AET, destinations=gatekeeper.destination)
        )
        await until_told_to_stop()
