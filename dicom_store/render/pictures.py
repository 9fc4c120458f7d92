"""The shell around the render worker: reads the film, asks a worker, remembers the picture.

Pictures are a patient's data: they are remembered in memory only, in a bounded number of bytes, and never on disk.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast
from weakref import WeakValueDictionary

from dicom_store.errors import NotRenderable
from dicom_store.model import InstanceRecord
from dicom_store.render.look import Look, PictureKind
from dicom_store.workers import Job, JobFailed, JobFailure, Workers

WARM = ("dicom_store.render.work",)
"""Modules for `Workers(warm=…)`."""

MAX_WHOLE_BYTES = 256 << 20
"""Largest compressed film that is handed to a worker."""

THUMBNAIL_PX = 256

_PICTURE = Job("dicom_store.render.work", "picture")
_Key = tuple[str, int, Look]


_HEADER_BYTES = 16 << 20
"""More than any header; what comes after it is not looked at."""
_LARGE_BYTES = 4 << 20
"""Films of many compressed frames above it are not handed over as a whole."""
_DEFLATED = "1.2.840.10008.1.2.1.99"
_VIDEO = "1.2.840.10008.1.2.4.10"
"""Start of the UIDs of MPEG-2, H.264 and HEVC: their frames lean on each other."""


class Films(Protocol):
    """Where the bytes of films are: `storage.films.Films`."""

    def stream(self, record: InstanceRecord, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """A stretch of a film."""

    async def frames(self, record: InstanceRecord, numbers: Sequence[int]) -> list[bytes]:
        """Some frames, as they are stored."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture.

    Attributes:
        body: The file's bytes.
        kind: Its media type.
        width: In pixels.
        height: In pixels.
    """

    body: bytes
    kind: PictureKind
    width: int
    height: int


class Render:
    """Makes pictures of films.

    Args:
        workers: A pool that was warmed with `WARM`.
        films: Where the bytes of films are.
        cache_bytes: How many bytes of pictures are remembered.
        seconds: Time for one picture.
    """

    def __init__(self, workers: Workers, films: Films, *, cache_bytes: int = 64 << 20, seconds: float = 20.0) -> None:
        self._workers = workers
        self._films = films
        self._seconds = seconds
        self._cache_bytes = cache_bytes
        self._held_bytes = 0
        self._cache: OrderedDict[_Key, Picture] = OrderedDict()
        self._under_way: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    async def picture(self, record: InstanceRecord, frame: int = 1, look: Look | None = None) -> Picture:
        """Show one frame of a film.

        Args:
            record: The film, from the index: the caller has been allowed to read it.
            frame: From 1.
            look: Kind, size, window; None is a JPEG of the film's own size and window.

        Raises:
            NotRenderable: It cannot be shown for certain.
            Unavailable: Too much to do right now, or the film cannot be read from the disk.
        """
        key = (record.sha256, frame, look or Look())
        if (known := self._remembered(key)) is not None:
            return known
        lock = self._under_way.setdefault(key, asyncio.Lock())
        async with lock:  # who asks for the same picture meanwhile waits for this one
            if (known := self._remembered(key)) is not None:
                return known
            made = await self._make(record, frame, key[2])
            self._remember(key, made)
            return made

    async def thumbnail(self, record: InstanceRecord, look: Look | None = None) -> Picture:
        """Show a film small: its middle frame, `THUMBNAIL_PX` on the longer edge unless `look` says otherwise."""
        wished = look or Look(quality=80)
        if wished.box is None:
            wished = replace(wished, box=(THUMBNAIL_PX, THUMBNAIL_PX))
        return await self.picture(record, max(1, (record.frames + 1) // 2), wished)

    async def _make(self, record: InstanceRecord, frame: int, look: Look) -> Picture:
        if record.frames < 1:
            raise NotRenderable("This film has no pixels.", code="no_pixels")
        if not 1 <= frame <= record.frames:
            raise NotRenderable("This film has {count} frames.", code="no_such_frame", count=record.frames)
        film, pixels = await self._bytes(record, frame)
        try:
            made = await self._workers.run(
                _PICTURE, film, frame, look, record.transfer_syntax, pixels, seconds=self._seconds
            )
        except JobFailed as failed:
            if failed.why is JobFailure.RAISED:
                raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from failed
            raise NotRenderable("This film could not be shown within the server's limits.", code="limits") from failed
        body, width, height = cast("tuple[bytes, int, int]", made)
        return Picture(body, look.kind, width, height)

    async def _bytes(self, record: InstanceRecord, frame: int) -> tuple[bytes, bytes | None]:
        """The whole film; of one with many frames only its header and the frame."""
        length, frames = record.pixel_length, record.frames
        video = record.transfer_syntax.startswith(_VIDEO)
        if frames > 1 and record.pixel_offset < 0 and record.blob.length > _LARGE_BYTES and not video:
            return await self._stretch(record, 0, _HEADER_BYTES), (await self._films.frames(record, [frame]))[0]
        native = record.pixel_offset > 0 and record.transfer_syntax != _DEFLATED and record.bits_allocated >= 8
        if frames > 1 and native and length % frames == 0:
            size = length // frames
            head = await self._stretch(record, 0, record.pixel_offset)
            return head, await self._stretch(record, record.pixel_offset + (frame - 1) * size, size)
        return await self._stretch(record, 0, record.blob.length), None

    async def _stretch(self, record: InstanceRecord, start: int, length: int) -> bytes:
        if length > MAX_WHOLE_BYTES:
            raise NotRenderable("This film is too large to be shown as a picture.", code="too_large")
        return b"".join([piece async for piece in self._films.stream(record, start, length)])

    def _remembered(self, key: _Key) -> Picture | None:
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
        return known

    def _remember(self, key: _Key, made: Picture) -> None:
        if len(made.body) > self._cache_bytes // 8:  # one large picture must not push out all others
            return
        self._cache[key] = made
        self._held_bytes += len(made.body)
        while self._held_bytes > self._cache_bytes:
            _, gone = self._cache.popitem(last=False)
            self._held_bytes -= len(gone.body)
