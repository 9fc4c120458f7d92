"""Many new rows of one table in one statement, without SQLAlchemy's work for each value.

A batch of films has hundreds of values; building them one by one took longer than the database. The statement and what
each column does to its values are worked out once for a database.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

from dicom_store.storage.jobs import Writing


async def add_rows(connection: Writing, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all with the same columns; none is fine."""
    if rows:
        await connection.run_sync(lambda blocking: _add(blocking, table, rows))


def _add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    text, columns = _statement(table, connection.dialect, tuple(rows[0]))
    values = [tuple(row[name] if convert is None else convert(row[name]) for name, convert in columns) for row in rows]
    connection.exec_driver_sql(text, values)


@lru_cache(maxsize=64)
def _statement(
    table: Table, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """The statement, and in the order of its places each column's name and what is done to its values."""
    compiled = insert(table).inline().compile(dialect=dialect, column_keys=list(names))
    converts = {name: table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    return str(compiled), [(name, converts[name]) for name in compiled.positiontup or ()]
