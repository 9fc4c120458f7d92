"""The archive's composition root: builds every part, mounts every route; reads like a parts list."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from dicom_store.config import ArchiveSettings
from dicom_store.dicomweb import qido, rendered, stow, wado
from dicom_store.ingest import Ingest
from dicom_store.labs import routes as lab_routes
from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.store import LabStore
from dicom_store.ports import Gatekeeper, Listener, Translate
from dicom_store.render.pictures import WARM, Render
from dicom_store.storage import packs
from dicom_store.storage.blobs import Blobs
from dicom_store.storage.films import Films
from dicom_store.storage.index import Index
from dicom_store.storage.keys import KeyRing
from dicom_store.uploads import routes as upload_routes
from dicom_store.uploads.finish import Finisher
from dicom_store.uploads.reception import Reception
from dicom_store.uploads.shelf import Shelf
from dicom_store.workers import Workers


@dataclass(slots=True)
class Archive:
    """The parts of one open archive that every process has: web, DIMSE, MLLP.

    Attributes:
        films: Reads whole films and single frames.
        labs: Keeps lab reports.
        stores: Bounds how many requests write films at the same time.
    """

    settings: ArchiveSettings
    blobs: Blobs
    index: Index
    films: Films
    ingest: Ingest
    labs: LabStore
    stores: asyncio.Semaphore


@asynccontextmanager
async def open_archive(settings: ArchiveSettings, listeners: Iterable[Listener] = ()) -> AsyncIterator[Archive]:
    """Open an archive: tables brought up to date, torn ends of packs cut, writer started; closed again at the end."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.database_url is None:
        # SQLite gives its other files the same rights.
        (settings.data_dir / "archive.db").touch(mode=0o600)
    keys = KeyRing(settings.key, settings.old_keys)
    threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="archive")
    blobs = Blobs(settings.data_dir / "packs", keys, threads, settings.pack_bytes)
    index = Index(settings.index_url, keys, settings.reader_connections)
    try:
        blobs.prepare()
        await index.open()
        await _cut_torn_packs(blobs, index)
        ingest = Ingest(blobs, index, settings.clock, listeners, settings.max_film_bytes)
        yield Archive(
            settings=settings,
            blobs=blobs,
            index=index,
            films=Films(blobs, index),
            ingest=ingest,
            labs=LabStore(index, keys, settings.clock, ingest.announce),
            stores=asyncio.Semaphore(settings.max_concurrent_stores),
        )
    finally:
        await index.close()
        blobs.close()
        threads.shutdown()


async def _cut_torn_packs(blobs: Blobs, index: Index) -> None:
    """After a crash: what was written but never indexed was never acknowledged, and goes."""
    done: list[str] = []
    for pack in await blobs.run(blobs.loose_packs, await index.sealed()):
        last = await index.pack_end(pack)
        end = last.offset + packs.stored_length(last.length, packs.SEGMENT) if last else 0
        if await blobs.run(blobs.cut, pack, end) and last:
            done.append(pack)
    await index.seal(done)


class WebRooms:
    """What only the process with the HTTP doors has: workers for pictures and the reception of uploads.

    Open it (`async with`) before the first request, close it after the last.
    """

    def __init__(self, archive: Archive, gatekeeper: Gatekeeper) -> None:
        settings = archive.settings
        folder = settings.data_dir / "uploads"
        self._workers = Workers(count=settings.workers, warm=WARM, at_once=settings.warm_workers)
        self.render = Render(self._workers, archive.films)
        finisher = Finisher(archive.ingest, self._workers, folder)
        self.reception = Reception(Shelf(folder, archive.blobs.keys), archive.blobs, finisher, settings.clock)
        self.lab_ingest = LabIngest(archive.labs, gatekeeper, settings.clock)

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        await self.reception.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.reception.close()
        await self._workers.__aexit__(None, None, None)


def routes(archive: Archive, rooms: WebRooms, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """Every HTTP route of the archive; each handler names its `permission`."""
    return [
        *stow.routes(archive, gatekeeper, translate),
        *qido.routes(archive, gatekeeper, translate),
        *wado.routes(archive, gatekeeper, translate),
        *rendered.routes(rooms.render, archive.index, gatekeeper, translate),
        *upload_routes.routes(rooms.reception, gatekeeper, translate),
        *lab_routes.routes(rooms.lab_ingest, gatekeeper, translate),
    ]


def mount(app: web.Application, archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> WebRooms:
    """Put the archive's doors on an application, which opens and closes what stands behind them.

    The runner should have `read_bufsize` 1 MiB: films are large.
    """
    rooms = WebRooms(archive, gatekeeper)
    app.add_routes(routes(archive, rooms, gatekeeper, translate))

    async def keep_open(_app: web.Application) -> AsyncIterator[None]:
        async with rooms:
            yield

    app.cleanup_ctx.append(keep_open)
    return rooms


def create_app(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> web.Application:
    """The archive as an application of its own."""
    app = web.Application()
    mount(app, archive, gatekeeper, translate)
    return app
