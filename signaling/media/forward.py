"""Pure: renumbers packets of a source for one subscriber, without a gap when the source changes.

A subscriber's decoder must see one unbroken stream: its own SSRC, rising sequence numbers and timestamps, even when the
publisher reloads the page or another layer is chosen. No await, no I/O.

Source: RFC 3550 5.1; re-basing offsets at a switch is what every selective forwarder does.
"""

from dataclasses import dataclass

_HALF = 0x8000
_WRAP16 = 0xFFFF
_WRAP32 = 0xFFFFFFFF
_GUARDED = 512
"""Packets after a switch during which late ones from before are looked for; fewer than half the circle."""


def newer(a: int, b: int) -> bool:
    """Whether sequence number `a` comes after `b` on the 16-bit circle."""
    return a != b and ((a - b) & _WRAP16) < _HALF


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet that came.

    Attributes:
        seq: Sequence number, 16 bits.
        ts: RTP timestamp, 32 bits.
        at_s: Monotonic seconds of its arrival.
    """

    seq: int
    ts: int
    at_s: float


@dataclass(slots=True)
class Numbering:
    """How one subscriber's stream is numbered.

    Attributes:
        ssrc: Its synchronisation source.
        pt: Payload type the subscriber expects.
        seq_off: Added to the source's sequence numbers, modulo 2^16.
        ts_off: Added to the source's timestamps, modulo 2^32.
        guard: Packets for which `takes` must still be asked; the packet path counts it down.
        floor: The source's first forwarded sequence number after a switch.
        packets: Sent so far, for sender reports.
        octets: Payload bytes sent so far.
    """

    ssrc: int
    pt: int
    seq_off: int
    ts_off: int
    guard: int = 0
    floor: int = 0
    packets: int = 0
    octets: int = 0

    def switch(self, last: Heard, first: Heard, clock_hz: int) -> None:
        """Go on with another source so that the subscriber sees no gap and time goes on.

        Args:
            last: The old source's newest packet.
            first: The new source's first packet.
            clock_hz: RTP clock of both.
        """
        elapsed = max(1, round((first.at_s - last.at_s) * clock_hz))
        self.seq_off = (last.seq + self.seq_off + 1 - first.seq) & _WRAP16
        self.ts_off = (last.ts + self.ts_off + elapsed - first.ts) & _WRAP32
        self.floor = first.seq
        self.guard = _GUARDED

    def takes(self, seq: int) -> bool:
        """Whether a packet belongs to after the switch; a late one from before would repeat a number."""
        return ((seq - self.floor) & _WRAP16) < _HALF

    def source_seq(self, out_seq: int) -> int:
        """The source's number of a packet that the subscriber asks for again."""
        return (out_seq - self.seq_off) & _WRAP16
