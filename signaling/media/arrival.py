"""Pure: how long packets wait in an uplink, told from when they come against when they were made.

Nobody's clock is compared with anybody's: only changes count. The least lateness of each second is what passed without
waiting in a burst; what it stands above the least of the last half minute is a queue that never empties.

Source: the idea of LEDBAT's base delay (RFC 6817 3.4.2).
"""

from collections import deque
from math import inf, isinf

from signaling.media.tally import Tally

_WRAP32 = 0x1_0000_0000
_HALF32 = 0x8000_0000
_REMEMBERED = 30
_BELIEVED = 8
"""Seconds after which a queue that no lower bitrate empties is taken for a longer way."""
_FULL_S = 0.1
LONG_S = 10
"""A stream that goes on by more has begun anew."""


class Lateness:
    """One stream's arrivals.

    Args:
        clock_hz: Of its RTP time stamps.
        tally: Where it is counted; begun anew.
    """

    __slots__ = ("_clock_hz", "_full_for", "_history", "_tally")

    def __init__(self, clock_hz: int, tally: Tally | None = None) -> None:
        self._clock_hz = clock_hz
        self._tally = tally = tally or Tally()
        tally.frame_ts, tally.media_s, tally.least_s, tally.frames = -1, 0.0, inf, 0
        self._history: deque[float] = deque(maxlen=_REMEMBERED)
        self._full_for = 0

    def came(self, ts: int, at_s: float) -> None:
        """The first packet of a frame arrived. `flows.c: frame_came` counts the same, but for a stream begun anew."""
        tally = self._tally
        if tally.frame_ts >= 0:
            moved = (ts - tally.frame_ts) % _WRAP32
            if moved >= _HALF32:
                return  # an older frame's
            if moved > LONG_S * self._clock_hz:
                self._history.clear()  # the stream began anew
                tally.least_s = inf
            tally.media_s += moved / self._clock_hz
        tally.frame_ts = ts
        tally.frames += 1
        tally.least_s = min(tally.least_s, at_s - tally.media_s)

    def look(self) -> float | None:
        """Once a second: seconds of standing queue, None where too little came to say."""
        tally = self._tally
        least, frames = tally.least_s, tally.frames
        tally.least_s, tally.frames = inf, 0
        if isinf(least) or frames < 2:
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
