"""Pure: writes one track of encoded frames as WebM or Matroska, growing at its end only. Nothing is encoded here.

Segment and clusters have unknown sizes, as a live stream's: what was written until a kill plays.

Source: RFC 8794 (EBML), RFC 9559 (Matroska), RFC 7845 5.1 (OpusHead), ISO/IEC 14496-15 5.3.3.1 (avcC).
"""

import struct
from dataclasses import dataclass

_UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_CLUSTER_MS = 5_000
_MOST_RELATIVE_MS = 0x7FFF
_VIDEO, _AUDIO = 1, 2
_OPUS_PREROLL_NS = 80_000_000


@dataclass(frozen=True, slots=True)
class Format:
    """What a track holds.

    Attributes:
        codec: `opus`, `VP8` or `H264`.
        width: Of pictures, px.
        height: Of pictures, px.
        private: `avcC` of H264.
    """

    codec: str
    width: int = 0
    height: int = 0
    private: bytes = b""

    @property
    def suffix(self) -> str:
        """Of a file's name."""
        return "mkv" if self.codec == "H264" else "webm"


def header(form: Format) -> bytes:
    """Everything before the first frame."""
    kind = b"matroska" if form.codec == "H264" else b"webm"
    ebml = uint(0x4286, 1) + uint(0x42F7, 1) + uint(0x42F2, 4) + uint(0x42F3, 8)
    ebml += element(0x4282, kind) + uint(0x4287, 4) + uint(0x4285, 2)
    info = uint(0x2AD7B1, 1_000_000) + element(0x4D80, b"teleconsult") + element(0x5741, b"teleconsult")
    tracks = element(0x1654AE6B, element(0xAE, _track(form)))
    return element(0x1A45DFA3, ebml) + b"\x18\x53\x80\x67" + _UNKNOWN + element(0x1549A966, info) + tracks


class Clusters:
    """Frames behind a header."""

    def __init__(self) -> None:
        self._began_ms: int | None = None

    def frame(self, at_ms: int, data: bytes, *, key: bool) -> bytes:
        """One frame's bytes.

        Args:
            at_ms: Since the beginning; never less than before.
            data: The encoded frame.
            key: Whether one can begin here.
        """
        begun = self._began_ms
        due = begun is None or at_ms - begun > _MOST_RELATIVE_MS or (key and at_ms - begun >= _CLUSTER_MS)
        head = b""
        if begun is None or due:
            self._began_ms = begun = at_ms
            head = b"\x1f\x43\xb6\x75" + _UNKNOWN + uint(0xE7, at_ms)
        block = struct.pack("!BhB", 0x81, at_ms - begun, 0x80 if key else 0) + data
        return head + element(0xA3, block)


def avc_private(sps: bytes, pps: bytes) -> bytes:
    """The `avcC` of one sequence and one picture parameter set."""
    sets = struct.pack("!BH", 0xE1, len(sps)) + sps + struct.pack("!BH", 1, len(pps)) + pps
    return bytes((1, sps[1], sps[2], sps[3], 0xFF)) + sets


def _track(form: Format) -> bytes:
    name = {"opus": b"A_OPUS", "VP8": b"V_VP8", "H264": b"V_MPEG4/ISO/AVC"}[form.codec]
    entry = uint(0xD7, 1) + uint(0x73C5, 1) + uint(0x9C, 0) + element(0x86, name)
    if form.codec == "opus":
        head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48_000, 0, 0)
        sound = element(0xB5, struct.pack("!d", 48_000.0)) + uint(0x9F, 2)
        return (
            entry + uint(0x83, _AUDIO) + element(0x63A2, head) + uint(0x56BB, _OPUS_PREROLL_NS) + element(0xE1, sound)
        )
    private = element(0x63A2, form.private) if form.private else b""
    return entry + uint(0x83, _VIDEO) + private + element(0xE0, uint(0xB0, form.width) + uint(0xBA, form.height))


def element(number: int, body: bytes) -> bytes:
    """An element with its content."""
    return number.to_bytes((number.bit_length() + 7) // 8) + _size(len(body)) + body


def uint(number: int, value: int) -> bytes:
    """An element that holds a number."""
    return element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _size(length: int) -> bytes:
    return (length | 1 << 28).to_bytes(4) if length < (1 << 28) - 1 else (length | 1 << 56).to_bytes(8)
