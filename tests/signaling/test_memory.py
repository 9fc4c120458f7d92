"""Who has left leaves nothing behind. The short run is a test, the long one `make soak`."""

import gc
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bench.rtc.peer import LightPeer
from signaling.app import ROOMS
from tests.signaling.test_whip import exchange, ticket  # noqa: F401 - the fixture


def resident_kb():
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def come_and_go(client, number):
    peer = LightPeer("127.0.0.1")
    words = {"Content-Type": "application/sdp", "X-Ticket": ticket(f"room-{number % 7}")}
    async with client.post(f"/whip/room-{number % 7}", data=peer.offer("sendonly"), headers=words) as answer:
        assert answer.status == 201
        where = answer.headers["Location"]
        await peer.connect(await answer.text())
    async with client.delete(where, headers={"X-Ticket": ticket(f"room-{number % 7}")}) as answer:
        assert answer.status == 200
    await peer.close()


async def cycles(exchange, first, count):  # noqa: F811
    async with ClientSession(exchange.make_url("/")) as client:  # the test client keeps every answer
        for number in range(first, first + count):
            await come_and_go(client, number)
    rooms = exchange.app[ROOMS]
    assert not rooms.plane.by_name
    assert not rooms.plane.by_ufrag
    assert not rooms.plane.publishing
    assert not any(live.peers for live in rooms.live())


async def test_connections_that_ended_are_not_kept(exchange):  # noqa: F811
    from signaling.media.peer import Peer

    await cycles(exchange, 0, 20)
    gc.collect()
    assert sum(isinstance(thing, Peer) for thing in gc.get_objects()) <= 2


@pytest.mark.soak
async def test_a_thousand_joins_and_leaves_leave_the_memory_as_it_was(exchange):  # noqa: F811
    await cycles(exchange, 0, 200)
    before = resident_kb()
    await cycles(exchange, 200, 1000)
    after = resident_kb()
    print(f"resident before {before} kB, after {after} kB")  # noqa: T201 - what a soak is run for
    assert after < before * 1.05
