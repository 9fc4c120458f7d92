"""Which bytes of a film a worker needs for one frame: of a film with many frames only its header and that frame."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from dicom_store.errors import NotRenderable
from dicom_store.model import InstanceRecord

MAX_WHOLE_BYTES = 256 << 20
"""Largest film that is handed to a worker in one piece."""

_HEADER_BYTES = 16 << 20
"""More than any header; what comes after it is not looked at."""
_LARGE_BYTES = 4 << 20
"""Films of many compressed frames above it are not handed over as a whole."""
_DEFLATED = "1.2.840.10008.1.2.1.99"
_VIDEO = "1.2.840.10008.1.2.4.10"
"""Start of the UIDs of MPEG-2, H.264 and HEVC: their frames lean on each other."""


class Films(Protocol):
    """Where the bytes of films are: `storage.films.Films`."""

    def whole_in_memory(self, record: InstanceRecord) -> bytes | None:
        """A film where no disk has to be waited for, None elsewhere; for a thread."""

    def stream(self, record: InstanceRecord, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """A stretch of a film."""

    async def frames(self, record: InstanceRecord, numbers: Sequence[int]) -> list[bytes]:
        """Some frames, as they are stored."""


def is_video(record: InstanceRecord) -> bool:
    """Whether a film's pixels are a video stream."""
    return record.transfer_syntax.startswith(_VIDEO)


async def for_frame(films: Films, record: InstanceRecord, frame: int) -> tuple[bytes, bytes | None]:
    """What a worker needs for one frame.

    Returns:
        The whole film and None; or what comes before its pixels, and the frame as it is stored.

    Raises:
        NotRenderable: No such frame, or too large.
    """
    if record.frames < 1:
        raise NotRenderable("This film has no pixels.", code="no_pixels")
    if not 1 <= frame <= record.frames:
        raise NotRenderable("This film has {count} frames.", code="no_such_frame", count=record.frames)
    length, frames = record.pixel_length, record.frames
    if frames > 1 and record.pixel_offset < 0 and record.blob.length > _LARGE_BYTES and not is_video(record):
        return await _stretch(films, record, 0, _HEADER_BYTES), (await films.frames(record, [frame]))[0]
    native = record.pixel_offset > 0 and record.transfer_syntax != _DEFLATED and record.bits_allocated >= 8
    if frames > 1 and native and length % frames == 0:
        size = length // frames
        head = await _stretch(films, record, 0, record.pixel_offset)
        return head, await _stretch(films, record, record.pixel_offset + (frame - 1) * size, size)
    return await whole(films, record), None


async def whole(films: Films, record: InstanceRecord) -> bytes:
    """The film in one piece. Raises NotRenderable."""
    return await _stretch(films, record, 0, record.blob.length)


async def _stretch(films: Films, record: InstanceRecord, start: int, length: int) -> bytes:
    if length > MAX_WHOLE_BYTES:
        raise NotRenderable("This film is too large to be shown as a picture.", code="too_large")
    return b"".join([piece async for piece in films.stream(record, start, length)])
