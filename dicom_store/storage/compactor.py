"""Frees the room of deleted films: what still lives in a mostly empty pack is written anew, then the old pack goes.

Killed at any moment it loses nothing: films are copied and synced, then the index says where they are now, then, after
a time in which nobody reads the old pack any more, it is removed. What an earlier run left half done is cut at the next
start (copies that were never indexed) or done by the next run (old packs without films).
"""

import asyncio
import json
import logging
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from dicom_store.elements import Buffer
from dicom_store.errors import Unavailable
from dicom_store.fingerprint import is_of
from dicom_store.model import BlobRef
from dicom_store.storage import packs
from dicom_store.storage.blobs import Blobs
from dicom_store.storage.packbook import Live, PackBook
from dicom_store.storage.packwriter import PackWriter

LOGGER = logging.getLogger(__name__)
_WASTE = 0.5
"""A pack is written anew when films that live take less than this share of it."""
_GROUP_BYTES = 64 << 20
_GROUP_FILMS = 500
_IN_MEMORY_BYTES = 32 << 20
_PIECE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a run did.

    Attributes:
        packs: Removed.
        films: Moved.
        freed_bytes: Room that is free now.
        damaged: Packs left alone because a film in them does not read as it was stored.
    """

    packs: int = 0
    films: int = 0
    freed_bytes: int = 0
    damaged: int = 0


class Compactor:
    """One run after the other; may work beside servers that read and write.

    Args:
        grace: How long an emptied pack stays for those who read it now.
    """

    def __init__(self, blobs: Blobs, book: PackBook, grace: timedelta = timedelta(minutes=1)) -> None:
        self._blobs = blobs
        self._book = book
        self._grace = grace

    async def run(self) -> Compacted:
        """Free what can be freed.

        Raises:
            Unavailable: The disk or the database failed; a later run goes on.
        """
        films = freed = removed = damaged = 0
        emptied: list[str] = []
        for pack in await self._book.thinned():
            live = await self._worth_it(pack)
            if live is None:
                continue
            try:
                await self._empty(pack, live)
            except _DamagedError:
                LOGGER.warning("compactor: pack %s holds a film that does not read as it was stored", pack)
                damaged += 1
                continue
            films += len(live)
            emptied.append(pack)
        if films:
            await asyncio.sleep(self._grace.total_seconds())
        for pack in emptied:
            size = await self._blobs.run(self._blobs.place.size, pack)
            if size is None or await self._book.live(pack):
                continue
            await self._blobs.run(self._blobs.place.remove, pack)
            await self._book.forget(pack)
            removed, freed = removed + 1, freed + size
        return Compacted(removed, films, freed, damaged)

    async def _worth_it(self, pack: str) -> list[Live] | None:
        """The films that live in a pack which is to be written anew, None for one that stays."""
        size = await self._blobs.run(self._blobs.place.size, pack)
        if size is None or not await self._blobs.run(self._blobs.place.idle, pack):
            return None
        live = await self._book.live(pack)
        used = sum(packs.stored_length(film.blob.length, packs.SEGMENT) for film in live)
        return live if used < _WASTE * size else None

    async def _empty(self, pack: str, live: list[Live]) -> None:
        if not live:
            return
        labels = await self._blobs.run(self._labels, pack, live)
        new: PackWriter | None = None
        whole = False
        try:
            for group in _groups(live):
                target: PackWriter = new if new is not None else await self._blobs.run(self._blobs.open_new)
                new = target
                moved = await self._blobs.run(self._copy, target, group, labels)
                await self._blobs.run(target.sync)
                await self._book.move(moved)
                if not self._blobs.place.appends:
                    self._blobs.shelve(target)
                    new = None
            whole = True
        finally:
            if new is not None:
                (self._blobs.shelve if whole else self._blobs.abandon)(new)

    def _labels(self, pack: str, live: list[Live]) -> dict[int, bytes]:
        """The labels of films by their offset; blocks."""
        wanted = {film.blob.offset for film in live}
        try:
            found = {record.offset: record.label for record in self._blobs.records(pack, max(wanted) + 1)}
        except (Unavailable, json.JSONDecodeError) as error:
            raise _DamagedError from error
        if wanted - found.keys():
            raise _DamagedError
        return found

    def _copy(self, new: PackWriter, group: list[Live], labels: dict[int, bytes]) -> list[tuple[Live, BlobRef]]:
        """Write films anew, each compared with the hash of its arrival; blocks."""
        moved = []
        for film in group:
            with self._plain(film) as data:
                moved.append((film, new.append(data, film.blob.name, labels[film.blob.offset])))
        return moved

    @contextmanager
    def _plain(self, film: Live) -> Iterator[memoryview]:
        """A film's bytes, as they came; a large one lies in a nameless file meanwhile."""
        if film.blob.length <= _IN_MEMORY_BYTES:
            data = self._read(film.blob, 0, film.blob.length)
            _compare(film, data)
            yield memoryview(data)
            return
        with tempfile.TemporaryFile(dir=self._blobs.path_of(film.blob.pack).parent.parent) as file:
            for start in range(0, film.blob.length, _PIECE_BYTES):
                file.write(self._read(film.blob, start, _PIECE_BYTES))
            file.flush()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                _compare(film, mapped)
                with memoryview(mapped) as view:
                    yield view

    def _read(self, blob: BlobRef, start: int, length: int) -> bytes:
        try:
            return self._blobs.read_now(blob, start, length)
        except Unavailable as error:
            raise _DamagedError from error


class _DamagedError(Exception):
    """A pack is not as it was written; a person must look at it."""


def _compare(film: Live, data: Buffer) -> None:
    if not is_of(data, film.digest):
        raise _DamagedError


def _groups(live: Sequence[Live]) -> Iterator[list[Live]]:
    """Films that are copied and moved together: one sync, one transaction."""
    group: list[Live] = []
    size = 0
    for film in live:
        if group and (size + film.blob.length > _GROUP_BYTES or len(group) >= _GROUP_FILMS):
            yield group
            group, size = [], 0
        group.append(film)
        size += film.blob.length
    if group:
        yield group
