"""kill -9 of a node in a call: everyone is back at once, nothing that was written is lost."""

import asyncio
import json
import signal
import socket
import sys
import time

import pytest
from aiohttp import ClientError, ClientSession, WSMsgType

from tests.signaling.test_hub import said
from tests.signaling.test_whip import frame_of, playing, publishing

pytestmark = pytest.mark.fault
TOKENS = {"t-li": {"participant": "li"}, "t-wang": {"participant": "wang"}}


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Node:
    def __init__(self, folder):
        self.http, self.udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        self.journal = folder / "journal"
        (folder / "tokens").write_text(json.dumps(TOKENS))
        (folder / "key").write_bytes(b"k" * 32)
        self.words = ["--port", str(self.http), "--udp-port", str(self.udp), "--journal", str(self.journal)]
        self.words += ["--token-file", str(folder / "tokens"), "--key-file", str(folder / "key")]

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "signaling", *self.words)
        async with asyncio.timeout(30), ClientSession() as client:
            while True:
                try:
                    async with client.get(f"http://127.0.0.1:{self.http}/metrics"):
                        return
                except ClientError:
                    await asyncio.sleep(0.05)

    async def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        await self.process.wait()


@pytest.fixture
async def node(tmp_path, monkeypatch):
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    made = Node(tmp_path)
    await made.start()
    yield made
    if made.process.returncode is None:
        await made.kill(signal.SIGTERM)


async def enter(client, token):
    async with client.post("/tickets/r", headers={"Authorization": f"Bearer {token}"}) as answer:
        pass_ = (await answer.json())["ticket"]
    line = await client.ws_connect("/rtc")
    await line.send_json({"type": "hello", "version": 1, "ticket": pass_, "resume": True})
    return line, await said(line, "welcome")


async def call(client):
    """A publisher and a viewer by WHIP and WHEP, and somebody at the socket."""
    line, welcome = await enter(client, "t-wang")
    camera, _ = await publishing(client, "/whip/r", "t-li")
    viewer, _ = await playing(client, "/whep/r", "t-wang")
    assert (await frame_of(viewer, "video")).width == 640
    return line, welcome, camera, viewer


async def test_after_kill_9_everyone_is_back_on_the_same_ports(node):
    async with ClientSession(f"http://127.0.0.1:{node.http}") as client:
        line, _, camera, viewer = await call(client)
        await node.kill()
        while (await line.receive(timeout=5)).type is WSMsgType.TEXT:
            pass  # what had been said before
        await node.start()
        start = time.monotonic()
        again, welcome, camera_again, viewer_again = await call(client)
        assert welcome["resumed"] is False
        assert time.monotonic() - start < 20
        await again.close()
        for one in (camera, viewer, camera_again, viewer_again):
            await one.close()
    kept = [json.loads(one) for one in node.journal.read_text().splitlines()]
    numbers = [entry["number"] for entry in kept]
    assert numbers == sorted(set(numbers))
    assert [entry["participant"] for entry in kept if entry["kind"] == "joined"][:2] == ["wang", "li"]


async def test_a_ticket_that_was_used_before_the_kill_does_not_enter_after_it(node):
    async with ClientSession(f"http://127.0.0.1:{node.http}") as client:
        async with client.post("/tickets/r", headers={"Authorization": "Bearer t-li"}) as answer:
            hello = {"type": "hello", "version": 1, "ticket": (await answer.json())["ticket"]}
        async with client.ws_connect("/rtc") as line:
            await line.send_json(hello)
            await said(line, "welcome")
            await node.kill()
        await node.start()
        async with client.ws_connect("/rtc") as line:
            await line.send_json(hello)
            assert (await said(line, "refused"))["code"] == "ticket"


async def test_a_line_torn_by_the_kill_is_cut_off(node):
    async with ClientSession(f"http://127.0.0.1:{node.http}") as client:
        line, _ = await enter(client, "t-li")
        async with asyncio.timeout(10):
            while not node.journal.exists() or b"joined" not in node.journal.read_bytes():
                await asyncio.sleep(0.02)
        await node.kill()
        with node.journal.open("ab") as file:
            file.write(b'{"number": 2, "kind')
        await node.start()
        again, _ = await enter(client, "t-li")
        async with asyncio.timeout(10):
            while node.journal.read_bytes().count(b"joined") < 2:
                await asyncio.sleep(0.02)
        await again.close()
    assert [json.loads(one)["number"] for one in node.journal.read_text().splitlines()][:2] == [1, 2]
    await line.close()
