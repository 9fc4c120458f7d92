"""Pure: what players need to seek in a file of `matroska`: read from its clusters, written as another beginning.

The file itself only grows at its end, so that a kill costs nothing; it is never touched. Whoever plays it puts the new
beginning, which knows the length and where one can begin, before its first cluster.

Source: RFC 8794 4 (variable sizes), RFC 9559 5.1.1 (SeekHead), 5.1.2.10 (Duration), 5.1.5 (Cues).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from signaling.media.matroska import element, uint

_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TIME, _BLOCK, _CUES = 0xE7, 0xA3, 0x1C53BB6B
_STEPPED_INTO = frozenset({_SEGMENT, _CLUSTER})


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds.

    Attributes:
        ebml: Its first element.
        tracks: The element that says what its track is.
        starts: Byte at which a cluster begins that a decoder can begin with -> its time, ms.
        first: Byte at which the first cluster begins.
        end: Byte after the last whole frame.
        until_ms: Time of that frame.
    """

    ebml: bytes
    tracks: bytes
    starts: dict[int, int]
    first: int
    end: int
    until_ms: int


def contents(pieces: Iterable[bytes]) -> Contents | None:
    """Read a file through, one frame at a time. None where it holds no frame."""
    kept = {_EBML: b"", _TRACKS: b""}
    starts: dict[int, int] = {}
    first = begun = -1
    time = until = end = base = 0
    fresh = False
    data = b""
    for piece in pieces:
        data, at = data + piece, 0
        while (found := _next(data, at)) is not None:
            number, body, size = found
            if number == _CLUSTER:
                begun, fresh = base + at, True
                first = begun if first < 0 else first
            elif number in kept:
                kept[number] = data[at : body + size]
            elif number == _TIME:
                time = int.from_bytes(data[body : body + size])
            elif number == _BLOCK:
                moved, flags = struct.unpack_from("!hB", data, body + 1)
                until, end = time + moved, base + body + size
                if fresh and flags & 0x80:
                    starts[begun] = until
                fresh = False
            at = body + size
        base, data = base + at, data[at:]
    return Contents(kept[_EBML], kept[_TRACKS], starts, first, end, until) if end else None


def beginning(found: Contents) -> bytes:
    """What goes before the first cluster, instead of what the file has there."""
    info = uint(0x2AD7B1, 1_000_000) + element(0x4489, struct.pack("!d", found.until_ms))
    info = element(_INFO, info + element(0x4D80, b"teleconsult") + element(0x5741, b"teleconsult"))
    # Places are written with a fixed width: how long the tables are does not depend on what they say.
    front = len(_seek_head(0, 0, 0))
    behind = front + len(info) + len(found.tracks) + len(_cues(found, 0))
    tables = _seek_head(front, front + len(info), front + len(info) + len(found.tracks)), _cues(found, behind)
    size = behind + found.end - found.first
    segment = _SEGMENT.to_bytes(4) + (size | 1 << 56).to_bytes(8)
    return found.ebml + segment + tables[0] + info + found.tracks + tables[1]


def _seek_head(info_at: int, tracks_at: int, cues_at: int) -> bytes:
    places = ((_INFO, info_at), (_TRACKS, tracks_at), (_CUES, cues_at))
    seeks = (element(0x53AB, number.to_bytes(4)) + element(0x53AC, at.to_bytes(8)) for number, at in places)
    return element(0x114D9B74, b"".join(element(0x4DBB, seek) for seek in seeks))


def _cues(found: Contents, behind: int) -> bytes:
    points = (
        uint(0xB3, at_ms) + element(0xB7, uint(0xF7, 1) + element(0xF1, (behind + start - found.first).to_bytes(8)))
        for start, at_ms in found.starts.items()
    )
    return element(_CUES, b"".join(element(0xBB, point) for point in points))


def _next(data: bytes, at: int) -> tuple[int, int, int] | None:
    """The element at a place: its number, where its body begins, its size; 0 where its children come next.

    None where it is not whole yet.
    """
    if at >= len(data):
        return None
    name = 9 - data[at].bit_length()
    if name > 4 or at + name >= len(data):
        return None
    long = 9 - data[at + name].bit_length()
    body = at + name + long
    if long > 8 or body > len(data):
        return None
    number = int.from_bytes(data[at : at + name])
    if number in _STEPPED_INTO:
        return number, body, 0
    size = int.from_bytes(data[at + name : body]) & ((1 << 7 * long) - 1)
    return (number, body, size) if body + size <= len(data) else None
