"""The unit of work: all or nothing, in order, and only after the commit."""

import asyncio
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.actor import SYSTEM
from teleconsult.db import Database, Record, Work, new_id
from teleconsult.errors import Unavailable
from tests.builders.clock import NOON, FixedClock
from tests.builders.database import a_database


class Jotting(Record):
    """A line of a test."""

    __tablename__ = "test_jottings"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]


def jotting(at: datetime = NOON) -> Jotting:
    return Jotting(id=new_id(), at=at)


async def count(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Jotting)) or 0


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [new_id() for _ in range(50)]
    assert len(set(made)) == 50
    parsed = [uuid.UUID(one) for one in made]
    assert {one.version for one in parsed} == {7}
    assert {one.variant for one in parsed} == {uuid.RFC_4122}
    stamps = [one.int >> 80 for one in parsed]
    assert stamps == sorted(stamps)


async def test_a_block_that_fails_leaves_nothing_and_wakes_nobody(tmp_path: Path) -> None:
    woken: list[int] = []
    async with a_database(tmp_path) as database:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is what is tested
            async with database.write(SYSTEM) as work:
                work.session.add(jotting())
                work.after_commit(lambda: woken.append(1))
                await work.session.flush()
                raise ZeroDivisionError
        assert await count(database) == 0
    assert woken == []


async def test_wake_ups_come_after_the_commit(tmp_path: Path) -> None:
    seen: list[int] = []
    async with a_database(tmp_path) as database:

        def look() -> None:
            with sqlite3.connect(tmp_path / "clinic.db") as other:
                seen.append(other.execute("SELECT count(*) FROM test_jottings").fetchone()[0])
            other.close()

        async with database.write(SYSTEM) as work:
            work.session.add(jotting())
            work.after_commit(look)
    assert seen == [1]


async def test_writers_queue_and_all_of_them_come_through(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database, asyncio.timeout(60):

        async def write() -> None:
            async with database.write(SYSTEM) as work:
                work.session.add(jotting())

        await asyncio.gather(*(write() for _ in range(50)))
        assert await count(database) == 50


async def test_two_processes_do_not_refuse_each_other(tmp_path: Path) -> None:
    async with a_database(tmp_path) as one:
        two = Database.at(tmp_path / "clinic.db", FixedClock())
        try:

            async def write(database: Database) -> None:
                for _ in range(10):
                    async with database.write(SYSTEM) as work:
                        work.session.add(jotting())

            await asyncio.gather(write(one), write(two))
            assert await count(one) == await count(two) == 20
        finally:
            await two.close()


async def test_a_power_cut_after_the_commit_loses_nothing(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database, database.read() as session:
        for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert (await session.execute(text(f"PRAGMA {pragma}"))).scalar() == wanted


async def test_times_keep_their_moment_and_naive_ones_are_refused(tmp_path: Path) -> None:
    beijing = timezone(timedelta(hours=8))
    async with a_database(tmp_path) as database:
        async with database.write(SYSTEM) as work:
            work.session.add(jotting(datetime(2026, 11, 20, 12, tzinfo=beijing)))
        async with database.read() as session:
            at = await session.scalar(select(Jotting.at))
        assert at == datetime(2026, 11, 20, 4, tzinfo=UTC)
        with pytest.raises(Exception, match="naive"):
            async with database.write(SYSTEM) as work:
                work.session.add(jotting(NOON.replace(tzinfo=None)))


async def test_all_rows_of_a_work_carry_its_one_moment(tmp_path: Path) -> None:
    clock = FixedClock()
    async with a_database(tmp_path, clock) as database, database.write(SYSTEM) as work:
        before = work.at
        clock.turn(minutes=5)
        assert work.at == before


async def test_what_joins_is_part_of_every_work(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database:

        async def mark(work: Work) -> None:
            work.session.add(jotting())

        database.join(mark)
        async with database.write(SYSTEM):
            pass
        assert await count(database) == 1


async def test_a_database_that_cannot_be_written_is_unavailable_and_says_so(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database:
        await database.close()
        with sqlite3.connect(tmp_path / "clinic.db") as other:
            other.execute("DROP TABLE test_jottings")
        other.close()
        with pytest.raises(Unavailable):
            async with database.write(SYSTEM) as work:
                work.session.add(jotting())


async def test_what_is_appended_is_there_and_makes_nothing_old(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database:
        before = database.commits
        await database.append(Jotting, [{"id": new_id(), "at": NOON} for _ in range(3)])
        assert (await count(database), database.commits) == (3, before)
        async with database.read() as session:
            assert set(await session.scalars(select(Jotting.at))) == {NOON}


async def test_rows_asked_for_the_short_way_are_never_old(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database:
        for number in range(1, 4):
            async with database.write(SYSTEM) as work:
                work.session.add(jotting())
            for _ in range(4):  # each thread that reads
                assert [row.at for row in await database.rows(select(Jotting.at))] == [NOON] * number


async def test_an_append_that_fails_leaves_nothing(tmp_path: Path) -> None:
    same = new_id()
    async with a_database(tmp_path) as database:
        with pytest.raises(Unavailable):
            await database.append(Jotting, [{"id": name, "at": NOON} for name in (new_id(), same, same)])
        assert await count(database) == 0
        await database.append(Jotting, [{"id": same, "at": NOON}])
        assert await count(database) == 1


async def test_appending_waits_for_its_turn(tmp_path: Path) -> None:
    async with a_database(tmp_path) as database:
        async with asyncio.TaskGroup() as group, database.write(SYSTEM) as work:
            work.session.add(jotting())
            await work.session.flush()
            late = group.create_task(database.append(Jotting, [{"id": new_id(), "at": NOON}]))
            await asyncio.sleep(0.05)
            assert not late.done()
        assert await count(database) == 2
