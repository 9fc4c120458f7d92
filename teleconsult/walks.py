"""One walk to a thread for one question to a SQLite file, where a session's transaction takes four.

`Reading` runs a statement; `Appending` adds rows to what only grows, while readers wait for it. Each thread has a
connection of its own. Neither knows of sessions, nor whether its turn has come.
"""

import threading
from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, Executable, PoolProxiedConnection, Row, Table, insert

_THREADS = 2
_Values = dict[str, Any]
_AsKept = Callable[[Any], Any] | None


class Reading:
    """A few threads that read.

    Args:
        engine: Prepares their connections, each of which commits by itself; disposed of by `close`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="records read")
        self._own = threading.local()
        self._opened: list[Connection] = []

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a statement, as they are at one moment. Raises SQLAlchemyError."""
        return await get_running_loop().run_in_executor(self._threads, self._rows, statement)

    def close(self) -> None:
        """Finish what waits and let go of the file."""
        self._threads.shutdown()
        for connection in self._opened:
            connection.close()
        self._engine.dispose()

    def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._engine.connect()
            self._opened.append(connection)
        return connection.execute(statement).all()


class Appending:
    """One thread that adds; SQLAlchemy writes its statement once for each table, then the driver is asked directly.

    The connection is taken with the first rows.

    Args:
        engine: Prepares the connection as the file's other writers'; disposed of by `close`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._connection: PoolProxiedConnection | None = None
        self._statement = lru_cache(self._written)

    async def add(self, table: Table, rows: Sequence[_Values]) -> None:
        """Add rows in one transaction; they are on the disk when this returns.

        Args:
            table: Whose.
            rows: At least one, as column -> value; all with the same columns.

        Raises:
            sqlite3.Error: Nothing was added.
        """
        await get_running_loop().run_in_executor(self._thread, self._add, table, rows)

    def close(self) -> None:
        """Finish what waits and let go of the file."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _add(self, table: Table, rows: Sequence[_Values]) -> None:
        sql, forms = self._statement(table, tuple(rows[0]))
        values = [[as_kept(row[name]) if as_kept else row[name] for name, as_kept in forms] for row in rows]
        connection = self._taken()
        with closing(connection.cursor()) as cursor:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.executemany(sql, values)
                cursor.execute("COMMIT")
            except BaseException:
                connection.rollback()  # does nothing where SQLite has done it
                raise

    def _taken(self) -> PoolProxiedConnection:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        return self._connection

    def _written(self, table: Table, columns: tuple[str, ...]) -> tuple[str, list[tuple[str, _AsKept]]]:
        """The statement, and how each of its values, in order, is given to the driver."""
        dialect = self._engine.dialect
        compiled = insert(table).compile(dialect=dialect, column_keys=list(columns))
        names: list[str] = list(getattr(compiled, "positiontup", None) or ())
        return str(compiled), [
            (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
        ]
