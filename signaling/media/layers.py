"""Pure: which layer of a picture a viewer gets, and whether a publisher is asked for layers at all.

A layer is one of the sizes in which one picture is sent (simulcast). Down at once where the link is known to be too
narrow; up as a trial after calm, ever later where a trial has failed: an estimate cannot tell what was never tried.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_CALM_S = 2.0
_NEXT_AFTER_S = 6.0
_TRIAL_AFTER_S = 20.0
_FAR = 2
"""So many times what the link was known to carry is tried only when that is nearly forgotten."""
_FAR_AFTER_S = 50.0
_TRIAL_AFTER_MOST_S = 240.0
_TRIAL_S = 4.0
_KEPT_S = 60.0
_NOMINAL_BPS = 900_000
_STEP = 3


def nominal_bps(below: int) -> int:
    """About what a layer needs before it was measured; `below` is how many steps it lies under the largest."""
    return int(_NOMINAL_BPS // _STEP**below)


@dataclass(frozen=True, slots=True)
class Link:
    """A viewer's link, as far as one picture is concerned.

    Attributes:
        able_bps: What it can take of it.
        strained: Whether it was found full not long ago; else `able_bps` only says what was tried.
        bad: Whether the last second was bad: loss, or a queue.
    """

    able_bps: int
    strained: bool = False
    bad: bool = False

    def carries(self, bps: int) -> bool:
        """Whether nothing speaks against sending this much."""
        return not self.strained or bps <= self.able_bps


@dataclass(slots=True)
class Fit:
    """One viewer's layer, with hysteresis."""

    _calm_since_s: float = 0.0
    _climbed_at_s: float | None = None
    _wait_s: float = _CALM_S
    _failed_wait_s: float = _TRIAL_AFTER_S

    def choose(self, rates: Sequence[int], now: int, link: Link, now_s: float) -> int:
        """Which layer to send.

        Args:
            rates: Bit/s of the layers that flow, rising; not empty.
            now: Index of the one that is sent, -1 for none.
            link: The viewer's.
            now_s: Monotonic seconds.
        """
        fits = max((index for index, bps in enumerate(rates) if link.carries(bps)), default=0)
        if link.bad:
            self._calm_since_s = now_s
        if now < 0:
            self._wait_s = _TRIAL_AFTER_S if link.strained else _CALM_S
            return fits
        on_trial = self._climbed_at_s is not None
        if on_trial and link.bad:
            fits = min(fits, max(0, now - 1))
        if fits < now:
            self._failed_wait_s = min(3 * self._failed_wait_s, _TRIAL_AFTER_MOST_S) if on_trial else _TRIAL_AFTER_S
            self._wait_s, self._climbed_at_s = self._failed_wait_s, None
            return fits
        if self._climbed_at_s is not None and now_s - self._climbed_at_s > _TRIAL_S:
            self._wait_s, self._failed_wait_s, self._climbed_at_s = _NEXT_AFTER_S, _TRIAL_AFTER_S, None
        if now + 1 < len(rates) and now_s - self._calm_since_s >= self._wait_for(rates[now + 1], link):
            self._climbed_at_s = self._calm_since_s = now_s
            return now + 1
        return now

    def _wait_for(self, bps: int, link: Link) -> float:
        is_far = link.strained and bps > _FAR * link.able_bps
        return max(self._wait_s, _FAR_AFTER_S) if is_far else self._wait_s


@dataclass(slots=True)
class Demand:
    """Whether one publisher is asked for layers: while one viewer needs less than another can have.

    Layers cost their publisher's uplink and processor: between two people there are none, and none while all links are
    alike.

    Attributes:
        on: What it is asked for.
    """

    on: bool = False
    _needed_s: float = 0.0

    def decide(self, links: Iterable[Link], bps: int, now_s: float) -> bool:
        """Look at all viewers.

        Args:
            links: Theirs.
            bps: The largest that flows of the picture.
            now_s: Monotonic seconds.
        """
        able = [link.carries(bps) for link in links]
        if any(able) and not all(able):
            self.on, self._needed_s = True, now_s
        elif now_s - self._needed_s > _KEPT_S:
            self.on = False
        return self.on
