"""Nodes on several machines: `python -m signaling` beside others, in a real Redis, by TLS and the shared key."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession, Fingerprint

from signaling.houseline import house_key
from signaling.register import Register
from teleconsult.bridges.agreed import ticket_key
from teleconsult.bridges.neighbours import ManyMachines
from teleconsult.clock import SystemClock
from teleconsult.config import Bind, Settings
from tests.builders.calls import a_call_site, last_words
from tests.services import free_port
from tests.teleconsult.bridges.test_killed import Media
from tests.teleconsult.bridges.test_media_rooms import _only_loopback, picture_of, playing, publishing  # noqa: F401
from tests.teleconsult.bridges.test_two_nodes import two_in_call

pytestmark = pytest.mark.fault
REPOSITORY = Path(__file__).resolve().parents[3]


class Far:
    """A node as an operator starts it."""

    def __init__(self, folder, name, redis):
        self.name, self.port = name, free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            media = udp.getsockname()[1]
        self.words = ["--redis", redis, "--node", name, "--port", str(self.port), "--udp-port", str(media)]
        self.words += ["--key-file", str(folder / "node.key"), "--journal", str(folder / f"{name}.jsonl")]

    async def start(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TELECONSULT_")}
        words = [sys.executable, "-m", "signaling", *self.words]
        self.process = await asyncio.create_subprocess_exec(*words, env={**kept, "PYTHONPATH": str(REPOSITORY)})

    async def end(self, how):
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()


@pytest.fixture
async def nodes(tmp_path, redis_server):
    settings = Settings(data_dir=tmp_path / "house", media_processes=0, redis_url=redis_server.url)
    (tmp_path / "house").mkdir()
    (tmp_path / "node.key").write_bytes(ticket_key(settings))
    made = {name: Far(tmp_path, name, redis_server.url) for name in ("north", "south")}
    for one in made.values():
        await one.start()
    made["settings"] = settings
    yield made
    for name in ("north", "south"):
        await made[name].end(signal.SIGTERM)


def directory_of(settings):
    key = house_key(ticket_key(settings))
    return ManyMachines(Register(settings.redis_url, key), key, SystemClock().now)


@pytest.fixture
async def calls(tmp_path, nodes):
    settings = nodes["settings"]
    async with a_call_site(tmp_path, (), settings, directory_of(settings)) as made:
        await all_live(made)
        yield made


async def all_live(calls, many=2):
    async with asyncio.timeout(60):
        while len(await calls.places.living()) != many:
            await asyncio.sleep(0.1)


async def holder_of(calls, room):
    return await calls.places._directory.holder(room)


async def test_what_a_killed_node_held_comes_up_on_another_machine(calls, nodes):
    consult, sockets, welcome = await two_in_call(calls)
    held_by = await holder_of(calls, welcome["room"])
    await nodes[held_by].end(signal.SIGKILL)
    words, code = await last_words(sockets[0])
    assert (words[-1]["again"], code) == (True, 1012)
    again, back = await calls.in_call(calls.site.doctor, consult)
    assert (back["type"], back["participant"]) == ("welcome", welcome["participant"])
    assert await holder_of(calls, welcome["room"]) not in ("", held_by)
    await again.close()


async def test_a_node_that_is_told_to_end_sends_its_people_to_another(calls, nodes):
    consult, sockets, welcome = await two_in_call(calls)
    held_by = await holder_of(calls, welcome["room"])
    ending = asyncio.ensure_future(nodes[held_by].end(signal.SIGTERM))
    words, _ = await last_words(sockets[0])
    assert words[-1] == {"type": "closing", "code": "draining", "again": True}
    again, back = await calls.in_call(calls.site.doctor, consult)
    assert back["participant"] == welcome["participant"]
    assert await holder_of(calls, welcome["room"]) not in ("", held_by)
    await again.close()
    assert await ending == 0


async def test_without_redis_calls_go_on_and_people_come_back_to_them(calls, redis_server):
    consult, sockets, welcome = await two_in_call(calls)
    redis_server.kill()
    again, back = await calls.in_call(calls.site.specialist, consult)
    assert [seat["name"] for seat in back["seats"]] == ["doctor", "specialist"]
    assert (await sockets[0].receive_json(timeout=10))["type"] == "seat"
    redis_server.start()
    await all_live(calls)
    assert await holder_of(calls, welcome["room"])
    for socket_ in (*sockets, again):
        await socket_.close()


async def test_a_room_that_the_register_gives_to_another_sends_its_people_there(calls, nodes):
    consult, sockets, welcome = await two_in_call(calls)
    held_by = await holder_of(calls, welcome["room"])
    other = next(name for name in ("north", "south") if name != held_by)
    assert await calls.places._directory.claim(welcome["room"], other, held_by) == other
    words, _ = await last_words(sockets[0])
    assert words[-1]["code"] == "draining"
    again, back = await calls.in_call(calls.site.doctor, consult)
    assert back["participant"] == welcome["participant"]
    assert await holder_of(calls, welcome["room"]) == other
    await again.close()


async def test_an_outside_client_publishes_and_plays_by_a_node_elsewhere(calls):
    publisher, location = await publishing(calls, "/whip/ward3", calls.site.doctor)
    viewer, _ = await playing(calls, "/whep/ward3", calls.site.colleague)
    assert (await picture_of(viewer)).width == 640
    assert (await calls.ask("DELETE", location, calls.site.doctor))[0] == 200
    await publisher.close()
    await viewer.close()


async def test_over_the_network_the_house_s_line_is_there_for_the_house_alone(calls, nodes):
    (entry, *_) = await calls.places._directory._register.living()
    tls = Fingerprint(bytes.fromhex(entry.fingerprint))
    async with ClientSession() as stranger:
        for header in ({}, {"X-House": "1." + "0" * 24 + ".00"}):
            for path in ("/control/state", "/control/happenings"):
                async with stranger.get(entry.url + path, ssl=tls, headers=header) as answer:
                    assert answer.status == 404
            async with stranger.post(entry.url + "/control/drain", ssl=tls, headers=header) as answer:
                assert answer.status == 404
    assert not any(standing.draining for _, standing in await calls.places.living())


async def test_who_loses_the_right_is_out_on_another_machine_too(calls):
    _, sockets, welcome = await two_in_call(calls)
    await calls.media._rooms.put_out(welcome["room"], welcome["participant"])
    words, _ = await last_words(sockets[0])
    assert words[-1]["code"] == "removed"
    await sockets[1].close()


async def test_what_happened_there_comes_onto_the_record(calls):
    consult, sockets, _ = await two_in_call(calls)
    told = 0
    async with asyncio.timeout(30):
        while told < 2:
            for node in await calls.places.nodes():
                if (await node.state())["holds"]:
                    told += await calls.happenings.take_in(node)
    _, record = await calls.ask("GET", f"/api/v1/consults/{consult.id}/calls", calls.site.doctor)
    assert [event["kind"] for event in record["items"][0]["events"]] == ["joined", "joined"]
    for one in sockets:
        await one.close()


async def test_the_processes_of_the_house_s_own_machine_are_nodes_like_the_others(tmp_path, calls, nodes):
    settings = nodes["settings"].model_copy(
        update={"media_processes": 1, "media_bind": Bind("127.0.0.1", free_port()), "media_udp_port": 0}
    )
    own = Media(settings)
    await own.start()
    await all_live(calls, 3)
    name = str(settings.media_bind)
    assert name in {node.name for node in await calls.places.nodes()}
    for other in ("north", "south"):
        node = next(node for node in await calls.places.nodes() if node.name == other)
        await node.tell("/control/drain", {})
    async with asyncio.timeout(20):
        while sum(standing.draining for _, standing in await calls.places.living()) != 2:
            await asyncio.sleep(0.1)
    _, sockets, welcome = await two_in_call(calls)
    assert await holder_of(calls, welcome["room"]) == name
    own.process.terminate()
    assert await asyncio.to_thread(own.process.wait, 20) == 0
    await all_live(calls, 2)
    for one in sockets:
        await one.close()
