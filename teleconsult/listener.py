"""The DICOM listener's process: the archive with a writer of its own, and a line on which the clinic is asked."""

import asyncio
import ssl
from contextlib import AsyncExitStack

from dicom_store.app import open_archive
from dicom_store.dimse.listener import serve_dimse
from teleconsult.addresses import certificate_hosts
from teleconsult.bridges.line import CONTROL_SOCKET, Line, News, StationGatekeeper
from teleconsult.bridges.settings import archive_settings
from teleconsult.clock import SystemClock
from teleconsult.config import Settings
from teleconsult.processes import Inheritance, inherit, speak_json, until_told_to_stop
from teleconsult.stations.ports import AET
from teleconsult.tls import identity


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
            serve_dimse(archive, gatekeeper, bind, AET, tls=_tls(settings), destinations=gatekeeper.destination)
        )
        await until_told_to_stop()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """The site's own certificate, where stations are to speak TLS."""
    if not settings.dimse_tls:
        return None
    own = identity(settings.data_dir / "tls", certificate_hosts(settings.dimse_bind), SystemClock().now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(own.certificate, own.key)
    return context
