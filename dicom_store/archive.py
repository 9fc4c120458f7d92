"""One open archive: the parts that every process has, whatever doors it opens. Built here, handed to the doors."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dicom_store.config import ArchiveSettings
from dicom_store.ingest import Ingest
from dicom_store.labs.store import LabStore
from dicom_store.ports import Listener
from dicom_store.storage import packs
from dicom_store.storage.blobs import Blobs, Place
from dicom_store.storage.disk import Disk
from dicom_store.storage.films import Films
from dicom_store.storage.index import Index
from dicom_store.storage.keys import KeyRing
from dicom_store.storage.packbook import PackBook


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
    blobs = Blobs(_place(settings), keys, threads, settings.pack_bytes)
    index = Index(settings.index_url, keys, settings.reader_connections)
    try:
        blobs.prepare()
        await index.open()
        await _cut_torn_packs(blobs, PackBook(index))
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


def _place(settings: ArchiveSettings) -> Place:
    """Where packs lie, as the settings have it."""
    if settings.blob_url is None:
        return Disk(settings.data_dir / "packs", settings.reserve_bytes)
    # Imported on need: a small clinic has no object storage, and need not install what speaks to one.
    try:
        from dicom_store.storage.bucket import Bucket
    except ModuleNotFoundError as error:
        raise ValueError("To keep films in an object storage, install teleconsult[s3].") from error

    return Bucket(settings.blob_url, settings.data_dir / "outgoing", settings.reserve_bytes)


async def _cut_torn_packs(blobs: Blobs, book: PackBook) -> None:
    """After a crash: what was written but never indexed was never acknowledged, and goes."""
    done: list[str] = []
    for pack in await blobs.run(blobs.loose_packs, await book.sealed()):
        last = await book.end(pack)
        end = last.offset + packs.stored_length(last.length, packs.SEGMENT) if last else 0
        if await blobs.run(blobs.cut, pack, end) and last:
            done.append(pack)
    await book.seal(done)
