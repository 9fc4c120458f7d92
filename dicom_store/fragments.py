"""The fragments of encapsulated pixel data: which belong to a frame, and how the index keeps their places. Pure.

Source: DICOM PS3.5 A.4.
"""

import struct
from typing import NamedTuple

from dicom_store.errors import FilmRefused


class Fragment(NamedTuple):
    """One fragment of encapsulated pixel data, without the item header."""

    start: int
    length: int


_PLACE = struct.Struct("<QI")


def pack_fragments(fragments: list[Fragment]) -> bytes:
    """Places of fragments as the index keeps them: u64 start and u32 length each, little endian."""
    return b"".join(_PLACE.pack(start, length) for start, length in fragments)


def unpack_fragments(packed: bytes) -> list[Fragment]:
    """What `pack_fragments` packed."""
    return [Fragment(start, length) for start, length in _PLACE.iter_unpack(packed)]


def frame_fragments(fragments: list[Fragment], frames: int, offsets: list[int]) -> list[list[Fragment]]:
    """Which fragments make up each frame.

    Args:
        fragments: Without the basic offset table.
        frames: How many frames the film says it has.
        offsets: Values of the basic or the extended offset table; may be empty.

    Returns:
        For each frame its fragments, in order.

    Raises:
        FilmRefused: They cannot be told apart.

    Source: DICOM PS3.5 A.4.
    """
    if frames <= 1:
        return [fragments]
    if len(offsets) == frames:
        first = fragments[0].start - 8 if fragments else 0
        starts = {offset + first: number for number, offset in enumerate(offsets)}
        grouped: list[list[Fragment]] = [[] for _ in range(frames)]
        current = -1
        for fragment in fragments:
            current = starts.get(fragment.start - 8, current)
            if current >= 0:
                grouped[current].append(fragment)
        if all(grouped):
            return grouped
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    raise FilmRefused("The frames of this film cannot be told apart.", failure_reason=0xC000, code="no_frame_offsets")
