"""Nodes and rooms in a real Redis."""

import asyncio

import pytest

from signaling.directory import Standing
from signaling.errors import Unavailable
from signaling.register import Entry, Register

KEY = b"k" * 32
A = Entry(Standing("a", peers=3, packets_s=500, rooms=1), "https://10.0.0.1:8090", "00" * 32)
B = Entry(Standing("b", draining=True), "https://[::1]:8090", "11" * 32)


@pytest.fixture
async def register(redis_server):
    made = Register(redis_server.url, KEY)
    yield made
    await made.close()


async def test_who_speaks_lives_and_who_falls_silent_is_forgotten(register):
    await register.announce(A, [])
    await register.announce(B, [])
    assert await register.living() == [A, B]
    async with asyncio.timeout(20):
        while await register.living() == [A, B]:
            await register.announce(B, [])
            await asyncio.sleep(0.1)
    assert await register.living() == [B]
    await register.leave("b")
    assert await register.living() == []


async def test_two_who_ask_at_the_same_time_get_one_node(register):
    found = await asyncio.gather(*(register.claim("r", name, "") for name in "abcdefgh"))
    assert len(set(found)) == 1
    assert await register.holder("r") == found[0]


async def test_a_room_is_taken_over_only_from_the_node_that_was_lost(register):
    assert await register.claim("r", "a", "") == "a"
    assert await register.claim("r", "b", "") == "a"
    assert await register.claim("r", "b", "c") == "a"
    assert await register.claim("r", "b", "a") == "b"
    assert await register.claim("r", "c", "a") == "b"


async def test_a_node_that_comes_back_learns_which_of_its_rooms_are_another_s(register):
    await register.announce(A, ["r", "s"])
    await register.claim("r", "b", "a")
    assert await register.announce(A, ["r", "s"]) == ["r"]
    assert (await register.holder("r"), await register.holder("s")) == ("b", "a")


async def test_rooms_that_ended_are_free_and_those_of_others_are_not(register):
    await register.announce(A, ["r", "s"])
    await register.claim("s", "b", "a")
    await register.give_up("a", ["r", "s"])
    assert (await register.holder("r"), await register.holder("s")) == ("", "b")


async def test_what_redis_lost_is_written_down_again(register, redis_server):
    await register.announce(A, ["r"])
    redis_server.kill()
    with pytest.raises(Unavailable):
        await register.living()
    redis_server.start()
    assert await register.announce(A, ["r"]) == []
    assert await register.holder("r") == "a"


async def test_an_entry_of_somebody_without_the_key_is_none(register, redis_server):
    await register.announce(A, [])
    stranger = Register(redis_server.url, b"x" * 32)
    await stranger.announce(B, [])
    assert await register.living() == [A]
    await stranger.announce(A, [])  # in the place of the true one
    assert await register.living() == []
    await stranger.close()
