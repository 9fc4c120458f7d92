"""Rows written at once are the rows that SQLAlchemy would have written."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import create_engine, insert, select
from sqlalchemy.engine import Connection

from dicom_store.storage.rows import add_rows
from dicom_store.storage.sqlite import _Blocking
from dicom_store.storage.tables import arrivals, metadata

ROWS = [
    {
        "kind": "film", "institution": "east", "door": "stow", "caller": "c'1", "reference": "", "study": str(number),
        "subject": "1.2", "at": datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
    }
    for number in range(3)
]  # fmt: skip


async def written(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(select(arrivals).order_by(arrivals.c.number))]


async def test_rows_read_back_as_those_of_sqlalchemy() -> None:
    found = []
    for quick in (True, False):
        engine = create_engine("sqlite://")
        with engine.connect() as connection:
            metadata.create_all(connection)
            if quick:
                await add_rows(_Blocking(connection), arrivals, ROWS)
            else:
                connection.execute(insert(arrivals), ROWS)
            found.append(await written(connection))
        engine.dispose()
    assert found[0] == found[1]
    assert len(found[0]) == 3


async def test_no_rows_are_no_statement() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        await add_rows(_Blocking(connection), arrivals, [])
        assert await written(connection) == []
    engine.dispose()
