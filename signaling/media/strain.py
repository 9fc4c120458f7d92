"""Pure: whose fault it is that packets come late: the line's, or that of a processor with too much to do.

A processor that is short of time makes packets late before they leave, or reads them late after they came. The line is
not to blame then, and a lower bitrate would not help: smaller pictures do.
"""

from dataclasses import dataclass
from enum import StrEnum

from signaling.media.bandwidth import QUEUE_S

_LOST = 0.10
"""No processor loses packets on the way."""
_PART = 0.5
"""What explains at least half of a delay explains it."""
_BUSY_FOR = 4
_RESTS_S = 30.0
_RESTS_MOST_S = 240.0


class Culprit(StrEnum):
    """Who is to blame."""

    NOBODY = "nobody"
    LINE = "line"
    COMPUTER = "computer"
    """The sender's."""
    HOUSE = "house"
    """This process came late to read."""


@dataclass(frozen=True, slots=True)
class Signs:
    """One second of a publisher.

    Attributes:
        queue_s: How long packets seem to wait on the way.
        lost: Share lost at first sending, 0 to 1.
        rise_s: How much longer the round trip is than it was at its best; None where nobody measured it.
        busy: Whether its browser says that it lacks processor time.
        late_s: How late this process was itself, at its best.
    """

    queue_s: float = 0.0
    lost: float = 0.0
    rise_s: float | None = None
    busy: bool = False
    late_s: float = 0.0


def culprit(signs: Signs) -> Culprit:
    """Tell the line from the processors."""
    if signs.lost > _LOST:
        return Culprit.LINE
    waits, part = signs.queue_s > QUEUE_S, _PART * signs.queue_s
    if waits and signs.late_s >= part:
        return Culprit.HOUSE
    if waits and signs.rise_s is not None and signs.rise_s >= part:
        return Culprit.LINE
    if signs.busy:
        return Culprit.COMPUTER
    return Culprit.LINE if waits else Culprit.NOBODY


@dataclass(slots=True)
class Relief:
    """Whether somebody is asked for smaller pictures to spare their computer; ever longer where it was busy again soon.

    Attributes:
        given: Whether it is.
    """

    given: bool = False
    _busy_for: int = 0
    _rests_s: float = _RESTS_S / 2
    _calm_since_s: float = 0.0

    def decide(self, who: Culprit, now_s: float) -> bool:
        """Look once a second."""
        if who is Culprit.COMPUTER:
            self._busy_for, self._calm_since_s = self._busy_for + 1, now_s
        else:
            self._busy_for = 0
        calm_s = now_s - self._calm_since_s
        if not self.given and self._busy_for >= _BUSY_FOR:
            self.given, self._rests_s = True, min(2 * self._rests_s, _RESTS_MOST_S)
        elif self.given and calm_s > self._rests_s:
            self.given, self._calm_since_s = False, now_s
        elif not self.given and calm_s > _RESTS_MOST_S:
            self._rests_s = _RESTS_S / 2
        return self.given
