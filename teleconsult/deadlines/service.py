"""Timers that survive restarts: set and cleared in the transaction that changes a subject, told by one loop.

Each step is told exactly once: the event row and the timer's next step are one transaction.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, select

from teleconsult.actor import SYSTEM
from teleconsult.db import Database, Work
from teleconsult.deadlines.models import Timer
from teleconsult.deadlines.rules import Deadline, Policy
from teleconsult.errors import Unavailable
from teleconsult.events import Event, record

log = structlog.get_logger()

_LOOK_EVERY = timedelta(seconds=15)
"""The longest sleep: a clock that jumps, or a timer set by another process, is noticed within it."""
_SOONEST = timedelta(milliseconds=50)
_BATCH = 200
_WARNING, _DUE = 1, 2


@dataclass(frozen=True, slots=True)
class DeadlineNear(Event):
    """Time is running out."""

    subject: str
    word: str
    due_at: str


@dataclass(frozen=True, slots=True)
class DeadlinePassed(Event):
    """It is over. `step` 0 is the deadline itself, 1 and on the chain after it."""

    subject: str
    word: str
    due_at: str
    step: int


class Deadlines:
    """The site's clocks.

    Args:
        database: The clinic's records.
        policy: How long things may take, on which calendar.
        on_commit: Wakes the relay of events.
    """

    def __init__(self, database: Database, policy: Policy, on_commit: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self.policy = policy
        self._on_commit = on_commit
        self._changed = asyncio.Event()

    async def set(self, work: Work, subject: str, deadline: Deadline | None) -> None:
        """Let this deadline, or none, be the one in force for a subject. One that stays the same is not told anew."""
        timer = await work.session.get(Timer, subject)
        if deadline is None:
            if timer is not None:
                await work.session.delete(timer)
            return
        if timer is not None and timer.due_at == deadline.due_at and timer.word == deadline.word:
            return
        if timer is None:
            timer = Timer(subject=subject)
            work.session.add(timer)
        timer.word, timer.due_at, timer.warn_at = deadline.word, deadline.due_at, deadline.warn_at
        timer.later = ",".join(str(int((at - deadline.due_at).total_seconds())) for at in deadline.steps[1:])
        timer.step = 0
        timer.next_at = deadline.warn_at
        work.after_commit(self._changed.set)

    async def clear(self, work: Work, subject: str) -> None:
        """No clock runs for the subject any more."""
        await work.session.execute(delete(Timer).where(Timer.subject == subject))

    async def upcoming(self, limit: int = 100) -> list[Timer]:
        """What will be told next, soonest first."""
        async with self._database.read() as session:
            return list(
                await session.scalars(
                    select(Timer).where(Timer.next_at.is_not(None)).order_by(Timer.next_at).limit(limit)
                )
            )

    async def fire_due(self) -> int:
        """Tell everything whose time has come. Returns how many steps were told."""
        async with self._database.write(SYSTEM) as work:
            due = list(
                await work.session.scalars(
                    select(Timer)
                    .where(Timer.next_at <= work.at)
                    .order_by(Timer.next_at)
                    .limit(_BATCH)
                    .with_for_update(skip_locked=True)
                )
            )
            for timer in due:
                _tell(work, timer)
            if due:
                work.after_commit(self._on_commit)
        return len(due)

    async def run(self) -> None:
        """Tell for ever; the shell that starts this cancels it."""
        while True:
            self._changed.clear()
            try:
                while await self.fire_due():
                    pass
                pause = await self._until_next()
            except Unavailable:
                log.warning("deadlines.unavailable")
                pause = _LOOK_EVERY
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _until_next(self) -> timedelta:
        async with self._database.read() as session:
            soonest: datetime | None = await session.scalar(select(func.min(Timer.next_at)))
        if soonest is None:
            return _LOOK_EVERY
        return max(_SOONEST, min(_LOOK_EVERY, soonest - self._database.clock.now()))


def _tell(work: Work, timer: Timer) -> None:
    """Tell the newest step whose time has come; older ones that a stopped server missed are not told one by one."""
    moments = [timer.warn_at, *_steps(timer)]
    passed = sum(1 for at in moments if at <= work.at)
    due_at = timer.due_at.isoformat()
    if passed == _WARNING:
        record(work, DeadlineNear(timer.subject, timer.word, due_at))
    elif passed >= _DUE:
        record(work, DeadlinePassed(timer.subject, timer.word, due_at, passed - _DUE))
    timer.step = passed
    timer.next_at = moments[passed] if passed < len(moments) else None


def _steps(timer: Timer) -> list[datetime]:
    later = [timedelta(seconds=int(part)) for part in timer.later.split(",") if part]
    return [timer.due_at, *(timer.due_at + span for span in later)]
