"""When a turn of the roster runs. Pure; moments are in the site's time zone."""

from datetime import date, datetime, time, timedelta
from typing import Protocol

DAY_MINUTES = 24 * 60
ALL_DAYS = "1234567"


class Turn(Protocol):
    """What is judged of a line of the roster."""

    @property
    def days(self) -> str:
        """A digit for each day, 1 Monday."""

    @property
    def from_minute(self) -> int:
        """Of the day."""

    @property
    def to_minute(self) -> int:
        """Of the same day, or of the next one where it is not later."""

    @property
    def first_day(self) -> date:
        """From this day on."""

    @property
    def last_day(self) -> date | None:
        """To this day, None: for good."""


def runs_until(turn: Turn, at: datetime) -> datetime | None:
    """When the turn that runs at this moment ends, None where none runs.

    Args:
        turn: The line.
        at: A moment, in the site's time zone.
    """
    for day in (at.date(), at.date() - timedelta(days=1)):
        if not _is_on(turn, day):
            continue
        begins, ends = _bounds(turn, day, at)
        if begins <= at < ends:
            return ends
    return None


def normal_days(days: str) -> str:
    """The days in order, each once, others left out."""
    return "".join(day for day in ALL_DAYS if day in days)


def minute_of(text: str) -> int | None:
    """Minutes from `HH:MM`, None where it is none."""
    try:
        at = time.fromisoformat(text.strip())
    except ValueError:
        return None
    return at.hour * 60 + at.minute


def clock_text(minute: int) -> str:
    """`HH:MM` of a minute of the day."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _is_on(turn: Turn, day: date) -> bool:
    in_time = turn.first_day <= day and (turn.last_day is None or day <= turn.last_day)
    return in_time and str(day.isoweekday()) in turn.days


def _bounds(turn: Turn, day: date, at: datetime) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time(), at.tzinfo)
    length = turn.to_minute - turn.from_minute
    begins = midnight + timedelta(minutes=turn.from_minute)
    return begins, begins + timedelta(minutes=length if length > 0 else length + DAY_MINUTES)
