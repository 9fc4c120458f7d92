import asyncio
import json
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from teleconsult.actor import SYSTEM
from teleconsult.deadlines.rules import Calendar, Deadline, Policy
from teleconsult.deadlines.service import Deadlines
from teleconsult.events import OutboxRow
from tests.builders.clock import FixedClock
from tests.builders.database import a_database

POLICY = Policy(Calendar(ZoneInfo("Asia/Shanghai")))


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def database(tmp_path: Path, clock):
    async with a_database(tmp_path, clock) as made:
        yield made


@pytest.fixture
def deadlines(database):
    return Deadlines(database, POLICY)


def due(clock, minutes: int) -> Deadline:
    at = clock.now() + timedelta(minutes=minutes)
    return Deadline("answer", at, at - timedelta(minutes=2), (at, at + timedelta(minutes=5)))


async def put(deadlines, database, deadline, subject="c") -> None:
    async with database.write(SYSTEM) as work:
        await deadlines.set(work, subject, deadline)


async def told(database) -> list[tuple[str, int | None]]:
    async with database.read() as session:
        rows = await session.scalars(select(OutboxRow).order_by(OutboxRow.number))
        return [(row.kind, json.loads(row.body).get("step")) for row in rows]


async def test_warning_deadline_and_chain_are_each_told_once(deadlines, database, clock):
    await put(deadlines, database, due(clock, 10))
    assert await deadlines.fire_due() == 0
    for _ in range(20):
        clock.turn(minutes=1)
        await deadlines.fire_due()
    assert await told(database) == [("DeadlineNear", None), ("DeadlinePassed", 0), ("DeadlinePassed", 1)]


async def test_a_restart_goes_on_where_it_stopped(deadlines, database, clock):
    await put(deadlines, database, due(clock, 10))
    clock.turn(minutes=9)
    await deadlines.fire_due()
    again = Deadlines(database, POLICY)
    await again.fire_due()
    clock.turn(minutes=2)
    await again.fire_due()
    assert await told(database) == [("DeadlineNear", None), ("DeadlinePassed", 0)]


async def test_after_a_long_stop_only_the_newest_step_is_told(deadlines, database, clock):
    await put(deadlines, database, due(clock, 10))
    clock.turn(hours=5)
    assert await deadlines.fire_due() == 1
    assert await deadlines.fire_due() == 0
    assert await told(database) == [("DeadlinePassed", 1)]


async def test_the_same_deadline_set_again_is_not_told_anew(deadlines, database, clock):
    deadline = due(clock, 10)
    await put(deadlines, database, deadline)
    clock.turn(minutes=11)
    await deadlines.fire_due()
    await put(deadlines, database, deadline)
    assert await deadlines.fire_due() == 0


async def test_a_new_deadline_takes_the_place_of_the_old(deadlines, database, clock):
    await put(deadlines, database, due(clock, 10))
    await put(deadlines, database, due(clock, 60))
    clock.turn(minutes=30)
    assert await deadlines.fire_due() == 0
    await put(deadlines, database, None)
    clock.turn(hours=9)
    assert await deadlines.fire_due() == 0
    assert await deadlines.upcoming() == []


async def test_a_deadline_of_a_transaction_that_failed_is_none(deadlines, database, clock):
    async def fail() -> None:
        async with database.write(SYSTEM) as work:
            await deadlines.set(work, "c", due(clock, 1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await deadlines.upcoming() == []


async def test_two_loops_at_once_tell_once(deadlines, database, clock):
    for number in range(30):
        await put(deadlines, database, due(clock, 1), f"c{number}")
    clock.turn(minutes=2)
    await asyncio.gather(deadlines.fire_due(), Deadlines(database, POLICY).fire_due())
    assert len(await told(database)) == 30


async def test_the_loop_wakes_for_a_timer_that_is_set_while_it_sleeps(deadlines, database, clock):
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(deadlines.run())
        await asyncio.sleep(0.1)
        await put(deadlines, database, due(clock, -10))
        async with asyncio.timeout(10):
            while not await told(database):
                await asyncio.sleep(0.02)
        loop.cancel()
