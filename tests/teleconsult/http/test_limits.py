from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.errors import TooMany
from teleconsult.http import limits
from teleconsult.http.limits import RateLimit
from tests.builders.clock import FixedClock


def test_tries_come_back_evenly():
    clock = FixedClock()
    limit = RateLimit(clock, times=3, per=timedelta(seconds=30))
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.retry_after == timedelta(seconds=10)
    limit.take("b")
    clock.turn(seconds=10)
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")


def test_a_clock_that_jumps_back_gives_nothing_away():
    clock = FixedClock()
    limit = RateLimit(clock, times=1, per=timedelta(minutes=1))
    limit.take("a")
    clock.turn(hours=-5)
    with pytest.raises(TooMany):
        limit.take("a")


@given(st.lists(st.text(max_size=3), max_size=300))
def test_the_memory_is_bounded(keys):
    limit = RateLimit(FixedClock(), times=1000, per=timedelta(minutes=1), most_keys=10)
    for key in keys:
        limit.take(key)
    assert len(limit._buckets) <= 10


async def test_a_body_that_stops_coming_is_given_up(client, monkeypatch):
    import asyncio

    monkeypatch.setattr(limits, "_CHUNK_SILENCE", timedelta(seconds=0.2))

    async def slow():
        yield b'{"name"'
        await asyncio.sleep(1)
        yield b': "x"}'

    headers = {"Authorization": "Bearer wang", "Content-Type": "application/json"}
    answer = await client.post("/api/v1/things", data=slow(), headers=headers)
    assert answer.status == 408
