"""A ticket enters once, also where a site has several nodes."""

import asyncio

import pytest

from signaling.app import create_app
from signaling.config import ExchangeSettings, Neighbours
from signaling.errors import TicketRefused
from signaling.gate import Gate
from signaling.register import Register
from signaling.tickets import TicketReader
from tests.signaling.test_hub import said
from tests.signaling.test_tickets import KEY, NOON, ticket


def gate(first_use=None):
    return Gate(TicketReader(KEY, lambda: NOON), first_use)


async def test_a_node_that_is_alone_remembers_by_itself():
    one, door = ticket(), gate()
    assert (await door.admit(one, "r")).participant
    with pytest.raises(TicketRefused):
        await door.admit(one, "r")


async def test_of_several_nodes_only_the_first_lets_a_ticket_in(redis_server):
    shared = Register(redis_server.url, KEY)
    doors = [gate(shared.first_use) for _ in range(4)]
    one = ticket()
    answers = await asyncio.gather(*(door.admit(one, "r") for door in doors), return_exceptions=True)
    assert sum(isinstance(answer, TicketRefused) for answer in answers) == 3
    await doors[0].admit(ticket(), "r")
    await shared.close()


async def test_while_redis_is_away_calls_go_on_and_each_node_remembers_by_itself(redis_server):
    shared = Register(redis_server.url, KEY)
    door, other = gate(shared.first_use), gate(shared.first_use)
    redis_server.kill()
    one = ticket()
    await door.admit(one, "r")
    with pytest.raises(TicketRefused):
        await door.admit(one, "r")
    await other.admit(one, "r")
    await shared.close()
    redis_server.start()


async def test_a_forged_ticket_uses_up_nothing_in_redis(redis_server):
    asked = []

    async def first_use(shown):
        asked.append(shown)
        return True

    with pytest.raises(TicketRefused):
        await gate(first_use).admit(ticket()[:-2] + "xx", "r")
    assert asked == []


async def test_two_nodes_of_one_site_over_real_sockets(aiohttp_client, redis_server):
    from tests.signaling import test_whip

    nodes = [
        await aiohttp_client(
            create_app(
                ExchangeSettings(
                    test_whip.KEY,
                    udp_port=0,
                    name=name,
                    neighbours=Neighbours(redis_server.url, f"https://127.0.0.1:{9}", "00" * 32),
                )
            )
        )
        for name in ("north", "south")
    ]
    one = test_whip.ticket("r", "li")
    lines = [await node.ws_connect("/rtc") for node in nodes]
    await lines[0].send_json({"type": "hello", "version": 1, "ticket": one})
    assert (await said(lines[0], "welcome"))["participant"] == "li"
    await lines[1].send_json({"type": "hello", "version": 1, "ticket": one})
    assert (await said(lines[1], "refused"))["code"] == "ticket"
    for line in lines:
        await line.close()
