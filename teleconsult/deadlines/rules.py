"""Decides when a step is due: policies by state, kind and priority, working days, and pauses. Pure.

The deadline in force follows from state, kind, priority and pauses alone, so it can be computed again at any time and
must come out the same. It must not know what a consult is: states, kinds and priorities are plain words here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from teleconsult.deadlines.holidays import FIXED, HOLIDAYS, WORKED_WEEKENDS

_OPENS = time(8, 0)
"""Where a clock that starts on a day off begins to count."""
ANY = "*"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked.

    Attributes:
        zone: The site's time zone: days begin and end there.
        days_off: More days off, by the institution's own decision.
        worked: More worked days.
    """

    zone: tzinfo
    days_off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def is_worked(self, day: date) -> bool:
        """Whether people work on this day."""
        if day in self.worked:
            return True
        if day in self.days_off:
            return False
        if day in WORKED_WEEKENDS.get(day.year, frozenset()):
            return True
        holidays = HOLIDAYS.get(day.year)
        off = day in holidays if holidays is not None else (day.month, day.day) in FIXED
        return not off and day.weekday() < 5

    def after_working_days(self, start: datetime, count: int) -> datetime:
        """The same time of day, so many working days later.

        Args:
            start: Aware. On a day off the clock begins at 08:00 of the next working day.
            count: At least 1.
        """
        local = start.astimezone(self.zone)
        if not self.is_worked(local.date()):
            local = datetime.combine(self._next(local.date()), _OPENS, self.zone)
        day = local.date()
        for _ in range(count):
            day = self._next(day)
        return datetime.combine(day, local.timetz().replace(tzinfo=None), self.zone).astimezone(start.tzinfo)

    def _next(self, day: date) -> date:
        day += timedelta(days=1)
        while not self.is_worked(day):
            day += timedelta(days=1)
        return day


class Anchor(StrEnum):
    """From when a clock counts."""

    REQUEST = "request"
    """Since the request was sent; it goes on through the states, and pauses."""
    STATE = "state"
    """Since this state began."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How long a step may take: a span, or working days.

    Attributes:
        word: What is due, as a machine word: `accept`, `answer`, `expire` …
        escalate: How long after the deadline each further step of the chain is told.
    """

    word: str
    span: timedelta = timedelta()
    working_days: int = 0
    anchor: Anchor = Anchor.REQUEST
    escalate: tuple[timedelta, ...] = ()

    def end(self, start: datetime, calendar: Calendar) -> datetime:
        """When it is over, counted from a moment."""
        if self.working_days:
            return calendar.after_working_days(start, self.working_days)
        return start + self.span


@dataclass(frozen=True, slots=True)
class Running:
    """What the deadline depends on.

    Attributes:
        began_at: When the request was sent; None before.
        state_since: When the present state began.
        paused: How long the clock has stood still so far.
    """

    state: str
    kind: str
    priority: str
    state_since: datetime
    began_at: datetime | None = None
    paused: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something is due.

    Attributes:
        warn_at: When those concerned are reminded.
        steps: Moments at which the chain is told: the first is `due_at` itself.
    """

    word: str
    due_at: datetime
    warn_at: datetime
    steps: tuple[datetime, ...]


_MINUTES = (timedelta(minutes=3), timedelta(minutes=10))
_HOURS = (timedelta(hours=1), timedelta(hours=4))
_DAYS = (timedelta(hours=4), timedelta(hours=24))
_ARRANGING = ("triage", "assigned")
_ANSWERING = ("accepted", "scheduled", "in_session", "reporting", "audit", "signed")

Key = tuple[str, str, str]
Policies = Mapping[Key, Allowance]


def _both(kind: str, priority: str, arrange: Allowance, answer: Allowance) -> dict[Key, Allowance]:
    return {(state, kind, priority): arrange for state in _ARRANGING} | {
        (state, kind, priority): answer for state in _ANSWERING
    }


DEFAULTS: Policies = {
    # County imaging centres accept an emergency in 3 minutes and answer in 10 while somebody is on duty.
    **_both(
        ANY,
        "emergency",
        Allowance("accept", timedelta(minutes=3), escalate=_MINUTES),
        Allowance("answer", timedelta(minutes=10), escalate=_MINUTES),
    ),
    **_both(
        ANY,
        "urgent",
        Allowance("accept", timedelta(hours=2), escalate=_HOURS),
        Allowance("answer", timedelta(hours=12), escalate=_HOURS),
    ),
    **_both(
        ANY,
        "routine",
        Allowance("accept", timedelta(hours=48), escalate=_DAYS),
        Allowance("answer", working_days=3, escalate=_DAYS),
    ),
    # Several specialists must find one hour together.
    **_both(
        "mdt",
        "routine",
        Allowance("accept", timedelta(hours=72), escalate=_DAYS),
        Allowance("answer", working_days=5, escalate=_DAYS),
    ),
    ("approval", ANY, "emergency"): Allowance("approve", timedelta(minutes=2), anchor=Anchor.STATE, escalate=_MINUTES),
    ("approval", ANY, "urgent"): Allowance("approve", timedelta(hours=1), anchor=Anchor.STATE, escalate=_HOURS),
    ("approval", ANY, "routine"): Allowance("approve", working_days=1, anchor=Anchor.STATE, escalate=_DAYS),
    ("draft", ANY, ANY): Allowance("expire", timedelta(days=30), anchor=Anchor.STATE),
    ("returned", ANY, ANY): Allowance("expire", timedelta(days=14), anchor=Anchor.STATE),
    ("delivered", ANY, ANY): Allowance("close", timedelta(days=7), anchor=Anchor.STATE),
    ("answered", ANY, ANY): Allowance("close", timedelta(days=7), anchor=Anchor.STATE),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The site's policies and calendar, handed to whoever computes a deadline."""

    calendar: Calendar
    allowances: Policies = field(default_factory=lambda: DEFAULTS)

    def allowance(self, state: str, kind: str, priority: str) -> Allowance | None:
        """The nearest policy: exact, then any kind, then any priority."""
        for key in ((state, kind, priority), (state, ANY, priority), (state, kind, ANY), (state, ANY, ANY)):
            if key in self.allowances:
                return self.allowances[key]
        return None

    def deadline(self, running: Running) -> Deadline | None:
        """The deadline in force, or None where nothing is awaited.

        A pause moves the start of the request's clock: what was left at its beginning is left at its end.
        """
        allowance = self.allowance(running.state, running.kind, running.priority)
        if allowance is None:
            return None
        start = running.state_since
        if allowance.anchor is Anchor.REQUEST:
            if running.began_at is None:
                return None
            start = running.began_at + running.paused
        due = allowance.end(start, self.calendar)
        return Deadline(
            allowance.word, due, warning_at(start, due), (due, *(due + later for later in allowance.escalate))
        )


def warning_at(start: datetime, due: datetime) -> datetime:
    """When to remind: with a quarter of the time left, at most one day before."""
    return due - min((due - start) / 4, timedelta(days=1))
