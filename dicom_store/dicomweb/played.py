"""What is shown as it is: videos to a player, documents to a reader. In stretches, so that a phone can seek.

Source: DICOM PS3.18 8.7.4.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dicom_store.archive import Archive
from dicom_store.dicomweb.ranges import Reader, in_memory
from dicom_store.errors import NotRenderable
from dicom_store.fragments import Fragment, unpack_fragments
from dicom_store.model import InstanceRecord
from dicom_store.ports import Scope
from dicom_store.render.handing import is_video

_DOCUMENT = "00420011"
_DOCUMENT_LENGTH = "00420015"
_PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes of which any stretch can be read."""

    length: int
    read: Reader


async def video_of(archive: Archive, record: InstanceRecord) -> Stream | None:
    """A film's video as it was received; None where its pixels are no video."""
    if not is_video(record) or record.frames < 1:
        return None
    fragments = unpack_fragments(await archive.index.fragments(record))[1:]
    length = sum(fragment.length for fragment in fragments)

    async def read(start: int, wanted: int) -> AsyncIterator[bytes]:
        for fragment in _cut(fragments, start, wanted):
            async for piece in archive.films.stream(record, fragment.start, fragment.length):
                yield piece

    return Stream(length, read)


def _cut(fragments: list[Fragment], start: int, length: int) -> list[Fragment]:
    """The places in the film where a stretch of the joined fragments lies."""
    found, place = [], 0
    for fragment in fragments:
        low = max(start, place)
        high = min(start + length, place + fragment.length)
        if low < high:
            found.append(Fragment(fragment.start + low - place, high - low))
        place += fragment.length
    return found


async def is_mp4(video: Stream) -> bool:
    """Whether a browser's player can take the video as it is."""
    head = b"".join([piece async for piece in video.read(0, min(12, video.length))])
    return head[4:8] == b"ftyp"


def is_document(record: InstanceRecord) -> bool:
    """Whether a film is an encapsulated PDF."""
    return record.sop_class == _PDF_CLASS


async def document_of(archive: Archive, record: InstanceRecord, scope: Scope) -> Stream:
    """A film's PDF.

    Raises:
        NotRenderable: It is none.
    """
    value = (await archive.films.bulk(record, _DOCUMENT))[0]
    if not value.startswith(b"%PDF-"):
        raise NotRenderable("This kind of document cannot be shown.", code="document")
    described = await archive.index.described(scope, record.key.study, record.series, record.instance)
    said = json.loads(b"{" + described[0].header + b"}").get(_DOCUMENT_LENGTH, {}).get("Value") or [len(value)]
    if isinstance(said[0], int) and 0 <= len(value) - said[0] <= 1:
        value = value[: said[0]]  # without what made its length even
    return Stream(len(value), in_memory(value))
