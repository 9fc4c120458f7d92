"""The clinic reads the exchange's sealed recordings; nothing of them is ever on the disk in clear."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from signaling.media.cues import beginning, contents
from signaling.shelf import SealedFile
from teleconsult.scheduling.ports import Playable

_NAME = re.compile(r"[0-9a-f]{32}\.(webm|mkv|jsonl)\.sealed")
_MOST_OPEN = 64


@dataclass(frozen=True, slots=True)
class _Film:
    """A file as players get it: with a beginning that says how long it is and where one can go to.

    Attributes:
        head: The beginning.
        first: Where the sealed file goes on behind it.
        end: Where its last whole frame ends.
        until_ms: Time of that frame.
    """

    sealed: SealedFile
    head: bytes = b""
    first: int = 0
    end: int = 0
    until_ms: int | None = None

    @property
    def size(self) -> int:
        return len(self.head) + self.end - self.first

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """A stretch of it, in pieces. Blocks."""
        front = self.head[start : start + length]
        if front:
            yield front
        if length > len(front):
            behind = self.first + max(0, start - len(self.head))
            yield from self.sealed.read(behind, min(length - len(front), self.end - behind))


class RecordingShelf:
    """Implements `scheduling.ports.Shelf`.

    Args:
        folder: Where the media process writes.
        key: What it seals with.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self._opened = lru_cache(_MOST_OPEN)(self._open)
        """A player asks for many stretches of a file; it is read through once, and again when it has grown."""

    async def open(self, file: str, media: str) -> Playable | None:
        """See the port."""
        if not _NAME.fullmatch(file):
            return None
        try:
            size = (await asyncio.to_thread((self._folder / file).stat)).st_size
            film = await asyncio.to_thread(self._opened, file, size)
        except (OSError, ValueError):
            return None

        async def read(start: int, length: int) -> AsyncIterator[bytes]:
            pieces = film.read(start, length)
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece

        return Playable(media, film.size, f'"{file[:32]}-{film.size}"', read, film.until_ms)

    async def holds(self, file: str) -> bool:
        """See the port."""
        return bool(_NAME.fullmatch(file)) and await asyncio.to_thread((self._folder / file).exists)

    async def files(self) -> frozenset[str]:
        """See the port."""
        try:
            found = await asyncio.to_thread(os.listdir, self._folder)
        except FileNotFoundError:  # nothing was ever recorded
            return frozenset()
        return frozenset(name for name in found if _NAME.fullmatch(name))

    async def delete(self, file: str) -> bool:
        """See the port."""
        if not await self.holds(file):
            return False
        await asyncio.to_thread((self._folder / file).unlink, missing_ok=True)
        return True

    def _open(self, file: str, _size: int) -> _Film:
        sealed = SealedFile(self._folder / file, self._key)
        found = contents(sealed.read(0, sealed.size)) if ".jsonl." not in file else None
        if found is None:
            return _Film(sealed, end=sealed.size)
        return _Film(sealed, beginning(found), found.first, found.end, found.until_ms)
