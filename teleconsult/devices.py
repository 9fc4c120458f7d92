"""Where machines come in at the web process: the HL7 door, and the line by which the DICOM listener asks.

Decides only who listens where; which machine may what is the stations room's and the archive's.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from dicom_store.labs.mllp import serve_mllp
from teleconsult.addresses import networks_of
from teleconsult.app import Clinic
from teleconsult.bridges.control import control_app
from teleconsult.bridges.line import CONTROL_SOCKET
from teleconsult.config import Settings
from teleconsult.demo import PEER, peer_port
from teleconsult.processes import Inheritance
from teleconsult.stations.service import OpenHouse

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
