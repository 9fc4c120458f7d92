"""Pure: what of a source never came, when to ask for it again, and when a key frame is the better wish.

No sockets: sequence numbers and times in, decisions out. Everything is bounded, whatever numbers a sender invents.

Source: RFC 3550 A.1 (sequence numbers), RFC 4585 6.2.1 (NACK), RFC 6298 (Karn's rule), RFC 4588 (repeats in a stream
of their own).
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from signaling.media.tally import Tally

_WRAP16 = 0xFFFF
_HALF = 0x8000
_MAX_GAP = 200
"""A larger jump is a restart of the stream, not loss."""
_MAX_OPEN = 256
"""Packets asked for at one time; beyond that a key frame is cheaper than all the repeats."""
_MAX_TRIES = 10
_MAX_AGE_S = 2.0
"""Older packets are of no use to a call."""
_CUT_S = 1.0
"""After a silence this long the link was cut: what was lost in it is not asked for."""
_MOST_STREAMS = 128
_FEW = 20
MAX_ASKED = 60
"""Packets named in one NACK."""
_FIRST_ROUND_TRIP_S = 0.067
_FASTEST_REPEAT_S = 0.03
_SLOWEST_REPEAT_S = 0.5


class _Ask:
    """One missing packet."""

    __slots__ = ("due_s", "first_s", "found_s", "tries")

    def __init__(self, now_s: float) -> None:
        self.found_s = self.due_s = now_s
        self.first_s = 0.0
        self.tries = 0


class Missing:
    """Upstream loss of one source.

    Repeats are no faster than the link's own round trip, learnt from how long repeats took: a fixed 100 ms makes a bad
    link worse, because every packet is then sent several times.

    Args:
        repairs: Whether lost packets are asked for (video); counted they are always.
        apart: Whether repeats come in a stream of their own.
        tally: Where it is counted; begun anew.

    Attributes:
        apart: Likewise; what then comes late in the stream itself was only late.
        broken: More was lost than repeats can mend; whoever asks for a key frame takes this back.
        repaired: Packets that came only as repeats.
    """

    __slots__ = ("_asked", "_repairs", "_tally", "apart", "broken", "repaired", "round_trip_s")

    def __init__(self, *, repairs: bool = True, apart: bool = False, tally: Tally | None = None) -> None:
        self.apart = apart
        self.round_trip_s = _FIRST_ROUND_TRIP_S
        self.repaired = 0
        self.broken = False
        self._repairs = repairs
        self._asked: dict[int, _Ask] = {}
        self._tally = tally = tally or Tally()
        tally.highest, tally.cycles, tally.expected, tally.received, tally.at_s = -1, 0, 0, 0, 0.0

    @property
    def highest(self) -> int | None:
        """The newest sequence number."""
        highest = self._tally.highest
        return None if highest < 0 else highest

    @property
    def cycles(self) -> int:
        """How often the numbers began again."""
        return self._tally.cycles

    @property
    def expected(self) -> int:
        """Packets that should have come."""
        return self._tally.expected

    @property
    def received(self) -> int:
        """Packets that came, repeats included."""
        return self._tally.received

    def came(self, seq: int, now_s: float) -> None:
        """A packet arrived. `flows.c: note` counts the next one likewise; of any other it knows nothing."""
        tally = self._tally
        tally.received += 1
        highest = tally.highest
        if highest < 0:
            tally.highest, tally.at_s = seq, now_s
            tally.expected += 1
            return
        ahead = (seq - highest) & _WRAP16
        if ahead == 1:
            tally.expected += 1
        elif 1 < ahead < _HALF:
            self._jumped(highest, ahead, now_s)
        else:
            if self._asked and self._mended(seq, now_s) and not self.apart:
                self.repaired += 1
            return
        if seq < highest:
            tally.cycles += 1
        tally.highest, tally.at_s = seq, now_s

    def repeated(self, seq: int, now_s: float) -> bool:
        """A repeat came in its own stream; False for what was not missing: a probe of the link, or a second one."""
        if not self._mended(seq, now_s):
            return False
        self._tally.received += 1
        self.repaired += 1
        return True

    @property
    def never(self) -> int:
        """Packets that never came, not even as repeats.

        Reports carry this as the cumulative loss, beside the fraction at first sending: browsers limit their bitrate by
        the former, and what a repeat has mended is no reason to send less.
        """
        return max(0, self.expected - self.received)

    @property
    def any(self) -> bool:
        """Whether anything is missing."""
        return bool(self._asked)

    def due(self, now_s: float) -> list[int]:
        """Sequence numbers to ask for now, at most one NACK's worth, oldest first."""
        late = [seq for seq, ask in self._asked.items() if ask.tries >= _MAX_TRIES or now_s - ask.found_s > _MAX_AGE_S]
        for seq in late:
            del self._asked[seq]
            self.broken = True
        due = [(seq, ask) for seq, ask in self._asked.items() if ask.due_s <= now_s][:MAX_ASKED]
        pause = min(max(self.round_trip_s * 1.5, _FASTEST_REPEAT_S), _SLOWEST_REPEAT_S)
        for _, ask in due:
            ask.first_s = ask.first_s or now_s
            ask.due_s = now_s + pause
            ask.tries += 1
        return [seq for seq, _ in due]

    def relax(self) -> None:
        """A second has passed: what was learnt of a queue that is gone fades."""
        self.round_trip_s = max(_FIRST_ROUND_TRIP_S, 0.95 * self.round_trip_s)

    def forget(self) -> None:
        """A key frame is on its way: what is missing before it is of no use."""
        self._asked.clear()
        self.broken = False

    def _jumped(self, highest: int, ahead: int, now_s: float) -> None:
        self._tally.expected += ahead if ahead < _MAX_GAP else 1
        if not self._repairs:
            return
        if ahead >= _MAX_GAP or now_s - self._tally.at_s > _CUT_S or len(self._asked) + ahead > _MAX_OPEN:
            self._asked.clear()
            self.broken = True
            return
        for lost in range(1, ahead):
            self._asked[(highest + lost) & _WRAP16] = _Ask(now_s)

    def _mended(self, seq: int, now_s: float) -> bool:
        ask = self._asked.pop(seq, None)
        if ask is None:
            return False
        if ask.tries:
            # The answer to a single question is exact (Karn's rule); of several, the first is the likeliest one meant.
            weight = 0.3 if ask.tries == 1 else 0.15
            self.round_trip_s += weight * (now_s - ask.first_s - self.round_trip_s)
            self.round_trip_s = min(self.round_trip_s, _SLOWEST_REPEAT_S)
        return True


