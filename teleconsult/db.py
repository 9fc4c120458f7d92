"""The clinic's database: one engine, reads, and the unit of work in which every change happens.

SQLite (the embedded default): WAL, `synchronous=FULL` because NORMAL loses acknowledged rows at a power cut, and one
writer at a time with `BEGIN IMMEDIATE`. PostgreSQL: the same code, the database orders the writers.
A use case writes change + audit row + event row in one `Work`; nothing reacts before the commit.
"""

import asyncio
import os
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    DateTime,
    Engine,
    Executable,
    MetaData,
    NullPool,
    Row,
    Table,
    TypeDecorator,
    create_engine,
    event,
    insert,
)
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool

from teleconsult.actor import Actor
from teleconsult.clock import Clock
from teleconsult.errors import Unavailable
from teleconsult.walks import Appending, Reading

_BUSY_MS = 30_000
_READERS = 8
_READS, _WRITES = "BEGIN", "BEGIN IMMEDIATE"
_NOT_WRITTEN = "The records cannot be written right now. Nothing was lost; please try again."


def new_id() -> str:
    """A new record id: UUID version 7 (RFC 9562), so that ids sort by the time they were made."""
    stamp = time.time_ns() // 1_000_000
    value = stamp << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite keeps no zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: they are a bug wherever they come from."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time was given to the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None or value.tzinfo is not None:
            return value  # type: ignore[no-any-return]
        return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]


class Record(DeclarativeBase):
    """Every table of the clinic. The classes are the records; decisions about them are pure functions beside them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime}  # noqa: RUF012 - SQLAlchemy's own protocol


class Work:
    """One transaction by one actor. Handed to everything that must happen together.

    Attributes:
        session: Add records and run statements here; never commit.
        actor: Who does it.
        at: The moment of the transaction: one for all its rows.
        on_event: Wakes the relay of events; called after the commit when there is one to tell.
    """

    def __init__(self, session: AsyncSession, actor: Actor, at: datetime) -> None:
        self.session = session
        self.actor = actor
        self.at = at
        self.on_event: Callable[[], None] = lambda: None
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run a quick wake-up once the transaction is durable; never for facts that must not be lost."""
        self._after_commit.append(call)

    def committed(self) -> None:
        """Called by Database once the commit has returned."""
        for call in self._after_commit:
            call()


class Database:
    """Opens sessions. One per process.

    Args:
        url: `sqlite+aiosqlite:///path` or `postgresql+asyncpg://…`.
        clock: Stamps each Work.

    Attributes:
        commits: How many transactions this process committed: what was read before the last one may be old.
        writes: The same with what was appended.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.commits = 0
        self.writes = 0
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._write_turn = asyncio.Lock()
        self._joining: list[Callable[[Work], Awaitable[None]]] = []
        self.on_event: Callable[[], None] = lambda: None
        self._reader = self._engine(url, begin=_READS)
        self._writer = self._engine(url, begin=_WRITES) if self.is_sqlite else self._reader
        self._read_sessions = async_sessionmaker(self._reader, expire_on_commit=False)
        self._write_sessions = async_sessionmaker(self._writer, expire_on_commit=False)
        self._reading = Reading(_walks(url, None)) if self.is_sqlite else None
        self._appending = Appending(_walks(url, _WRITES)) if self.is_sqlite else None

    @classmethod
    def at(cls, path: Path, clock: Clock) -> "Database":
        """The embedded default: a SQLite file."""
        return cls(f"sqlite+aiosqlite:///{path}", clock)

    @property
    def engine(self) -> AsyncEngine:
        """For migrations and the self-test only."""
        return self._writer

    def join(self, part: Callable[[Work], Awaitable[None]]) -> None:
        """Let something be part of every transaction, for instance the mark that a repeated request had its effect."""
        self._joining.append(part)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one moment of the database and changes nothing."""
        async with self._read_sessions() as session, session.begin():
            yield session

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of one statement: the short way for what is asked with every request."""
        if self._reading is not None:
            return await self._reading.rows(statement)
        async with self._reader.connect() as connection:
            found: Sequence[Row[Any]] = (await connection.execute(statement)).all()
            return found

    @asynccontextmanager
    async def write(self, actor: Actor, *, aside: bool = False) -> AsyncIterator[Work]:
        """One transaction: commits when the block ends well, else nothing happened.

        Args:
            actor: Who does it.
            aside: It changes nothing that anybody remembers: `commits` stays as it is.

        Raises:
            Unavailable: The database does not answer or the disk is full.
        """
        async with self._turn():
            try:
                async with self._write_sessions() as session, session.begin():
                    work = Work(session, actor, self.clock.now())
                    work.on_event = self.on_event
                    for part in self._joining:
                        await part(work)
                    yield work
            except OperationalError as error:
                raise Unavailable(_NOT_WRITTEN) from error
        self.commits += not aside
        self.writes += 1
        work.committed()

    async def append(self, kind: type[Record], rows: Sequence[dict[str, Any]]) -> None:
        """Add rows in a transaction of their own, for what only grows and nobody remembers: `commits` stays as it is.

        On SQLite this is one walk to a thread instead of one for each statement: readers wait for it.

        Args:
            kind: Whose table.
            rows: Column -> value.

        Raises:
            Unavailable: Nothing was added.
        """
        async with self._turn():
            try:
                if self._appending is not None:
                    await self._appending.add(cast("Table", kind.__table__), rows)
                else:
                    async with self._writer.begin() as connection:
                        await connection.execute(insert(kind), rows)
            except (SQLAlchemyError, sqlite3.Error) as error:
                raise Unavailable(_NOT_WRITTEN) from error
        self.writes += 1

    async def close(self) -> None:
        """Give all connections back; must be awaited before the loop ends."""
        for walks in (self._reading, self._appending):
            if walks is not None:
                walks.close()
        await self._reader.dispose()
        if self._writer is not self._reader:
            await self._writer.dispose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        # Writers of one process queue here in order instead of polling SQLite's busy handler.
        if not self.is_sqlite:
            yield
            return
        async with self._write_turn:
            yield

    def _engine(self, url: str, begin: str) -> AsyncEngine:
        if not self.is_sqlite:
            return create_async_engine(url, pool_size=_READERS, max_overflow=_READERS, pool_pre_ping=True)
        size = 1 if begin == _WRITES else _READERS
        engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=size, max_overflow=0)
        _prepare_sqlite(engine.sync_engine, begin)
        return engine


def _walks(url: str, begin: str | None) -> Engine:
    # Each connection is used by one thread, closed at the end by another.
    engine = create_engine(
        make_url(url).set(drivername="sqlite"),
        poolclass=NullPool,
        connect_args={"check_same_thread": False},
        **({} if begin else {"isolation_level": "AUTOCOMMIT"}),
    )
    _prepare_sqlite(engine, begin)
    return engine


def _prepare_sqlite(engine: Engine, begin: str | None) -> None:
    """`begin`: with what its transactions begin; None: each statement is one."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql(begin)
