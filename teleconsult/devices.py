"""Where machines come in: the DICOM listener's process, the HL7 door beside the web's, the line between the two.

Decides only who listens where; which machine may what is the stations room's and the archive's.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from dicom_store.app import open_archive
from dicom_store.dimse.listener import Listening, serve_dimse
from dicom_store.labs.mllp import serve_mllp
from teleconsult.addresses import networks_of
from teleconsult.app import Clinic
from teleconsult.bridges.control import CONTROL_SOCKET, Line, News, StationGatekeeper, control_app
from teleconsult.bridges.settings import archive_settings
from teleconsult.clock import SystemClock
from teleconsult.config import Settings
from teleconsult.demo import PEER, peer_port
from teleconsult.stations.ports import AET
from teleconsult.stations.service import OpenHouse
from teleconsult.supervisor import Inheritance

_GOODBYE_S = 1.0


@asynccontextmanager
async def machines_let_in(clinic: Clinic, given: Inheritance) -> AsyncIterator[None]:
    """The web process's part: the HL7 door, and answers for the DICOM listener."""
    settings = given.settings
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_answering(clinic, settings))
        door, bind = clinic.web_rooms.lab_ingest.answer, settings.mllp_bind
        await stack.enter_async_context(serve_mllp(door, bind.host, bind.port, opened=given.sockets.get("mllp")))
        yield


@asynccontextmanager
async def dimse_listener(settings: Settings) -> AsyncIterator[Listening]:
    """The DICOM listener with its own writer to the archive; the clinic is only asked."""
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(Line(settings.data_dir / CONTROL_SOCKET))
        gatekeeper, news = StationGatekeeper(line), News(line)
        inside = archive_settings(settings, settings.vault(), SystemClock())
        archive = await stack.enter_async_context(open_archive(inside, [news]))
        await stack.enter_async_context(news.told())
        bind = (settings.dimse_bind.host, settings.dimse_bind.port)
        yield await stack.enter_async_context(
            serve_dimse(archive, gatekeeper, bind, AET, destinations=gatekeeper.destination)
        )


def open_house(settings: Settings, sample: Mapping[str, Any]) -> OpenHouse | None:
    """The demo's rule for machines, None where the sample county does not name an institution for them."""
    institution = sample.get("stations")
    if not institution:
        return None
    return OpenHouse(str(institution), networks_of(settings.http_bind.host), PEER, peer_port(settings))


@asynccontextmanager
async def _answering(clinic: Clinic, settings: Settings) -> AsyncIterator[None]:
    path = settings.data_dir / CONTROL_SOCKET
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    app = control_app(clinic.stations, clinic.gatekeeper, clinic.arrivals)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GOODBYE_S)
    await runner.setup()
    before = os.umask(0o177)  # the line is for this user only
    try:
        await web.UnixSite(runner, str(path)).start()
    finally:
        os.umask(before)
    try:
        yield
    finally:
        await runner.cleanup()
