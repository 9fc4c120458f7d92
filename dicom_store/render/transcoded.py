"""The shell around transcoding: reads the film, asks a worker, remembers frames.

What a viewer asks for again and again are frames; those are remembered in memory, in a bounded number of bytes. Whole
films in another form are made anew each time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

from dicom_store.errors import NotRenderable
from dicom_store.model import InstanceRecord
from dicom_store.render.handing import Films, for_frame, whole
from dicom_store.workers import Job, JobFailed, JobFailure, Workers

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
TARGETS = (EXPLICIT_LITTLE, HTJ2K_LOSSLESS)
"""Transfer syntaxes that films are put into when asked."""

_FILM = Job("dicom_store.render.transcode", "film")
_FRAME = Job("dicom_store.render.transcode", "frame")
_Key = tuple[str, str, int]


class Transcode:
    """Puts films into other transfer syntaxes.

    Args:
        workers: A pool that was warmed with `pictures.WARM`.
        films: Where the bytes of films are.
        cache_bytes: How many bytes of frames are remembered.
        seconds: Time for one film.
    """

    def __init__(self, workers: Workers, films: Films, *, cache_bytes: int = 64 << 20, seconds: float = 60.0) -> None:
        self._workers = workers
        self._films = films
        self._seconds = seconds
        self._cache_bytes = cache_bytes
        self._held_bytes = 0
        self._cache: OrderedDict[_Key, bytes] = OrderedDict()

    async def film(self, record: InstanceRecord, target: str) -> bytes:
        """A whole film.

        Args:
            record: The film, from the index: the caller has been allowed to read it.
            target: One of `TARGETS`.

        Raises:
            NotRenderable: It cannot be decoded for certain, or is too large.
            Unavailable: Too much to do right now.
        """
        return await self._run(_FILM, await whole(self._films, record), target, record.transfer_syntax)

    async def frames(self, record: InstanceRecord, target: str, numbers: Sequence[int]) -> list[bytes]:
        """Some frames, counted from 1: little endian values, or codestreams. Raises as `film`."""
        found: list[bytes] = []
        for number in numbers:
            key = (record.digest, target, number)
            made = self._cache.get(key)
            if made is None:
                data, stored = await for_frame(self._films, record, number)
                made = await self._run(_FRAME, data, target, number, record.transfer_syntax, stored)
                self._remember(key, made)
            else:
                self._cache.move_to_end(key)
            found.append(made)
        return found

    async def _run(self, job: Job, *arguments: object) -> bytes:
        try:
            return cast("bytes", await self._workers.run(job, *arguments, seconds=self._seconds))
        except JobFailed as failed:
            if failed.why is JobFailure.RAISED:
                raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from failed
            raise NotRenderable("This film could not be shown within the server's limits.", code="limits") from failed

    def _remember(self, key: _Key, made: bytes) -> None:
        if len(made) > self._cache_bytes // 8:
            return
        self._cache[key] = made
        self._held_bytes += len(made)
        while self._held_bytes > self._cache_bytes:
            _, gone = self._cache.popitem(last=False)
            self._held_bytes -= len(gone)
