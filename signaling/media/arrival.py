"""Pure: how long packets wait in an uplink, told from when they come against when they were made.

Nobody's clock is compared with anybody's: only changes count. The least lateness of each second is what passed without
waiting in a burst; what it stands above the least of the last half minute is a queue that never empties.

Source: the idea of LEDBAT's base delay (RFC 6817 3.4.2).
"""

from collections import deque

_WRAP32 = 0x1_0000_0000
_HALF32 = 0x8000_0000
_REMEMBERED = 30
_BELIEVED = 8
"""Seconds after which a queue that no lower bitrate empties is taken for a longer way."""
_FULL_S = 0.1


class Lateness:
    """One stream's arrivals.

    Args:
        clock_hz: Of its RTP time stamps.
    """

    __slots__ = ("_clock_hz", "_full_for", "_history", "_least", "_media_s", "_ts", "packets")

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self._ts: int | None = None
        self._media_s = 0.0
        self._least: float | None = None
        self._history: deque[float] = deque(maxlen=_REMEMBERED)
        self._full_for = 0
        self.packets = 0

    def came(self, ts: int, at_s: float) -> None:
        """The first packet of a frame arrived."""
        if self._ts is not None:
            moved = (ts - self._ts) % _WRAP32
            if moved >= _HALF32:
                return  # an older frame's
            if moved > 10 * self._clock_hz:
                self._history.clear()  # the stream began anew
                self._least = None
            self._media_s += moved / self._clock_hz
        self._ts = ts
        self.packets += 1
        lateness = at_s - self._media_s
        if self._least is None or lateness < self._least:
            self._least = lateness

    def look(self) -> float | None:
        """Once a second: seconds of standing queue, None where too little came to say."""
        least, packets = self._least, self.packets
        self._least, self.packets = None, 0
        if least is None or packets < 2:
            return None
        self._history.append(least)
        queue = least - min(self._history)
        self._full_for = self._full_for + 1 if queue > _FULL_S else 0
        if self._full_for > _BELIEVED:
            self._history.clear()
            self._history.append(least)
            self._full_for = 0
            return 0.0
        return queue
