"""The clinic reads the exchange's sealed recordings; nothing of them is ever on the disk in clear."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

from signaling.shelf import SealedFile
from teleconsult.scheduling.ports import Playable

_NAME = re.compile(r"[0-9a-f]{32}\.(webm|mkv)\.sealed")


class RecordingShelf:
    """Implements `scheduling.ports.Shelf`.

    Args:
        folder: Where the media process writes.
        key: What it seals with.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key

    async def open(self, file: str, media: str) -> Playable | None:
        """See the port."""
        if not _NAME.fullmatch(file):
            return None
        try:
            found = await asyncio.to_thread(SealedFile, self._folder / file, self._key)
        except (OSError, ValueError):
            return None

        async def read(start: int, length: int) -> AsyncIterator[bytes]:
            pieces = found.read(start, length)
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece

        return Playable(media, found.size, f'"{file[:32]}-{found.size}"', read)

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
