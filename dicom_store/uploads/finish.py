"""From the bytes of a complete upload to films: told apart, unpacked or wrapped, handed to `ingest`.

Every file gets a result with a reason that a person can read. Running it twice on the same upload has one effect:
the same bytes are a duplicate to `ingest`, and what is wrapped is wrapped to the same bytes again.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from dicom_store.errors import FilmRefused, Refused
from dicom_store.ingest import Ingest
from dicom_store.model import Stored
from dicom_store.uploads import unzip
from dicom_store.uploads.kinds import HEAD_BYTES, FileKind, kind_of
from dicom_store.uploads.parts import Part
from dicom_store.uploads.results import About, FileResult, kept, refused
from dicom_store.workers import Job, JobFailed, Workers
from dicom_store.wrapheader import header_from

_IN_MEMORY_BYTES = 64 << 20
MAX_MEDIA_BYTES = 300 << 20
"""Largest photo, PDF or video."""

_WRAPPED = {
    FileKind.JPEG: Job("dicom_store.wrap", "wrap_photo"),
    FileKind.PNG: Job("dicom_store.wrap", "wrap_photo"),
    FileKind.PDF: Job("dicom_store.wrap", "wrap_pdf"),
    FileKind.VIDEO: Job("dicom_store.wrap", "wrap_video"),
}
_NOT_TAKEN = {
    FileKind.HEIC: "HEIC pictures are not taken. Please send the picture as JPEG.",
    FileKind.OTHER_ARCHIVE: "Of packed files only zip is taken. Please pack it as zip, or send the files themselves.",
}

Tell = Callable[[int, int], None]


class Finisher:
    """Turns complete uploads into films.

    Args:
        ingest: The door for films.
        workers: Where files that are not films are read.
        spool: A folder for large films on their way.
    """

    def __init__(self, ingest: Ingest, workers: Workers, spool: Path) -> None:
        self._ingest = ingest
        self._workers = workers
        self._spool = spool

    async def files(self, upload: str, about: About, part: Part, tell: Tell) -> list[FileResult]:
        """Turn one upload into films.

        Args:
            upload: The upload's id: what is wrapped gets UIDs made from it.
            about: What it is.
            part: Its bytes.
            tell: Called with how many files are done, of how many.

        Raises:
            Unavailable: The disk failed or is full: to be tried again later.
        """
        kind = kind_of(await asyncio.to_thread(part.read, 0, HEAD_BYTES))
        if kind is FileKind.ZIP:
            return await unzip.films(part, about.origin, self._ingest, tell)
        tell(0, 1)
        try:
            if kind in _NOT_TAKEN:
                raise FilmRefused(_NOT_TAKEN[kind], failure_reason=0xC000, code="kind")
            if kind in _WRAPPED:
                film = await self._wrapped(upload, about, part, kind)
                return [kept(about.name, await self._ingest.accept(film, about.origin))]
            return [kept(about.name, await self._film(about, part))]
        except Refused as refusal:
            return [refused(about.name, refusal)]

    async def _film(self, about: About, part: Part) -> Stored:
        if part.offset <= _IN_MEMORY_BYTES:
            return await self._ingest.accept(await asyncio.to_thread(part.read, 0, part.offset), about.origin)
        # A file without a name: it is gone with this process, whatever happens.
        fd = os.open(self._spool, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            await asyncio.to_thread(_copy, part, fd)
            return await self._ingest.accept(Path(f"/proc/self/fd/{fd}"), about.origin)
        finally:
            os.close(fd)

    async def _wrapped(self, upload: str, about: About, part: Part, kind: FileKind) -> bytes:
        if part.offset > MAX_MEDIA_BYTES:
            raise FilmRefused(
                "This file is too large: at most {most} bytes are taken.",
                failure_reason=0xA700,
                code="too_large",
                most=MAX_MEDIA_BYTES,
            )
        header = header_from(about.metadata, about.name)
        content = await asyncio.to_thread(part.read, 0, part.offset)
        try:
            film = await self._workers.run(_WRAPPED[kind], content, header, upload, about.created_at, seconds=60)
        except JobFailed as failed:
            raise FilmRefused("This file could not be read.", failure_reason=0xC000, code="unreadable") from failed
        return cast("bytes", film)


def _copy(part: Part, fd: int) -> None:
    for piece in part.pieces():
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]
