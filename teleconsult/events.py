"""What happened, told after the commit: a typed event bus with an outbox table.

A use case records events in its transaction. The relay hands each committed event once to the reactions and to every
live subscriber; after a crash it goes on where it stopped. With several web processes a Redis channel only *wakes* the
others: the rows are the truth, so nothing is lost while Redis is away.
"""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

import structlog
from sqlalchemy import BigInteger, ColumnElement, Integer, String, Text, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.actor import SYSTEM
from teleconsult.db import Database, Record, Work
from teleconsult.errors import ClinicError

log = structlog.get_logger()

_LOOK_EVERY = timedelta(seconds=2)
"""How often rows are looked for without a wake-up: the longest a missed wake-up can delay anything."""
_TRIES = 8
_BATCH = 25
_CLAIM = timedelta(seconds=30)
"""How long a process may take for a batch; after that another one thinks it dead and reacts in its place."""
_OVERLAP = 200
"""Rows below the cursor that are read again: PostgreSQL may commit row 12 after row 13."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; named in the past tense, holds plain JSON values only and no patient data."""

    kinds: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls) -> None:
        # dataclass(slots=True) makes the class twice; the second is the one that is used.
        Event.kinds[cls.__name__] = cls


class OutboxRow(Record):
    """One committed event."""

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(80))
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    handled_at: Mapped[datetime | None] = mapped_column(index=True)
    claimed_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)


class Wake(Protocol):
    """Tells other processes that rows have come."""

    async def call(self) -> None:
        """Wake the others; losing a call only delays them."""

    def calls(self) -> AsyncIterator[None]:
        """Wake-ups from the others, for ever."""


Reaction = Callable[[Event], Awaitable[None]]


def record(work: Work, happened: Event) -> None:
    """Write an event into the transaction; it is told when, and only when, the transaction commits."""
    body = json.dumps(dataclasses.asdict(happened), ensure_ascii=False)
    work.session.add(OutboxRow(kind=type(happened).__name__, body=body, at=work.at))
    work.after_commit(work.on_event)


def _decode(row: OutboxRow) -> Event:
    return Event.kinds[row.kind](**json.loads(row.body))