class Went(NamedTuple):
    """What we sent of one stream so far.

    Attributes:
        packets: First sendings.
        number: Of the newest, 16 bits.
    """

    packets: int
    number: int


class _Report(NamedTuple):
    lost: int
    highest: int
    went: Went | None


@dataclass(slots=True)
class Told:
    """What the other side lacks of all our streams after repeats, as it reports it between two looks.

    Counted in packets and not as the mean of the reports' fractions: a browser reports whenever it lacks something,
    about as few packets as came since. What never came to us from the publisher is no loss of this side's link, though
    its browser counts the numbers that we left out.
    """

    _known: dict[int, _Report] = field(default_factory=dict)
    _lost: int = 0
    _expected: int = 0

    def hear(self, ssrc: int, lost: int, highest: int, *, went: Went | None = None, repeats: bool = False) -> None:
        """A report block of one of our streams.

        Args:
            ssrc: The stream.
            lost: All that never came of it so far.
            highest: Its highest number so far.
            went: What we sent of it; None while that is not known.
            repeats: Whether it only repeats others: what came of it is not lost there.
        """
        if len(self._known) > _MOST_STREAMS:
            self._known.clear()
        before = self._known.get(ssrc)
        if before is not None and went is None:
            went = before.went
        self._known[ssrc] = _Report(lost, highest, went)
        if before is None or not 0 <= highest - before.highest < _HALF:
            return
        span = highest - before.highest
        missing = max(-_MAX_GAP, min(lost - before.lost, span))  # fewer than before: some came late
        if repeats:
            self._lost -= max(0, span - max(0, missing))
            return
        left_out = _left_out(before.went, went)
        self._expected += span - left_out
        self._lost += missing - left_out

    def fraction(self) -> float | None:
        """Share lacking since the last answer, 0 to 1; None while too few packets were told of to say."""
        if self._expected < _FEW:
            return None
        lost, expected = self._lost, self._expected
        # What was left out is known before the other side reports it: that much of its next report is no loss.
        self._lost, self._expected = max(-_MAX_GAP, min(0, lost)), 0
        return min(1.0, max(0, lost) / expected)


def _left_out(before: Went | None, now: Went | None) -> int:
    """Numbers that we passed over between two reports; negative when packets came late that were passed over before."""
    if before is None or now is None:
        return 0
    on = (now.number - before.number) & _WRAP16
    return on - (now.packets - before.packets) if on < _HALF else 0


@dataclass(slots=True)
class LossWindow:
    """Loss between two looks at a source, for receiver reports and estimates."""

    expected: int = 0
    received: int = 0

    def fraction(self, missing: Missing) -> float:
        """Share of packets that never came or came only as repeats since the last look, 0 to 1."""
        first_time = missing.received - missing.repaired
        expected, received = missing.expected - self.expected, first_time - self.received
        self.expected, self.received = missing.expected, first_time
        return min(1.0, max(0.0, 1 - received / expected)) if expected > 0 else 0.0


@dataclass(slots=True)
class Reporting:
    """What a receiver report about one source needs between two reports."""

    window: LossWindow = field(default_factory=LossWindow)
    last_sr: int = 0
    last_sr_at_s: float = 0.0

    def block(self, ssrc: int, missing: Missing, lost: float, now_s: float) -> bytes:
        """One report block (RFC 3550 6.4.1); the browser computes its round trip from it."""
        delay = int((now_s - self.last_sr_at_s) * 65536) & 0xFFFFFFFF if self.last_sr else 0
        counted = min(missing.never, 0x7FFFFF).to_bytes(3, "big")
        highest = (missing.cycles & _WRAP16) << 16 | (missing.highest or 0)
        return struct.pack("!IB3sIIII", ssrc, int(lost * 255), counted, highest, 0, self.last_sr, delay)
