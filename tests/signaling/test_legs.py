"""One publisher, viewers at another node: one leg between the two, as long as anybody watches."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession, UnixConnector, web

from signaling.app import ROOMS, create_app
from signaling.config import ExchangeSettings
from signaling.media.leg import Leg
from signaling.tickets import RELAYED_HEADER
from tests.signaling.lossy import lose
from tests.signaling.test_whip import KEY, frame_of, negotiate, peer, publishing, ticket


class House:
    """One node with its line."""

    def __init__(self, app, client):
        self.rooms, self.client = app[ROOMS], client

    async def control(self, path, **said):
        async with self.client.post(f"/control/{path}", json=said) as answer:
            return answer.status, await answer.json() if answer.status == 200 else await answer.text()

    @property
    def legs(self):
        return [one for live in self.rooms.live() for one in live.peers.values() if isinstance(one, Leg)]


@pytest.fixture
async def houses(tmp_path, monkeypatch, compiled):
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    async with AsyncExitStack() as stack:
        made = []
        for name in ("a", "b"):
            app = create_app(ExchangeSettings(KEY, name=name, udp_port=0, compiled=compiled))
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.UnixSite(runner, str(tmp_path / name)).start()
            line = UnixConnector(str(tmp_path / name))
            made.append(House(app, await stack.enter_async_context(ClientSession("http://house", connector=line))))
        yield made


async def a_leg(giver, taker, publisher=""):
    """What the clinic does."""
    status, terms = await giver.control("legs/give", room="r", publisher=publisher, to=taker.rooms.candidates[0])
    assert status == 200
    return await taker.control("legs/take", room="r", publisher=publisher, terms=terms)


async def watching(house, path="/whep/r"):
    connection = peer()
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")
    house.client.headers[RELAYED_HEADER] = "1"
    try:
        answer = await negotiate(house.client, connection, path)
    finally:
        del house.client.headers[RELAYED_HEADER]
    return connection, answer.headers["Location"]


async def seen_afar(a, b):
    """Somebody publishes at one node, and somebody at the other sees it."""
    publisher, _ = await publishing(a.client)
    await a_leg(a, b)
    viewer, _ = await watching(b)
    await frame_of(viewer, "video")
    return publisher, viewer


async def until(true, seconds=20):
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


async def test_five_viewers_at_another_node_see_and_hear_by_one_leg_that_goes_with_the_last(houses):
    a, b = houses
    publisher, _ = await publishing(a.client)
    assert (await a_leg(a, b))[0] == 200
    viewers = [await watching(b) for _ in range(5)]
    for viewer, _ in viewers:
        assert (await frame_of(viewer, "video")).width == 640
        assert (await frame_of(viewer, "audio")).sample_rate == 48_000
    assert (len(a.legs), len(b.legs)) == (1, 1)
    assert len(b.rooms.room("r").peers) == 6
    assert "media_legs 1\n" in await (await a.client.get("/metrics")).text()
    assert (await (await b.client.get("/control/state")).json())["holds"] == []
    for viewer, location in viewers:
        async with b.client.delete(location, headers={"X-Ticket": ticket()}) as answer:
            assert answer.status == 200
        await viewer.close()
    await until(lambda: not a.legs and not b.legs)
    await until(lambda: b.rooms.room("r") is None)
    assert not a.rooms.plane.by_stream
    assert not b.rooms.plane.by_stream
    await publisher.close()


async def test_a_late_viewer_gets_a_key_frame_by_a_wish_that_goes_back_over_the_leg(houses):
    a, b = houses
    publisher, first = await seen_afar(a, b)
    source = next(source for source in b.legs[0].sources.values() if source.kind == "video")
    before = source.last_pli_s
    late, _ = await watching(b)
    await frame_of(late, "video")
    await until(lambda: source.last_pli_s > before)
    for one in (first, late, publisher):
        await one.close()


async def test_what_is_lost_between_the_nodes_is_repeated_by_the_first_one(houses):
    a, b = houses
    publisher, viewer = await seen_afar(a, b)
    source = next(source for source in b.legs[0].sources.values() if source.kind == "video")
    dropped = set()

    def three(ssrc, _, seq):
        once = ssrc == source.ssrc and len(dropped) < 3 and seq % 5 == 0 and seq not in dropped
        dropped.update({seq} if once else ())
        return once

    lose(b.rooms.plane, three)
    await until(lambda: len(dropped) == 3 and source.missing.repaired >= 1)
    for one in (viewer, publisher):
        await one.close()


async def test_a_viewer_waits_at_another_node_for_a_publisher_who_comes_later(houses):
    a, b = houses
    waiting = peer()
    waiting.addTransceiver("audio", direction="recvonly")
    await negotiate(a.client, waiting, "/whep/r?publisher=camera-2")
    assert (await a_leg(a, b, "camera-2"))[0] == 200
    viewer, _ = await watching(b, "/whep/r?publisher=camera-2")
    await asyncio.sleep(0.3)
    publisher, _ = await publishing(a.client, "/whip/r?publisher=camera-2")
    assert (await frame_of(viewer, "video")).width == 640
    for one in (waiting, viewer, publisher):
        await one.close()


async def test_two_publishers_go_by_two_legs_between_the_same_two_ports(houses):
    a, b = houses
    cameras = [(await publishing(a.client, f"/whip/r?publisher=camera-{number}"))[0] for number in (1, 2)]
    for number in (1, 2):
        await a_leg(a, b, f"camera-{number}")
    viewers = [(await watching(b, f"/whep/r?publisher=camera-{number}"))[0] for number in (1, 2)]
    for viewer in viewers:
        assert (await frame_of(viewer, "video")).width == 640
    assert len(a.legs) == len(b.legs) == 2
    for one in (*viewers, *cameras):
        await one.close()


async def test_a_second_leg_of_the_same_publisher_is_let_lie(houses):
    a, b = houses
    publisher, _ = await publishing(a.client)
    await a_leg(a, b)
    await a_leg(a, b)
    viewer, _ = await watching(b)
    await frame_of(viewer, "video")
    assert len(b.legs) == 1
    await until(lambda: len(a.legs) == 1)
    for one in (viewer, publisher):
        await one.close()


async def test_when_the_room_ends_its_viewers_elsewhere_are_sent_away(houses):
    a, b = houses
    publisher, viewer = await seen_afar(a, b)
    await a.control("end", room="r")
    await until(lambda: b.rooms.room("r") is None)
    await until(lambda: viewer.connectionState in ("closed", "failed"))
    await publisher.close()


async def test_a_leg_whose_other_end_is_silent_goes(houses):
    a, _ = houses
    publisher, _ = await publishing(a.client)
    await a.control("legs/give", room="r", publisher="", to=["127.0.0.1", 9])
    assert len(a.legs) == 1
    await until(lambda: not a.legs)
    await publisher.close()


async def test_who_was_put_out_sees_nothing_at_the_other_node_either(houses):
    a, b = houses
    publisher, viewer = await seen_afar(a, b)
    for house in houses:
        await house.control("revoke", room="r", participant="p")
    assert [one for one in b.rooms.room("r").peers.values() if one.lanes] == []
    for one in (viewer, publisher):
        await one.close()


async def test_people_who_lost_their_node_come_to_live_where_the_room_was_watched(houses):
    a, b = houses
    publisher, _ = await publishing(a.client)
    await a_leg(a, b)
    again, _ = await publishing(b.client)
    assert not b.rooms.room("r").is_relayed
    assert (await (await b.client.get("/control/state")).json())["holds"] == ["r"]
    for one in (again, publisher):
        await one.close()


async def test_without_a_leg_nobody_is_told_that_there_is_a_room(houses):
    _, b = houses
    headers = {"Content-Type": "application/sdp", "X-Ticket": ticket(), RELAYED_HEADER: "1"}
    async with b.client.post("/whep/r", data="v=0", headers=headers) as answer:
        assert answer.status in (400, 404)
    assert b.rooms.room("r") is None


@pytest.mark.parametrize(
    "terms",
    [None, [], {}, {"giver": ["127.0.0.1", 0]}, {"giver": ["localhost", 5]}, {"tracks": {"screen": 1}},
     {"gives_key": "AAAA"}, {"takes_key": "%%%"}, {"tracks": {"audio": 1 << 32}}, {"giver_ssrc": -1}],
)  # fmt: skip
async def test_terms_that_are_none_are_refused(houses, terms):
    a, b = houses
    publisher, _ = await publishing(a.client)
    _, good = await a.control("legs/give", room="r", publisher="", to=b.rooms.candidates[0])
    if isinstance(terms, dict) and terms:
        terms = {**good, **terms}
    status, _ = await b.control("legs/take", room="r", publisher="", terms=terms)
    assert status == 409
    assert b.rooms.room("r") is None or not b.legs
    await publisher.close()


@pytest.mark.parametrize("to", [None, 5, [], ["127.0.0.1"], ["nowhere", 5], ["127.0.0.1", "x"], ["127.0.0.1", 1 << 16]])
async def test_an_address_that_is_none_is_refused(houses, to):
    a, _ = houses
    publisher, _ = await publishing(a.client)
    assert (await a.control("legs/give", room="r", publisher="", to=to))[0] == 409
    assert (await a.control("legs/give", room="other", publisher="", to=["127.0.0.1", 5]))[0] == 409
    assert not a.legs
    await publisher.close()
