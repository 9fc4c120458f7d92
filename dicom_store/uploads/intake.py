"""Takes the bytes of one request into an upload: every byte that came is kept, none is counted before it is synced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from dicom_store.errors import Unavailable, UploadRefused
from dicom_store.storage.blobs import Blobs
from dicom_store.uploads import protocol
from dicom_store.uploads.desks import Desks, Key
from dicom_store.uploads.parts import RECORD_BYTES, Part
from dicom_store.uploads.protocol import Append, Summing

_IDLE_SECONDS = 60.0
"""A request that sends nothing for so long is let go; what it sent is kept."""


class Intake:
    """Writes requests into uploads.

    Args:
        desks: Where open uploads are held.
        blobs: Whose disk it is: an error of it stops the taking of films.
        clock: Says the time, aware.
    """

    def __init__(self, desks: Desks, blobs: Blobs, clock: Callable[[], datetime]) -> None:
        self._desks = desks
        self._blobs = blobs
        self._clock = clock

    async def take(self, key: Key, part: Part, decision: Append, body: AsyncIterator[bytes]) -> None:
        """Keep what a request sends, as far as it comes; the caller holds the upload's desk.

        Raises:
            UploadRefused: More than was announced, or the checksum is wrong.
            TimeoutError: Nothing came for a minute.
            ConnectionError: The line broke.
            Unavailable: The disk failed or is full.
        """
        summing = Summing(decision.checksum) if decision.checksum is not None else None
        buffer, room = bytearray(), decision.room
        try:
            async with asyncio.timeout(_IDLE_SECONDS) as patience:
                self._desks.at(key).patience = patience
                async for piece in body:
                    patience.reschedule(asyncio.get_running_loop().time() + _IDLE_SECONDS)
                    room -= len(piece)
                    if room < 0:
                        raise protocol.too_long()
                    buffer += piece
                    if len(buffer) >= RECORD_BYTES:
                        await self._write(key, part, _taken(buffer), summing)
            await self._write(key, part, _taken(buffer), summing)
            if summing is not None:
                summing.check()
            await self._sync(key, part)
        except (TimeoutError, ConnectionError, UploadRefused, asyncio.CancelledError):
            await self._save_what_came(key, part, _taken(buffer), summing)
            raise

    async def _save_what_came(self, key: Key, part: Part, rest: bytes, summing: Summing | None) -> None:
        """The line broke: under no checksum, every byte that came is worth keeping."""
        if summing is not None:
            part.drop()
            return
        await self._write(key, part, rest, None)
        await self._sync(key, part)

    async def _write(self, key: Key, part: Part, data: bytes, summing: Summing | None) -> None:
        if summing is not None:
            summing.add(data)
        try:
            with self._blobs.watch():
                await _to_the_end(lambda: part.append(data, held=summing is not None))
        except Unavailable:
            self._desks.close(key)  # to be walked anew: what is on the disk now is not known
            raise

    async def _sync(self, key: Key, part: Part) -> None:
        try:
            with self._blobs.watch():
                await _to_the_end(lambda: part.sync(self._clock()))
        except Unavailable:
            self._desks.close(key)
            raise


def _taken(buffer: bytearray) -> bytes:
    """Take everything out of a buffer: whatever happens to the writing of it, it is not written twice."""
    data = bytes(buffer)
    buffer.clear()
    return data


async def _to_the_end(call: Callable[[], None]) -> None:
    """Run a write in a thread and never leave it half done, even when the one who asked is gone."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
