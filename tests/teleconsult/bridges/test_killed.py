"""A media process of its own, killed in the middle of a call: the browser is told, and the next ticket works."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from teleconsult.bridges.agreed import MEDIA, media_socket
from teleconsult.config import Settings
from teleconsult.supervisor import dump
from tests.builders.calls import last_words

REPOSITORY = Path(__file__).resolve().parents[3]


class Media:
    """A real child, as the supervisor starts it."""

    def __init__(self, settings: Settings, name: str = MEDIA) -> None:
        self.name = name
        self.settings = settings
        self.path = media_socket(self.settings, name)

    async def start(self) -> None:
        (self.settings.data_dir / "run").mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TELECONSULT_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "teleconsult", "child", self.name],
            stdin=subprocess.PIPE,
            cwd=self.settings.data_dir,
            env={**kept, "PYTHONPATH": str(REPOSITORY)},
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"settings": dump(self.settings), "sockets": {}}).encode())
        self.process.stdin.close()
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(self.path)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
async def media(tmp_path):
    made = Media(Settings(data_dir=tmp_path / "house", media_udp_port=0))
    made.settings.data_dir.mkdir()
    await made.start()
    yield made
    made.process.terminate()
    assert made.process.wait(timeout=20) == 0  # also with the clinic waiting at the control line


@pytest.fixture
async def calls(tmp_path, media):
    from tests.builders import calls as builder

    async with builder.a_call_site(tmp_path, [media.path], media.settings) as made:
        yield made


async def test_when_the_media_process_is_killed_everybody_comes_back(calls, media):
    site = calls.site
    consult = await site.accepted()
    first, welcome = await calls.in_call(site.doctor, consult)
    second, _ = await calls.in_call(site.specialist, consult)
    await calls.heard(2)
    media.kill()
    words, code = await last_words(first)
    assert words[-1] == {"type": "closing", "code": "draining", "again": True}
    assert code == 1012
    coming = asyncio.ensure_future(media.start())
    ticket = (await calls.joined(site.doctor, consult))["ticket"]  # needs no media process
    await coming
    again = await calls.said_hello(ticket)
    back = await again.receive_json(timeout=20)
    assert (back["type"], back["participant"], back["room"]) == ("welcome", welcome["participant"], welcome["room"])
    await calls.heard()
    status, told = await calls.ask("GET", f"/api/v1/consults/{consult.id}/calls", site.doctor)
    assert status == 200
    assert [event["kind"] for event in told["items"][0]["events"]].count("joined") == 3
    for socket in (second, again):
        await socket.close()


async def test_a_media_process_that_is_told_to_end_says_goodbye_first(calls, media):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.doctor, consult)
    waiting = asyncio.ensure_future(calls.node.happenings(1000))
    await asyncio.sleep(0.2)
    media.process.terminate()
    words, _ = await last_words(socket)
    assert words[-1]["again"]
    assert await asyncio.to_thread(media.process.wait, 20) == 0
    await asyncio.wait({waiting})
