"""The archive's composition root: builds every part, mounts every route; reads like a parts list."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from dicom_store.config import ArchiveSettings
from dicom_store.dicomweb import qido, stow, wado
from dicom_store.ingest import Ingest
from dicom_store.ports import Gatekeeper, Listener, Translate
from dicom_store.storage import packs
from dicom_store.storage.blobs import Blobs
from dicom_store.storage.films import Films
from dicom_store.storage.index import Index
from dicom_store.storage.keys import KeyRing


@dataclass(slots=True)
class Archive:
    """The parts of one open archive. Rooms get what they need from here.

    Attributes:
        films: Reads whole films and single frames.
        stores: Bounds how many requests write films at the same time.
        extras: Parts of other rooms (render, labs, uploads), by the name of the room.
    """

    settings: ArchiveSettings
    blobs: Blobs
    index: Index
    films: Films
    ingest: Ingest
    stores: asyncio.Semaphore
    extras: dict[str, Any] = field(default_factory=dict)


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
            settings, blobs, index, Films(blobs, index), ingest, asyncio.Semaphore(settings.max_concurrent_stores)
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


def routes(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """Every HTTP route of the archive; each handler names its `permission`."""
    return [
        *stow.routes(archive, gatekeeper, translate),
        *qido.routes(archive, gatekeeper, translate),
        *wado.routes(archive, gatekeeper, translate),
    ]


def create_app(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> web.Application:
    """The archive as an aiohttp application. The runner should have `read_bufsize` 1 MiB: films are large."""
    app = web.Application()
    app.add_routes(routes(archive, gatekeeper, translate))
    return app
