"""The life of a DICOM listener: its threads start with a context and end with it. What it answers is `handlers`'."""

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pynetdicom import AE, _config, build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from dicom_store.dimse.handlers import Archive, Destinations, Handlers
from dicom_store.dimse.sockets import BoundedServer, BoundedSocket, DimseLimits
from dicom_store.ports import Gatekeeper

_GOODBYE_S = 1.0  # for associations to hear of the end, all together


async def _nowhere(_ae_title: str) -> tuple[str, int] | None:
    return None


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the listener can be reached."""

    host: str
    port: int
    aet: str


@contextlib.asynccontextmanager
async def serve_dimse(  # noqa: PLR0913  the seams of a listener, three of them with a default
    archive: Archive,
    gatekeeper: Gatekeeper,
    bind: tuple[str, int],
    aet: str,
    *,
    limits: DimseLimits | None = None,
    tls: ssl.SSLContext | None = None,
    destinations: Destinations = _nowhere,
) -> AsyncIterator[Listening]:
    """Listen for modalities until the context ends; open associations are then aborted.

    Args:
        archive: Keeps films and finds them.
        gatekeeper: Says which station calls, and what it may.
        bind: Host and port; port 0 takes a free one.
        aet: Our AE title; calls to another are refused.
        limits: What the listener bears.
        tls: Encrypts, where given.
        destinations: Where C-MOVE may send; only registered stations, or callers could reach any machine inside.

    Raises:
        OSError: The address is taken.
    """
    bounds = limits or DimseLimits()
    handlers = Handlers(archive, gatekeeper, aet, bounds, destinations)
    # pynetdicom keeps these for the whole process: this process has no other use for it.
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    _config.LOG_HANDLER_LEVEL = "none"
    server = BoundedServer(
        _entity(aet, bounds), bind, aet, _contexts(), tls, evt_handlers=handlers.table(), limits=bounds
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="dimse", daemon=True)
    thread.start()
    try:
        host, port = server.server_address[:2]
        yield Listening(str(host), int(port), aet)
    finally:
        await asyncio.to_thread(_stop, server, thread)


def _stop(server: BoundedServer, thread: threading.Thread) -> None:
    server.shutdown()
    thread.join(5)
    open_ones = server.active_associations
    for assoc in open_ones:
        assoc.abort(block=False)
    ends = time.monotonic() + _GOODBYE_S
    for assoc in open_ones:
        assoc.join(max(0.0, ends - time.monotonic()))
        connection = assoc.dul.socket
        if assoc.is_alive() and isinstance(connection, BoundedSocket):
            connection.cut()


def _entity(aet: str, limits: DimseLimits) -> AE:
    """The application entity: its name and its patience."""
    entity = AE(ae_title=aet)
    entity.require_called_aet = True
    entity.maximum_pdu_size = 0
    entity.maximum_associations = limits.associations
    entity.acse_timeout = limits.begin.total_seconds()
    entity.network_timeout = limits.idle.total_seconds()
    entity.dimse_timeout = limits.idle.total_seconds()
    return entity


def _contexts() -> list[PresentationContext]:
    """What is offered beside storage, which takes every class in any transfer syntax."""
    return [
        build_context(offered)
        for offered in (
            Verification,
            StorageCommitmentPushModel,
            PatientRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelFind,
            PatientRootQueryRetrieveInformationModelGet,
            StudyRootQueryRetrieveInformationModelGet,
            PatientRootQueryRetrieveInformationModelMove,
            StudyRootQueryRetrieveInformationModelMove,
        )
    ]
