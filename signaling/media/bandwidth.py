"""Pure: how much a publisher may send, and which step of the media ladder a participant stands on.

The uplink estimate is REMB's lever: it grows while nothing is lost and falls below what really arrived when something
is, with headroom, because a queue that is always full costs more frames than a lower bitrate.
"""

from dataclasses import dataclass
from enum import StrEnum

_FLOOR_BPS = 60_000
_CEILING_BPS = 4_000_000
_GROWTH = 1.08
_CALM_LOSS = 0.02
_BAD_LOSS = 0.10
_HEADROOM = 0.75


@dataclass(slots=True)
class Uplink:
    """Estimate of one publisher's uplink, updated once a second.

    Attributes:
        allowed_bps: What it may send now.
    """

    allowed_bps: int
    _bad_for: int = 0

    def update(self, loss: float, received_bps: int, cap_bps: int) -> int:
        """Take one second's measurement.

        Args:
            loss: Share lost at first sending, 0 to 1.
            received_bps: What arrived.
            cap_bps: The most that anybody can use.

        Returns:
            What to announce, bit/s.
        """
        if loss > _BAD_LOSS:
            self._bad_for += 1
            if self._bad_for >= 2:  # one bad second may be a hand-over; two are a narrow link
                self.allowed_bps = int(max(received_bps * _HEADROOM, self.allowed_bps * 0.6))
        else:
            self._bad_for = 0
            busy = received_bps > 0.5 * self.allowed_bps
            if loss < _CALM_LOSS or busy:
                self.allowed_bps = int(self.allowed_bps * _GROWTH) if busy or loss < _CALM_LOSS else self.allowed_bps
        self.allowed_bps = max(_FLOOR_BPS, min(self.allowed_bps, _CEILING_BPS))
        return max(_FLOOR_BPS, min(self.allowed_bps, cap_bps))


class Step(StrEnum):
    """The media ladder, best first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    STILLS = "stills"
    VOICE = "voice"
    TEXT = "text"


_NEEDS_BPS = {Step.HIGH: 900_000, Step.MEDIUM: 350_000, Step.LOW: 130_000, Step.STILLS: 60_000, Step.VOICE: 24_000}
_UP_MARGIN = 1.3
_UP_AFTER_S = 8.0


@dataclass(slots=True)
class Ladder:
    """One participant's step, with hysteresis: down at once, up only after calm."""

    step: Step = Step.HIGH
    forced: Step | None = None
    _calm_since_s: float | None = None

    def decide(self, available_bps: int, loss: float, now_s: float) -> Step:
        """Which step fits now."""
        if self.forced is not None:
            self.step = self.forced
            return self.step
        usable = available_bps * (1 - min(loss, 0.5))
        fits = next((step for step, need in _NEEDS_BPS.items() if usable >= need), Step.TEXT)
        order = list(Step)
        if order.index(fits) > order.index(self.step):
            self.step, self._calm_since_s = fits, None
        elif fits != self.step:
            above = order[order.index(self.step) - 1]
            if usable < _NEEDS_BPS[above] * _UP_MARGIN:
                self._calm_since_s = None
            elif self._calm_since_s is None:
                self._calm_since_s = now_s
            elif now_s - self._calm_since_s >= _UP_AFTER_S:
                self.step, self._calm_since_s = above, now_s
        else:
            self._calm_since_s = None
        return self.step
