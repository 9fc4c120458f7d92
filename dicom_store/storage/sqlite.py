"""The index in a SQLite file.

SQLite answers most statements sooner than another thread wakes up, so the walk there is what counts: a reading
statement is one walk, and so is a whole writing transaction, however many statements its jobs run. A brief reading is
none: it is done where it is asked for, as long as the disk is quick. Each thread has a connection of its own. Knows
nothing of films.
"""

import contextlib
import resource
import sqlite3
import threading
import time
from asyncio import get_running_loop
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, NullPool, Select, create_engine, event
from sqlalchemy.engine import NestedTransaction
from sqlalchemy.exc import OperationalError

from dicom_store.migrations import upgrade
from dicom_store.storage.jobs import Job, run_all
from dicom_store.storage.ready import Statements

T = TypeVar("T")

_CACHE = "cache_size=-1000"
"""A megabyte for each thread; beyond it the kernel's memory serves all of them."""
_LONG_S, _TOO_LONG_S = 0.02, 0.2
"""A brief reading takes some 0.05 ms from memory; on a busy computer it may lose its turn for some time."""
_PAUSE_S = 5.0


class SqliteFile:
    """A SQLite file (WAL, synchronous=FULL): some threads that read, one that writes."""

    def __init__(self, url: URL, readers: int) -> None:
        self._url = url.set(drivername="sqlite")
        self._reading = _engine(self._url, writes=False)
        self._writing = _engine(self._url, writes=True)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="archive index")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="archive index writer")
        self._here = _engine(self._url, writes=False, wait_s=0)
        self._statements = Statements(self._here.dialect)
        self._patience = Patience()
        self._own = threading.local()
        self._opened: list[Connection] = []

    async def open(self) -> None:
        """See `database.Database.open`."""
        await get_running_loop().run_in_executor(self._writer, self._upgrade)

    async def rows(self, query: Executable, values: Any, *, brief: bool = False) -> Sequence[Any]:
        """See `database.Database.rows`."""
        if brief and isinstance(query, Select) and self._patience.here(time.monotonic()):
            with contextlib.suppress(sqlite3.OperationalError, OperationalError):  # busy: a thread has the time to wait
                return self._rows_here(query, values)
        return await get_running_loop().run_in_executor(self._readers, self._rows, query, values)

    async def transaction(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        """See `database.Database.transaction`."""
        return await get_running_loop().run_in_executor(self._writer, self._transaction, jobs)

    async def close(self) -> None:
        """See `database.Database.close`."""
        self._readers.shutdown()
        self._writer.shutdown()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def _connection(self, engine: Engine) -> Connection:
        """This thread's connection."""
        known: Connection | None = getattr(self._own, "connection", None)
        if known is None:
            known = self._own.connection = engine.connect()
            self._opened.append(known)
        return known

    def _upgrade(self) -> None:
        with self._connection(self._writing).begin():
            upgrade(self._connection(self._writing))

    def _rows_here(self, query: Select[Any], values: Any) -> Sequence[Any]:
        begun, blocks = time.monotonic(), _blocks_read()
        rows = self._statements.rows(self._connection(self._here).connection, query, values)
        self._patience.took(begun, time.monotonic(), from_disk=_blocks_read() > blocks)
        return rows

    def _rows(self, query: Executable, values: Any) -> Sequence[Any]:
        return self._connection(self._reading).execute(query, values).all()

    def _transaction(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        connection = self._connection(self._writing)
        with connection.begin():
            return _at_once(run_all(_Blocking(connection), jobs))


class Patience:
    """Whether brief readings are done in the event loop: not for a while after one of them took long."""

    def __init__(self) -> None:
        self._again = 0.0

    def here(self, now: float) -> bool:
        """Whether the next one is. `now` in seconds."""
        return now >= self._again

    def took(self, begun: float, ended: float, *, from_disk: bool) -> None:
        """One was done. Where pages come slowly from the disk, those of the next ones will too.

        Other programs that take the processor away are no reason, unless it is for very long: a disk on the network is
        not seen reading.
        """
        if ended - begun > (_LONG_S if from_disk else _TOO_LONG_S):
            self._again = ended + _PAUSE_S


def _blocks_read() -> int:
    """How often this thread had to read from a disk so far."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock


class _Blocking:
    """A blocking connection in the clothes of `Writing`: nothing that is awaited here ever waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def run_sync(self, call: Callable[[Connection], T]) -> T:
        return call(self._connection)

    def begin_nested(self) -> AbstractAsyncContextManager[Any]:
        return _Savepoint(self._connection.begin_nested())


class _Savepoint:
    def __init__(self, savepoint: NestedTransaction) -> None:
        self._savepoint = savepoint

    async def __aenter__(self) -> None:
        self._savepoint.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._savepoint.__exit__(kind, error, trace)


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, in this thread."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("A job of the index waited for something else than its connection.")


def _engine(url: URL, *, writes: bool, wait_s: int = 30) -> Engine:
    engine = create_engine(
        url,
        poolclass=NullPool,
        # A connection is used by one thread and closed, at the end, by another.
        connect_args={"timeout": wait_s, "isolation_level": None, "check_same_thread": False},
        **({} if writes else {"isolation_level": "AUTOCOMMIT"}),
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={wait_s}000", _CACHE):
            connection.execute(f"PRAGMA {pragma}")

    if writes:

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
