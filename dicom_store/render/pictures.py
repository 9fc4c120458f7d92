"""The shell around the render worker: reads the film, asks a worker, remembers the picture.

Pictures are a patient's data: they are remembered in memory only, in a bounded number of bytes, and never on disk.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import cast
from weakref import WeakValueDictionary

from dicom_store.errors import NotRenderable
from dicom_store.model import InstanceRecord
from dicom_store.render.handing import Films, for_frame
from dicom_store.render.look import Look, PictureKind
from dicom_store.render.near import Near, may_be_plain
from dicom_store.workers import Job, JobFailed, JobFailure, Workers

WARM = ("dicom_store.render.work",)
"""Modules for `Workers(warm=…)`."""

THUMBNAIL_PX = 256

_PICTURE = Job("dicom_store.render.work", "picture")
_Key = tuple[str, int, Look]


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
        near: Makes pictures of plain films; without it workers make all.
        cache_bytes: How many bytes of pictures are remembered.
        seconds: Time for one picture.
    """

    def __init__(
        self,
        workers: Workers,
        films: Films,
        *,
        near: Near | None = None,
        cache_bytes: int = 64 << 20,
        seconds: float = 20.0,
    ) -> None:
        self._workers = workers
        self._films = films
        self._near = near
        self._seconds = seconds
        self._cache_bytes = cache_bytes
        self._held_bytes = 0
        self._cache: OrderedDict[_Key, Picture] = OrderedDict()
        self._under_way: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    def spare(self, record: InstanceRecord) -> bool:
        """Whether a picture of this film can be made without keeping others waiting."""
        return self._near.idle if self._near is not None and may_be_plain(record) else self._workers.free > 0

    def is_near(self, record: InstanceRecord) -> bool:
        """Whether pictures of this film need no worker, as far as the index can tell."""
        return self._near is not None and may_be_plain(record)

    def has(self, record: InstanceRecord, frame: int, look: Look) -> bool:
        """Whether a picture is remembered or under way."""
        key = (record.digest, frame, look)
        return key in self._cache or key in self._under_way

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
        key = (record.digest, frame, look or Look())
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
        plain = self._near if frame == 1 and may_be_plain(record) else None
        if plain is not None and (shown := await plain.picture(partial(self._films.whole_in_memory, record), look)):
            return Picture(shown[0], look.kind, *shown[1:])
        film, pixels = await for_frame(self._films, record, frame)
        if plain is not None and (shown := await plain.picture(film, look)):
            return Picture(shown[0], look.kind, *shown[1:])
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
