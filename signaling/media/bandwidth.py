"""Pure: how much a publisher may send, what a viewer can take, and which step of the media ladder somebody stands on.

The uplink estimate is REMB's lever: it grows while nothing waits and nothing is lost, and falls below what really
arrives when something does, with headroom, because a queue that is always full costs more frames than a lower bitrate.
"""

from dataclasses import dataclass
from enum import StrEnum

_FLOOR_BPS = 60_000
CEILING_BPS = 4_000_000
_GROWTH = 1.08
_PROBE = 1.015
"""Growth close to where the link was full last time."""
_CALM_LOSS = 0.02
_BAD_LOSS = 0.10
QUEUE_S = 0.08
"""A queue that stands longer than this in the uplink is congestion."""
_HEADROOM = 0.80
_LOSS_COST = 5.0
"""Repeats, key frames and bursts need room: at 5 % loss a quarter of the link (on 300 kbit/s with 5 % loss and 300 ms,
130 kbit/s gave 20 fps and 250 kbit/s gave 9)."""
_LEAST_SHARE = 0.5
_FULL_FORGOTTEN_S = 60
_DRAINS_S = 5
_DOUBT = 0.93
_BESIDE_BPS = 100_000
"""What may be allowed beyond one and a half times what arrives: enough to try the next step."""


@dataclass(slots=True)
class Uplink:
    """Estimate of one publisher's uplink, updated once a second.

    Attributes:
        allowed_bps: What it may send now.
        bad: Whether the last second was congestion, or lossy.
    """

    allowed_bps: int
    bad: bool = False
    _bad_for: int = 0
    _full_bps: int = 0
    _full_for_s: int = 0

    def update(self, loss: float, received_bps: int, cap_bps: int, queue_s: float = 0.0) -> int:
        """Take one second's measurement.

        Args:
            loss: Share lost at first sending, 0 to 1.
            received_bps: What arrived.
            cap_bps: The most that anybody can use.
            queue_s: How long packets stand in the link's queue.

        Returns:
            What to announce, bit/s.
        """
        self._bad_for = self._bad_for + 1 if loss > _BAD_LOSS else 0
        self.bad = bool(received_bps) and (queue_s > QUEUE_S or loss > _BAD_LOSS)
        # One second of loss may be a hand-over; two are a narrow link. A queue leaves no doubt.
        if received_bps and (queue_s > QUEUE_S or self._bad_for >= 2):
            self._shrink(loss, received_bps, queue_s)
        else:
            self._grow(loss, received_bps)
        self.allowed_bps = max(_FLOOR_BPS, min(self.allowed_bps, CEILING_BPS))
        return max(_FLOOR_BPS, min(self.allowed_bps, cap_bps))

    @property
    def strained(self) -> bool:
        """Whether the link was found full not long ago; else `allowed_bps` only says what was tried."""
        return self._full_for_s > 0

    def _shrink(self, loss: float, received_bps: int, queue_s: float) -> None:
        # While a queue drains, less arrives than the link carries: what it carried a moment ago still counts.
        lately = self._full_for_s > _FULL_FORGOTTEN_S - _DRAINS_S
        self._full_bps = max(received_bps, int(self._full_bps * _DOUBT)) if lately else received_bps
        self._full_for_s = _FULL_FORGOTTEN_S
        share = max(_LEAST_SHARE, _HEADROOM - _LOSS_COST * min(loss, 0.1) - min(queue_s, 0.5) / 4)
        self.allowed_bps = min(self.allowed_bps, int(self._full_bps * share))

    def _grow(self, loss: float, received_bps: int) -> None:
        if self._full_for_s:
            self._full_for_s -= 1
            limit = self._full_bps * max(_LEAST_SHARE, _HEADROOM - _LOSS_COST * min(loss, 0.1))
        else:
            limit = CEILING_BPS
        if self.allowed_bps > 1.5 * received_bps + _BESIDE_BPS:
            return  # not used: nothing was learnt
        grown = self.allowed_bps * (_GROWTH if self.allowed_bps < limit else _PROBE if loss < _CALM_LOSS else 1.0)
        self.allowed_bps = int(grown)


