"""Pure: whole encoded frames out of RTP packets that come late, twice, in disorder or never. Nothing is decoded.

Source: RFC 7741 4.2 (VP8), RFC 6184 5.6-5.8 (H264), RFC 7587 4.2 (Opus), RFC 6386 9.1, H.264 7.3.2.1.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from signaling.media.matroska import Format, avc_private

_WRAP16 = 0xFFFF
_HALF = 0x8000
_PATIENCE_S = 1.5
"""A repeat that has not come by then does not come."""
_MOST_HELD = 512
_MOST_FRAME_BYTES = 2 << 20
_SPS, _PPS, _IDR, _STAP_A, _FU_A = 7, 8, 5, 24, 28


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet's content."""

    seq: int
    ts: int
    marker: bool
    at_s: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded frame.

    Attributes:
        ts: RTP time stamp.
        at_s: When its last packet came.
        key: Whether a decoder can begin here.
    """

    ts: int
    at_s: float
    data: bytes
    key: bool


class Order:
    """Puts packets back into their order, and says where some never came."""

    def __init__(self) -> None:
        self._held: dict[int, Packet] = {}
        self._next: int | None = None

    def take(self, packet: Packet) -> Iterator[Packet | None]:
        """What can be said now; None stands for a gap."""
        if self._next is None:
            self._next = packet.seq
        if ((packet.seq - self._next) & _WRAP16) >= _HALF:
            return  # a repeat of what is already out
        self._held[packet.seq] = packet
        while self._held:
            ready = self._held.pop(self._next, None)
            if ready is None:
                nearest = min(self._held, key=lambda seq: (seq - (self._next or 0)) & _WRAP16)
                overdue = packet.at_s - self._held[nearest].at_s > _PATIENCE_S or len(self._held) > _MOST_HELD
                if not overdue:
                    return
                self._next = nearest
                yield None
                continue
            self._next = (self._next + 1) & _WRAP16
            yield ready


class Frames:
    """Frames of one track.

    Args:
        codec: `opus`, `VP8` or `H264`.

    Attributes:
        form: What the track holds, None before it is known.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._order = Order()
        self._parts: list[bytes] = []
        self._size = 0
        self._ts: int | None = None
        self._whole = True
        self._fits = codec == "opus"
        self._sets: dict[int, bytes] = {}
        self._open = bytearray()
        self.form: Format | None = Format("opus") if codec == "opus" else None

    def take(self, packet: Packet) -> Iterator[Frame]:
        """A packet came; the frames that are whole with it, those after a loss only from the next key frame on."""
        for ready in self._order.take(packet):
            if ready is None:
                self._whole = False
                self._fits = self._codec == "opus"
            elif self._codec == "opus":
                if ready.payload:
                    yield Frame(ready.ts, ready.at_s, ready.payload, key=True)
            else:
                yield from self._picture(ready)

    def _picture(self, packet: Packet) -> Iterator[Frame]:
        if packet.ts != self._ts:
            self._begin(packet)
        part = self._part(packet.payload, first=not self._parts)
        if part is None or self._size + len(part) > _MOST_FRAME_BYTES:
            self._whole = False
        elif self._whole:
            self._parts.append(part)
            self._size += len(part)
        if packet.marker:
            frame = self._finish(packet)
            if frame is not None:
                yield frame

    def _begin(self, packet: Packet) -> None:
        if self._parts:
            self._fits = False  # the last one never ended
        self._parts, self._size, self._ts, self._whole = [], 0, packet.ts, True

    def _finish(self, packet: Packet) -> Frame | None:
        data, whole = b"".join(self._parts), self._whole
        self._parts, self._size, self._ts = [], 0, None
        if not whole or not data:
            self._fits = False
            return None
        key = self._key(data)
        self._fits = self._fits or (key and self.form is not None)
        return Frame(packet.ts, packet.at_s, data, key) if self._fits else None

    def _key(self, data: bytes) -> bool:
        if self._codec == "H264":
            kinds = [unit[0] & 31 for unit in units(data) if unit]
            if _IDR not in kinds:
                return False
            if _SPS in self._sets and _PPS in self._sets:
                self.form = avc_format(self._sets[_SPS], self._sets[_PPS]) or self.form
            return True
        if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
            return False
        size = int.from_bytes(data[6:10], "little")
        self.form = Format("VP8", size & 0x3FFF, size >> 16 & 0x3FFF)
        return True

    def _part(self, payload: bytes, *, first: bool) -> bytes | None:
        if self._codec == "VP8":
            skip = vp8_descriptor(payload)
            begins = skip is not None and bool(payload[0] & 0x10) and not payload[0] & 7
            return None if skip is None or (first and not begins) else payload[skip:]
        return self._units(payload, first=first)

    def _units(self, payload: bytes, *, first: bool) -> bytes | None:
        """H264: network abstraction units, each behind its length."""
        if len(payload) < 2:
            return None
        kind = payload[0] & 31
        if kind == _FU_A:
            return self._fragment(payload)
        if kind == _STAP_A:
            parts, at = [], 1
            while at + 2 < len(payload):
                size = payload[at] << 8 | payload[at + 1]
                parts.append(self._unit(payload[at + 2 : at + 2 + size]))
                at += 2 + size
            return b"".join(parts) if at == len(payload) else None
        return self._unit(payload) if 0 < kind < _STAP_A else None

    def _fragment(self, payload: bytes) -> bytes | None:
        if payload[1] & 0x80:
            self._open = bytearray((payload[0] & 0xE0 | payload[1] & 31,))
        elif not self._open:
            return None
        self._open += payload[2:]
        if len(self._open) > _MOST_FRAME_BYTES:
            return None
        if payload[1] & 0x40:
            done, self._open = bytes(self._open), bytearray()
            return self._unit(done)
        return b""

    def _unit(self, unit: bytes) -> bytes:
        kind = unit[0] & 31 if unit else 0
        if kind in (_SPS, _PPS) and len(unit) < 256:
            self._sets[kind] = unit
        return len(unit).to_bytes(4) + unit


def vp8_descriptor(payload: bytes) -> int | None:
    """Bytes before the VP8 data of a packet; None where there is none."""
    if len(payload) < 2:
        return None
    at = 1
    if payload[0] & 0x80:
        has, at = payload[1], 2
        if has & 0x80:
            at += 2 if len(payload) > at and payload[at] & 0x80 else 1
        at += bool(has & 0x40) + bool(has & 0x30)
    return at if at < len(payload) else None


def units(data: bytes) -> Iterator[bytes]:
    """The units of a frame, each behind its length of 4 bytes."""
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def avc_format(sps: bytes, pps: bytes) -> Format | None:
    """What a sequence parameter set of baseline H264 says; None where it cannot be read."""
    if len(sps) < 5 or len(sps) > 255 or not pps:
        return None
    try:
        width, height = _avc_size(sps)
    except IndexError:
        return None
    return Format("H264", width, height, avc_private(sps, pps)) if 0 < width <= 16384 and 0 < height <= 16384 else None


def _avc_size(sps: bytes) -> tuple[int, int]:
    bits = _Bits(sps[4:].replace(b"\0\0\3", b"\0\0"))
    bits.golomb()  # seq_parameter_set_id
    bits.golomb()  # log2_max_frame_num
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    width, height = 16 * (bits.golomb() + 1), 16 * (bits.golomb() + 1)
    if not bits.take(1):
        height *= 2
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        width, height = width - 2 * (left + right), height - 2 * (top + bottom)
    return width, height


class _Bits:
    """Reads bits from the front; past the end is an IndexError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise IndexError
        return (1 << zeros) - 1 + self.take(zeros)
