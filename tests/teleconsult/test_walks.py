"""Rows are added as columns keep them, all or none; each statement that reads sees what was added before it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, select

from teleconsult.db import UtcTime
from teleconsult.walks import Appending, Reading

NOTES = Table(
    "notes", MetaData(), Column("id", Integer, primary_key=True), Column("word", String), Column("at", UtcTime)
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = create_engine(f"sqlite:///{tmp_path}/notes.db", connect_args={"check_same_thread": False})
    with made.begin() as connection:
        NOTES.create(connection)
    yield made
    made.dispose()


async def test_values_are_kept_as_their_columns_keep_them(engine: Engine) -> None:
    appending = Appending(engine)
    await appending.add(NOTES, [{"at": NOON, "word": "文字"}, {"at": NOON, "word": "'); DROP TABLE notes; --"}])
    await appending.add(NOTES, [{"word": "no moment", "at": None}])
    with engine.connect() as connection:
        assert connection.execute(select(NOTES)).all() == [
            (1, "文字", NOON),
            (2, "'); DROP TABLE notes; --", NOON),
            (3, "no moment", None),
        ]
    appending.close()


async def test_all_or_none_and_then_the_next(engine: Engine) -> None:
    appending = Appending(engine)
    with pytest.raises(sqlite3.IntegrityError):
        await appending.add(NOTES, [{"id": 1, "word": "a"}, {"id": 1, "word": "b"}])
    await appending.add(NOTES, [{"id": 1, "word": "c"}])
    with engine.connect() as connection:
        assert connection.execute(select(NOTES.c.word)).all() == [("c",)]
    appending.close()


async def test_what_the_driver_cannot_take_holds_nobody_up(engine: Engine) -> None:
    appending = Appending(engine)
    with pytest.raises(OverflowError):
        await appending.add(NOTES, [{"id": 1, "word": "x"}, {"id": 1 << 70, "word": "too large"}])
    await appending.add(NOTES, [{"id": 2, "word": "y"}])
    with engine.begin() as connection:
        connection.execute(NOTES.insert().values(id=3, word="z"))  # nothing is locked
        assert connection.execute(select(NOTES.c.word)).all() == [("y",), ("z",)]
    appending.close()


async def test_a_naive_time_is_refused_before_anything_is_written(engine: Engine) -> None:
    appending = Appending(engine)
    with pytest.raises(ValueError, match="naive"):
        await appending.add(NOTES, [{"word": "x", "at": datetime(2026, 3, 1)}])  # noqa: DTZ001
    await appending.add(NOTES, [{"word": "y", "at": NOON}])
    with engine.connect() as connection:
        assert connection.execute(select(NOTES.c.word)).all() == [("y",)]
    appending.close()


async def test_each_reading_sees_what_was_committed_before_it(engine: Engine) -> None:
    reading, appending = Reading(engine), Appending(engine)
    everything = select(NOTES.c.word, NOTES.c.at).order_by(NOTES.c.id)
    for number in range(5):
        await appending.add(NOTES, [{"word": str(number), "at": NOON}])
        found = await reading.rows(everything)
        assert [(row.word, row.at) for row in found] == [(str(n), NOON) for n in range(number + 1)]
    reading.close()
    appending.close()


async def test_many_read_at_once(engine: Engine) -> None:
    reading, appending = Reading(engine), Appending(engine)
    await appending.add(NOTES, [{"word": str(number), "at": NOON} for number in range(50)])
    found = await asyncio.gather(
        *(reading.rows(select(NOTES.c.word).where(NOTES.c.word == str(number))) for number in range(50))
    )
    assert [row[0].word for row in found] == [str(number) for number in range(50)]
    reading.close()
    appending.close()
