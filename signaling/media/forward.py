"""Pure: renumbers packets of a source for one subscriber, without a gap when the source changes.

A subscriber's decoder must see one unbroken stream: its own SSRC, rising sequence numbers and timestamps, even when the
publisher reloads the page or another layer is chosen. No await, no I/O.

Source: RFC 3550 5.1; re-basing offsets at a switch is what every selective forwarder does.
"""

from dataclasses import dataclass, field

from signaling.media.vp8 import Shift

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
class Run:
    """What changes with every packet of a lane.

    Attributes:
        packets: Sent so far, for sender reports.
        octets: Payload bytes sent so far.
        guard: Packets for which `takes` must still be asked, -1 while it waits for where to begin; the packet path
            counts it down.
    """

    packets: int = 0
    octets: int = 0
    guard: int = 0


@dataclass(slots=True)
class Numbering:
    """How one subscriber's stream is numbered.

    Attributes:
        ssrc: Its synchronisation source.
        pt: Payload type the subscriber expects.
        seq_off: Added to the source's sequence numbers, modulo 2^16.
        ts_off: Added to the source's timestamps, modulo 2^32.
        floor: The source's first forwarded sequence number after a beginning.
        shift: Added to the numbers of VP8's pictures, None for nothing.
        run: What changes with every packet.
    """

    ssrc: int
    pt: int
    seq_off: int
    ts_off: int
    floor: int = 0
    shift: Shift | None = None
    run: Run = field(default_factory=Run)

    @property
    def waits(self) -> bool:
        """Whether nothing is sent yet."""
        return self.run.guard < 0

    def wait(self) -> None:
        """Send nothing until `begin`."""
        self.run.guard = -1

    def begin(self, first: Heard, last: Heard | None, clock_hz: int) -> None:
        """Send from here on; after another source so that the subscriber sees no gap and time goes on.

        Args:
            first: The first packet to send.
            last: The old source's newest packet, None when nothing was sent before.
            clock_hz: RTP clock of both.
        """
        if last is not None:
            elapsed = max(1, round((first.at_s - last.at_s) * clock_hz))
            self.seq_off = (last.seq + self.seq_off + 1 - first.seq) & _WRAP16
            self.ts_off = (last.ts + self.ts_off + elapsed - first.ts) & _WRAP32
        self.floor = first.seq
        self.run.guard = _GUARDED

    def takes(self, seq: int) -> bool:
        """Whether a packet belongs to after the beginning; a late one from before would repeat a number."""
        return ((seq - self.floor) & _WRAP16) < _HALF

    def source_seq(self, out_seq: int) -> int | None:
        """The source's number of a packet that is asked for again; None for what was before the beginning."""
        seq = (out_seq - self.seq_off) & _WRAP16
        return None if self.run.guard and (self.waits or not self.takes(seq)) else seq
