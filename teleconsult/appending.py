"""Adds rows to a SQLite file from a thread with a connection of its own: for what only grows, while readers wait.

SQLAlchemy writes the statement once for each table; after that the driver is asked directly, which takes a third of the
processor's time. Knows nothing of sessions, and not whether its turn has come.
"""

import sqlite3
from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection, Table, insert

Row = dict[str, Any]
_AsKept = Callable[[Any], Any] | None


class Appending:
    """One thread, one connection, taken with the first rows.

    Args:
        engine: Prepares the connection as the file's other writers'; disposed of by `close`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._connection: PoolProxiedConnection | None = None
        self._statement = lru_cache(self._written)

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
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

    def _add(self, table: Table, rows: Sequence[Row]) -> None:
        sql, forms = self._statement(table, tuple(rows[0]))
        values = [[as_kept(row[name]) if as_kept else row[name] for name, as_kept in forms] for row in rows]
        with closing(self._taken().cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.executemany(sql, values)
                cursor.execute("COMMIT")
            except sqlite3.Error:
                cursor.execute("ROLLBACK")
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
