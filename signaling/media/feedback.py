"""Pure: reads and writes what flows back: key-frame wishes, lost packets, reports, estimates.

No sockets and no keys here: bytes of clear RTCP in, decisions and bytes of clear RTCP out. Everything is bounded.

Source: RFC 3550 (SR, RR), RFC 4585 (NACK, PLI), RFC 5104 (FIR), draft-alvestrand-rmcat-remb.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_WRAP16 = 0xFFFF
PLI_EVERY_S = 0.3

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
_SENDER = 1  # our SSRC in feedback: browsers do not look at it


# ---------------------------------------------------------------- reading
@dataclass(frozen=True, slots=True)
class KeyFrameWish:
    """PLI or FIR for one of our streams."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets of one of our streams that the other side lacks."""

    ssrc: int
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SenderReport:
    """The publisher's clock.

    Attributes:
        ntp: 64-bit NTP time stamp.
        rtp: The same moment on the stream's RTP clock.
    """

    ssrc: int
    ntp: int
    rtp: int


@dataclass(frozen=True, slots=True)
class Reception:
    """What the other side received of one of our streams.

    Attributes:
        lost: Packets that never came under this SSRC, of all so far; signed 24 bits.
        highest: Highest sequence number so far, with its cycles.
        last_sr: Middle 32 bits of the NTP time of the last sender report it had, 0 for none.
        delay_s: How long ago that was.
    """

    ssrc: int
    lost: int
    highest: int
    last_sr: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """REMB: how much the other side can receive."""

    bitrate_bps: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The stream ended."""

    ssrc: int


Feedback = KeyFrameWish | Nack | SenderReport | Reception | Estimate | Goodbye


def parse(data: bytes) -> Iterator[Feedback]:
    """Read a compound RTCP packet; stops silently at the first lie, as RFC 3550 A.2 asks for."""
    at, end = 0, len(data)
    while at + 8 <= end:
        fmt, kind = data[at] & 31, data[at + 1]
        size = 4 * (int.from_bytes(data[at + 2 : at + 4], "big") + 1)
        if data[at] >> 6 != 2 or at + size > end:
            return
        yield from _one(fmt, kind, data[at : at + size])
        at += size


def _one(fmt: int, kind: int, part: bytes) -> Iterator[Feedback]:
    if kind == PSFB and fmt == 1 and len(part) >= 12:
        yield KeyFrameWish(int.from_bytes(part[8:12], "big"))
    elif kind == PSFB and fmt == 4:
        for at in range(12, min(len(part) - 7, 12 + 8 * 16), 8):
            yield KeyFrameWish(int.from_bytes(part[at : at + 4], "big"))
    elif kind == PSFB and fmt == 15 and len(part) >= 20 and part[12:16] == b"REMB":
        packed = int.from_bytes(part[16:20], "big")
        yield Estimate(min((packed & 0x3FFFF) << (packed >> 18 & 0x3F), 10**9))
    elif kind == RTPFB and fmt == 1 and len(part) >= 16:
        yield Nack(int.from_bytes(part[8:12], "big"), tuple(_named(part[12:])))
    elif kind == SR and len(part) >= 28:
        ssrc, ntp, rtp = struct.unpack_from("!IQI", part, 4)
        yield SenderReport(ssrc, ntp, rtp)
        yield from _receptions(part[28:], fmt)
    elif kind == RR:
        yield from _receptions(part[8:], fmt)
    elif kind == BYE:
        for at in range(4, min(len(part) - 3, 4 + 4 * fmt), 4):
            yield Goodbye(int.from_bytes(part[at : at + 4], "big"))


def _named(fci: bytes) -> Iterator[int]:
    for at in range(0, min(len(fci) - 3, 4 * 64), 4):
        pid, mask = struct.unpack_from("!HH", fci, at)
        yield pid
        while mask:
            lowest = mask & -mask
            yield (pid + lowest.bit_length()) & _WRAP16
            mask ^= lowest


def _receptions(blocks: bytes, count: int) -> Iterator[Reception]:
    for at in range(0, min(len(blocks) - 23, 24 * count), 24):
        ssrc, _, lost, highest, _, last_sr, delay = struct.unpack_from("!IB3sIIII", blocks, at)
        yield Reception(ssrc, int.from_bytes(lost, signed=True), highest, last_sr, delay / 65536)


# ---------------------------------------------------------------- writing
def pli(ssrc: int) -> bytes:
    """Ask for a key frame."""
    return struct.pack("!BBHII", 0x81, PSFB, 2, _SENDER, ssrc)


def nack(ssrc: int, seqs: list[int]) -> bytes:
    """Ask for packets again; neighbours share one entry.

    Args:
        ssrc: The source.
        seqs: Rising, at most `loss.MAX_ASKED`.
    """
    entries: list[list[int]] = []
    for seq in seqs:
        if entries and 0 < ((seq - entries[-1][0]) & _WRAP16) <= 16:
            entries[-1][1] |= 1 << (((seq - entries[-1][0]) & _WRAP16) - 1)
        else:
            entries.append([seq, 0])
    fci = b"".join(struct.pack("!HH", pid, mask) for pid, mask in entries)
    return struct.pack("!BBHII", 0x81, RTPFB, 2 + len(entries), _SENDER, ssrc) + fci


def remb(bitrate_bps: int, ssrcs: list[int]) -> bytes:
    """Tell a sender how much it may send in all; preceded by an empty RR, as compound packets must begin with one."""
    mantissa, exponent = bitrate_bps, 0
    while mantissa >= 1 << 18:
        mantissa >>= 1
        exponent += 1
    head = struct.pack("!BBHI", 0x80, RR, 1, _SENDER)
    body = struct.pack("!II4sI", _SENDER, 0, b"REMB", len(ssrcs) << 24 | exponent << 18 | mantissa)
    body += b"".join(struct.pack("!I", ssrc) for ssrc in ssrcs)
    return head + struct.pack("!BBH", 0x8F, PSFB, len(body) // 4) + body


def sender_report(ssrc: int, ntp: int, rtp: int, packets: int, octets: int) -> bytes:
    """The publisher's clock, told to a subscriber in the subscriber's numbers."""
    counts = packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    return struct.pack("!BBHIQIII", 0x80, SR, 6, ssrc, ntp, rtp & 0xFFFFFFFF, *counts)


def receiver_report(blocks: list[bytes]) -> bytes:
    """A receiver report of up to 31 blocks."""
    body = b"".join(blocks[:31])
    return struct.pack("!BBHI", 0x80 | min(len(blocks), 31), RR, 1 + len(body) // 4, _SENDER) + body
