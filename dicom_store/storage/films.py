"""Reads films back: whole, in pieces, or single frames without the rest."""

import struct
from collections.abc import AsyncIterator, Sequence

from dicom_store import fragments as places
from dicom_store import tagwalk
from dicom_store.dicomjson import swapped
from dicom_store.elements import PIXEL_DATA, Element
from dicom_store.errors import NotFound, NotRenderable
from dicom_store.fragments import Fragment
from dicom_store.model import InstanceRecord
from dicom_store.storage.blobs import Blobs
from dicom_store.storage.index import Index
from dicom_store.tagwalk import DEFLATED_LITTLE, EXPLICIT_BIG

_NO_FRAME = "This film has no such frame."
_NO_VALUE = "This film has no such value."
# Their pixels share colour samples between neighbours: two samples a pixel instead of three. PS3.3 C.7.6.3.1.2.
_HALF_COLOUR = {"YBR_FULL_422", "YBR_PARTIAL_422"}


class Films:
    """Reading side of the archive."""

    def __init__(self, blobs: Blobs, index: Index) -> None:
        self._blobs = blobs
        self._index = index

    async def whole(self, record: InstanceRecord) -> bytes:
        """The original bytes of a film."""
        return await self._blobs.read(record.blob)

    def whole_in_memory(self, record: InstanceRecord) -> bytes | None:
        """The same where no disk has to be waited for, None elsewhere; for a thread."""
        return self._blobs.read_in_memory(record.blob)

    def stream(self, record: InstanceRecord, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The original bytes of a film, or a stretch of them, in pieces."""
        return self._blobs.stream(record.blob, start, length)

    async def bulk(self, record: InstanceRecord, path: str) -> list[bytes]:
        """One binary value by its path; encapsulated pixel data frame by frame where they can be told apart.

        Raises:
            NotFound: The film has no such value.
        """
        if path.upper() == "7FE00010" and record.pixel_offset < 0 and record.frames > 0:
            return await self.frames(record, range(1, record.frames + 1))
        return await self._blobs.run(_bulk, await self.whole(record), path)

    async def frames(self, record: InstanceRecord, numbers: Sequence[int]) -> list[bytes]:
        """Some frames as they are stored: encoded, or native little endian.

        Args:
            record: The film.
            numbers: Counted from 1.

        Raises:
            NotFound: The film has no such frame.
            NotRenderable: Its frames cannot be told apart.
        """
        if not numbers or any(not 1 <= number <= record.frames for number in numbers):
            raise NotFound(_NO_FRAME)
        if record.pixel_offset < 0:
            places = await self._encapsulated(record)
            return [await self._joined(record, places[number - 1]) for number in numbers]
        size_bits = frame_bits(record)
        if (size_bits * record.frames + 7) // 8 > record.pixel_length:
            raise NotRenderable("The pixels of this film do not fit its description.")
        if record.transfer_syntax == DEFLATED_LITTLE:
            film = await self._blobs.run(_inflated, await self.whole(record))
            return [_cut_bits(film, record.pixel_offset, size_bits, number - 1) for number in numbers]
        return [await self._native(record, size_bits, number - 1) for number in numbers]

    async def _native(self, record: InstanceRecord, bits: int, number: int) -> bytes:
        first = bits * number // 8
        last = -(-bits * (number + 1) // 8)
        data = await self._blobs.read(record.blob, record.pixel_offset + first, last - first)
        if bits % 8:
            return _shifted(data, bits * number % 8, bits)
        if record.transfer_syntax == EXPLICIT_BIG and record.bits_allocated > 8:
            return swapped(data, "OL" if record.bits_allocated == 32 else "OW")
        return data

    async def _encapsulated(self, record: InstanceRecord) -> list[list[Fragment]]:
        fragments = places.unpack_fragments(await self._index.fragments(record))
        if not fragments:
            raise NotFound(_NO_FRAME)
        table = fragments[0]
        offsets: list[int] = []
        if record.frames > 1 and 4 <= table.length <= 4 * record.frames:
            raw = await self._blobs.read(record.blob, table.start, table.length)
            offsets = list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))
        return places.frame_fragments(fragments[1:], record.frames, offsets)

    async def _joined(self, record: InstanceRecord, fragments: list[Fragment]) -> bytes:
        if not fragments:
            raise NotFound(_NO_FRAME)
        start = fragments[0].start
        end = fragments[-1].start + fragments[-1].length
        if end - start == sum(fragment.length for fragment in fragments) + 8 * (len(fragments) - 1):
            data = await self._blobs.read(record.blob, start, end - start)
            if len(fragments) == 1:
                return data
            return b"".join(data[item.start - start : item.start - start + item.length] for item in fragments)
        parts = [await self._blobs.read(record.blob, item.start, item.length) for item in fragments]
        return b"".join(parts)


def frame_bits(record: InstanceRecord) -> int:
    """Bits of one native frame; frames of single bits follow each other without gaps."""
    samples = 2 if record.photometric in _HALF_COLOUR and record.samples == 3 else record.samples
    bits = record.rows * record.columns * samples * record.bits_allocated
    if bits == 0:
        raise NotRenderable("The pixels of this film do not fit its description.")
    return bits


def _inflated(film: bytes) -> bytes:
    return bytes(tagwalk.walk(film).data)


def _cut_bits(film: bytes, offset: int, bits: int, number: int) -> bytes:
    first = bits * number // 8
    last = -(-bits * (number + 1) // 8)
    data = film[offset + first : offset + last]
    return data if bits % 8 == 0 else _shifted(data, bits * number % 8, bits)


def _shifted(data: bytes, skip: int, bits: int) -> bytes:
    """A frame that starts within a byte, moved to start at one; the last byte is filled with zeros."""
    value = int.from_bytes(data, "little") >> skip & ((1 << bits) - 1)
    return value.to_bytes(-(-bits // 8), "little")


def _bulk(film: bytes, path: str) -> list[bytes]:
    """The value at a path such as `00420011` or `00081115/0/00091010`; of encapsulated pixel data each fragment."""
    walk = tagwalk.walk(film)
    words = path.split("/")
    elements = walk.elements
    for place in range(0, len(words) - 1, 2):
        sequence = _by_word(elements, words[place])
        number = int(words[place + 1]) if words[place + 1].isdigit() and len(words[place + 1]) < 9 else -1
        if sequence.items is None or not 0 <= number < len(sequence.items):
            raise NotFound(_NO_VALUE)
        elements = sequence.items[number]
    element = _by_word(elements, words[-1])
    if element.items is not None or len(words) % 2 == 0:
        raise NotFound(_NO_VALUE)
    if element.tag == PIXEL_DATA and walk.fragments is not None and len(words) == 1:
        return [bytes(walk.data[item.start : item.start + item.length]) for item in walk.fragments[1:]]
    value = walk.value(element)
    return [swapped(value, element.vr[-2:]) if walk.big else value]


def _by_word(elements: list[Element], word: str) -> Element:
    tag = int(word, 16) if len(word) == 8 and all(letter in "0123456789ABCDEFabcdef" for letter in word) else -1
    for element in elements:
        if element.tag == tag:
            return element
    raise NotFound(_NO_VALUE)