class Bus:
    """Relays committed events: to reactions (each once, in one process) and to live subscribers (in every process).

    Args:
        database: Where the outbox is.
        wake: Tells other processes; None on one machine.
    """

    def __init__(self, database: Database, wake: Wake | None = None) -> None:
        self._database = database
        self._wake = wake
        self._rows_came = asyncio.Event()
        self._to_announce = asyncio.Event()
        self._reactions: dict[type[Event], list[Reaction]] = {}
        self._subscribers: set[asyncio.Queue[Event]] = set()
        self._cursor = 0
        self._told: set[int] = set()
        database.on_event = self.poke

    def on(self, kind: type[Event], reaction: Reaction) -> None:
        """React to a kind of event. A reaction may run twice after a crash: make it idempotent."""
        self._reactions.setdefault(kind, []).append(reaction)

    def poke(self) -> None:
        """Rows were committed in this process: hand to `Work.after_commit`."""
        self._rows_came.set()
        self._to_announce.set()

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[asyncio.Queue[Event]]:
        """Live events from now on, for an open browser; a subscriber that does not read is dropped at 1,000."""
        queue: asyncio.Queue[Event] = asyncio.Queue(1000)
        self._subscribers.add(queue)
        try:
            yield queue
        finally:
            self._subscribers.discard(queue)

    async def run(self) -> None:
        """Relay for ever; the shell that starts this cancels it."""
        await self._start_from_now()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._announce())
            while True:
                try:
                    await self.relay_once()
                except (SQLAlchemyError, ClinicError, OSError) as error:
                    log.warning("outbox.unavailable", error=type(error).__name__)
                try:
                    async with asyncio.timeout(_LOOK_EVERY.total_seconds()):
                        await self._rows_came.wait()
                    self._rows_came.clear()
                except TimeoutError:
                    continue

    async def relay_once(self) -> int:
        """Tell subscribers and run the reactions of all rows that wait. Returns how many were handled."""
        await self._tell()
        handled = 0
        claimed = await self._claim()
        for row in claimed:
            handled += await self._handle(row)
        if len(claimed) == _BATCH:
            self._rows_came.set()
        return handled

    async def _claim(self) -> list[OutboxRow]:
        """Take the oldest rows that no other process is about to react to."""
        now = self._database.clock.now()
        free = or_(OutboxRow.claimed_until.is_(None), OutboxRow.claimed_until < now)
        waiting = select(OutboxRow).where(OutboxRow.handled_at.is_(None), free).order_by(OutboxRow.number).limit(_BATCH)
        async with self._database.read() as session:
            # Most looks find nothing: they need not queue with the writers.
            if await session.scalar(waiting.with_only_columns(OutboxRow.number).limit(1)) is None:
                return []
        async with self._database.write(SYSTEM) as work:
            rows = list(await work.session.scalars(waiting.with_for_update(skip_locked=True)))
            for row in rows:
                row.claimed_until = work.at + _CLAIM
        return rows

    async def _handle(self, row: OutboxRow) -> int:
        kind = Event.kinds.get(row.kind)
        try:
            for reaction in self._reactions.get(kind, []) if kind else []:
                await reaction(_decode(row))
        except Exception as error:
            log.exception("reaction.failed", kind=row.kind, number=row.number, error=type(error).__name__)
            async with self._database.write(SYSTEM) as work:
                gone = work.at if row.tries + 1 >= _TRIES else None
                await work.session.execute(
                    update(OutboxRow)
                    .where(OutboxRow.number == row.number)
                    .values(tries=OutboxRow.tries + 1, handled_at=gone, claimed_until=None)
                )
            return 0
        async with self._database.write(SYSTEM) as work:
            await work.session.execute(
                update(OutboxRow).where(OutboxRow.number == row.number).values(handled_at=work.at)
            )
        return 1

    async def _start_from_now(self) -> None:
        if self._database.is_sqlite:
            # There is one web process: what is claimed was claimed by one that died.
            async with self._database.write(SYSTEM) as work:
                held = OutboxRow.handled_at.is_(None), OutboxRow.claimed_until.is_not(None)
                await work.session.execute(update(OutboxRow).where(*held).values(claimed_until=None))
        async with self._database.read() as session:
            self._cursor = await session.scalar(select(func.max(OutboxRow.number))) or 0
            self._told = set(await session.scalars(select(OutboxRow.number).where(self._in_window())))

    def _in_window(self) -> ColumnElement[bool]:
        return OutboxRow.number > self._cursor - _OVERLAP

    async def _tell(self) -> None:
        async with self._database.read() as session:
            rows = list(await session.scalars(select(OutboxRow).where(self._in_window()).order_by(OutboxRow.number)))
        for row in rows:
            if row.number not in self._told and row.kind in Event.kinds:
                self._publish(_decode(row))
            self._told.add(row.number)
        if rows:
            self._cursor = max(self._cursor, rows[-1].number)
        self._told = {number for number in self._told if number > self._cursor - _OVERLAP}

    def _publish(self, happened: Event) -> None:
        for queue in list(self._subscribers):
            try:
                queue.put_nowait(happened)
            except asyncio.QueueFull:
                self._subscribers.discard(queue)

    async def _announce(self) -> None:
        """Call the others; in a task of its own, so that a slow line delays nobody here."""
        while self._wake is not None:
            await self._to_announce.wait()
            self._to_announce.clear()
            await self._wake.call()

    async def _listen(self) -> None:
        if self._wake is None:
            return
        async for _ in self._wake.calls():
            self._rows_came.set()


def as_json(happened: Event) -> dict[str, Any]:
    """An event as JSON for a browser: its kind and its plain values."""
    return {"kind": type(happened).__name__, **dataclasses.asdict(happened)}
