"""A deadline as pages draw it: how much is left, whether it is near or over. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from teleconsult.consults.views import ClockView

_NEAR_PERCENT = 25


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A deadline at a moment.

    Attributes:
        due_at: When the time is over.
        started_at: When it began to run.
        percent: How much of it is left, 0 to 100.
        near: A quarter or less is left.
        over: None is left.
        paused: The clock stands still; the times then say nothing.
    """

    due_at: datetime
    started_at: datetime
    percent: int
    near: bool = False
    over: bool = False
    paused: bool = False


def time_left(clock: ClockView | None, now: datetime) -> TimeLeft | None:
    """A deadline as it is drawn at this moment; None where nothing is due."""
    if clock is None:
        return None
    whole, rest = clock.due_at - clock.started_at, clock.due_at - now
    percent = round(100 * max(rest, timedelta()) / whole) if whole > timedelta() else 0
    over = rest < timedelta()
    near = not over and percent <= _NEAR_PERCENT
    return TimeLeft(clock.due_at, clock.started_at, min(percent, 100), near, over, clock.paused)