class Step(StrEnum):
    """The media ladder, best first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    STILLS = "stills"
    VOICE = "voice"
    TEXT = "text"


SHOWS_VIDEO = frozenset({Step.HIGH, Step.MEDIUM, Step.LOW})
_NEEDS_BPS = {Step.HIGH: 900_000, Step.MEDIUM: 350_000, Step.LOW: 75_000, Step.STILLS: 62_000, Step.VOICE: 20_000}
_UP_MARGIN = 1.3
_DARK_AFTER_S = 4.0
"""Pictures are given up only after so long: the first seconds of a call overfill every narrow link."""
_UP_AFTER_S = 8.0
_UP_AFTER_MOST_S = 120.0


@dataclass(slots=True)
class Ladder:
    """One participant's step, with hysteresis: down soon, up only after calm, and ever later where up has failed."""

    step: Step = Step.HIGH
    forced: Step | None = None
    _calm_since_s: float | None = None
    _up_after_s: float = _UP_AFTER_S
    _climbed_at_s: float | None = None
    _short_since_s: float | None = None

    def decide(self, available_bps: int, loss: float, now_s: float) -> Step:
        """Which step fits now.

        Args:
            available_bps: What the link carries.
            loss: Share lost, 0 to 1.
            now_s: Monotonic seconds.
        """
        if self.forced is not None:
            self.step = self.forced
            return self.step
        usable = available_bps * (1 - min(loss, 0.5))
        fits = next((step for step, need in _NEEDS_BPS.items() if usable >= need), Step.TEXT)
        order = list(Step)
        if order.index(fits) <= order.index(self.step):
            self._short_since_s = None
        if order.index(fits) > order.index(self.step):
            self._fall(self._spared(fits, now_s), now_s)
        elif fits is self.step:
            self._calm_since_s = None
        else:
            self._climb(order[order.index(self.step) - 1], usable, now_s)
        return self.step

    def _spared(self, fits: Step, now_s: float) -> Step:
        """Where to fall for now: while a shortage is young, no deeper than the last step with pictures."""
        if self._short_since_s is None:
            self._short_since_s = now_s
        if fits in SHOWS_VIDEO or self.step not in SHOWS_VIDEO or now_s - self._short_since_s >= _DARK_AFTER_S:
            return fits
        return Step.LOW

    def _fall(self, fits: Step, now_s: float) -> None:
        if fits is self.step:
            return
        if self._climbed_at_s is not None and now_s - self._climbed_at_s < 2 * self._up_after_s:
            self._up_after_s = min(2 * self._up_after_s, _UP_AFTER_MOST_S)
        else:
            self._up_after_s = _UP_AFTER_S
        self.step, self._calm_since_s, self._climbed_at_s = fits, None, None

    def _climb(self, above: Step, usable: float, now_s: float) -> None:
        if usable < _NEEDS_BPS[above] * _UP_MARGIN:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        elif now_s - self._calm_since_s >= self._up_after_s:
            self.step, self._calm_since_s, self._climbed_at_s = above, now_s, now_s


_WEAK_SHARE = 0.6
_WEAK_LOSS = 0.08
_WEAK_FOR_S = 3
_LEAST_VIDEO_BPS = 90_000
_FIRST_PAUSE_S = 10.0


@dataclass(slots=True)
class Pictures:
    """Whether a viewer's link carries others' pictures; where it does not, their voices have it for themselves.

    Attributes:
        video: Whether pictures are sent.
    """

    video: bool = True
    _weak_for_s: int = 0
    _pause_s: float = _FIRST_PAUSE_S
    _again_at_s: float = 0.0
    _back_since_s: float = 0.0

    def update(self, estimate_bps: int, loss: float, sent_bps: int, now_s: float, *, shrinks: bool = False) -> bool:
        """Take one second's measurement.

        Args:
            estimate_bps: What its link carries.
            loss: As it reported, 0 to 1.
            sent_bps: What it is sent.
            now_s: Monotonic seconds.
            shrinks: Whether it can soon be sent smaller pictures instead of none.

        Returns:
            Whether to send pictures.
        """
        if not self.video:
            if now_s >= self._again_at_s:
                self.video, self._weak_for_s, self._back_since_s = True, 0, now_s
            return self.video
        short = estimate_bps < max(_LEAST_VIDEO_BPS, int(sent_bps * _WEAK_SHARE))
        self._weak_for_s = self._weak_for_s + 1 if short and loss > _WEAK_LOSS and not shrinks else 0
        if self._weak_for_s >= _WEAK_FOR_S:
            soon = self._back_since_s and now_s - self._back_since_s < 2 * self._pause_s
            self._pause_s = min(2 * self._pause_s, _UP_AFTER_MOST_S) if soon else _FIRST_PAUSE_S
            self.video, self._again_at_s = False, now_s + self._pause_s
        return self.video
