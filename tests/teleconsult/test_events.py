"""The outbox over both databases: each event once in one process, to live subscribers in every process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from teleconsult.actor import SYSTEM
from teleconsult.db import Database
from teleconsult.events import Bus, Event, OutboxRow, record
from teleconsult.wake import RedisWake
from tests.builders.clock import FixedClock
from tests.builders.database import a_database, a_postgres_database
from tests.services import Redis


@dataclass(frozen=True, slots=True)
class BellRang(Event):
    """Something that happened in a test."""

    number: int


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        async with a_database(tmp_path) as made:
            yield made
    else:
        async with a_postgres_database(request.getfixturevalue("postgres_url")) as made:
            yield made


async def ring(database: Database, *numbers: int, bus: Bus | None = None) -> None:
    async with database.write(SYSTEM) as work:
        for number in numbers:
            record(work, BellRang(number))
        if bus is not None:
            work.after_commit(bus.poke)


def heard_by(bus: Bus, heard: list[int]) -> None:
    async def hear(happened: Event) -> None:
        assert isinstance(happened, BellRang)
        await asyncio.sleep(0)  # lets the other bus try to take the same row
        heard.append(happened.number)

    bus.on(BellRang, hear)


async def test_two_processes_react_to_each_event_once(database: Database) -> None:
    heard: list[int] = []
    buses = [Bus(database), Bus(database)]
    for bus in buses:
        heard_by(bus, heard)
    await ring(database, *range(60))
    while sum(await asyncio.gather(*(bus.relay_once() for bus in buses))):
        pass
    assert sorted(heard) == list(range(60))


async def test_what_a_dead_process_had_claimed_is_taken_over(database: Database) -> None:
    heard: list[int] = []
    dead, alive = Bus(database), Bus(database)
    heard_by(alive, heard)
    await ring(database, 1)
    assert len(await dead._claim()) == 1
    assert await alive.relay_once() == 0
    clock = database.clock
    assert isinstance(clock, FixedClock)
    clock.turn(minutes=1)
    assert await alive.relay_once() == 1
    assert heard == [1]


async def test_a_reaction_that_fails_is_tried_again_and_given_up_at_last(database: Database) -> None:
    tried: list[int] = []
    bus = Bus(database)

    async def fail(_happened: Event) -> None:
        tried.append(1)
        raise ValueError("this reaction is broken")

    bus.on(BellRang, fail)
    await ring(database, 1)
    for _ in range(12):
        await bus.relay_once()
    assert len(tried) == 8
    async with database.read() as session:
        assert (await session.scalars(select(OutboxRow.handled_at))).one() is not None


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bus.run())
        try:
            yield
        finally:
            task.cancel()


@pytest.mark.postgres
@pytest.mark.redis
async def test_redis_wakes_the_other_process_and_while_it_is_away_nothing_is_lost(
    postgres_url: str, redis_server: Redis
) -> None:
    heard: list[int] = []
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(a_postgres_database(postgres_url))
        other = Database(one.engine.url.render_as_string(False), one.clock)
        stack.push_async_callback(other.close)
        wakes = [RedisWake(redis_server.url), RedisWake(redis_server.url)]
        for wake in wakes:
            stack.push_async_callback(wake.close)
        here, there = Bus(one, wakes[0]), Bus(other, wakes[1])
        for bus in (here, there):
            heard_by(bus, heard)
        await stack.enter_async_context(running(here))
        await stack.enter_async_context(running(there))
        told = await stack.enter_async_context(there.subscribe())
        await asyncio.sleep(0.5)
        await ring(one, 1, bus=here)
        async with asyncio.timeout(1.5):  # without a wake-up it would be up to two seconds
            assert await told.get() == BellRang(1)
        redis_server.kill()
        await ring(one, 2, bus=here)
        async with asyncio.timeout(20):
            assert await told.get() == BellRang(2)
        redis_server.start()
        await asyncio.sleep(3)
        await ring(one, 3, bus=here)
        async with asyncio.timeout(20):
            assert await told.get() == BellRang(3)
        await asyncio.sleep(0.5)
        assert told.empty()
        assert sorted(heard) == [1, 2, 3]
