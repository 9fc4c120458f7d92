"""Pure: the numbers of pictures in VP8's payload descriptor, and how they go on without a gap in another layer.

Source: RFC 7741 4.2.
"""

from dataclasses import dataclass

_WRAP8 = 0xFF
_WRAP15 = 0x7FFF


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a packet says of its picture.

    Attributes:
        picture: Number of the picture, 7 or 15 bits; None where it has none.
        base: Number of the picture of the base layer (TL0PICIDX), 8 bits; likewise.
    """

    picture: int | None = None
    base: int | None = None


Shift = tuple[int, int]
"""What is added to a source's picture and base numbers on their way to one subscriber."""


def numbers(payload: bytes) -> Numbers:
    """Read a packet's numbers."""
    at, wide, base = _places(payload)
    picture = None
    if at:
        picture = (payload[at] << 8 | payload[at + 1]) & _WRAP15 if wide else payload[at]
    return Numbers(picture, payload[base] if base else None)


def moved(said: Numbers, shift: Shift | None) -> Numbers:
    """Numbers as the subscriber got them."""
    if shift is None:
        return said
    picture = None if said.picture is None else (said.picture + shift[0]) & _WRAP15
    return Numbers(picture, None if said.base is None else (said.base + shift[1]) & _WRAP8)


def following(last: Numbers, first: Numbers) -> Shift | None:
    """What to add so that a key frame follows what the subscriber got last; None for nothing."""
    picture = base = 0
    if last.picture is not None and first.picture is not None:
        picture = (last.picture + 1 - first.picture) & _WRAP15
    if last.base is not None and first.base is not None:
        base = (last.base + 1 - first.base) & _WRAP8
    return (picture, base) if picture or base else None


def shifted(payload: bytes, shift: Shift) -> bytes:
    """The payload with its numbers moved on. `fanout.c: shift` says the same."""
    at, wide, base = _places(payload)
    if not at and not base:
        return payload
    out = bytearray(payload)
    if at and wide:
        out[at : at + 2] = (0x8000 | ((out[at] << 8 | out[at + 1]) + shift[0]) & _WRAP15).to_bytes(2)
    elif at:
        out[at] = (out[at] + shift[0]) & 0x7F
    if base:
        out[base] = (out[base] + shift[1]) & _WRAP8
    return bytes(out)


def _places(payload: bytes) -> tuple[int, bool, int]:
    """Where the picture's number lies, whether it has 15 bits, where the base layer's lies; 0 for nowhere."""
    size = len(payload)
    if size < 2 or not payload[0] & 0x80:
        return 0, False, 0
    has, at, picture, wide = payload[1], 2, 0, False
    if has & 0x80:
        if size <= at:
            return 0, False, 0
        picture, wide = at, bool(payload[at] & 0x80)
        at += 2 if wide else 1
        if size < at:
            return 0, False, 0
    return picture, wide, at if has & 0x40 and at < size else 0
