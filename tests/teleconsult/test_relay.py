"""The media process: small, soon there, and soon there again after a kill."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from teleconsult.bridges.node import Node, UnixWay
from teleconsult.config import Bind, Settings
from teleconsult.supervisor import dump

SPARED = (
    "typer",
    "rich",
    "structlog",
    "sqlalchemy",
    "jinja2",
    "pydicom",
    "numpy",
    "teleconsult.app",
    "teleconsult.cli",
)


def test_it_imports_nothing_that_a_relay_can_do_without() -> None:
    code = f"import sys, teleconsult.relay; print([one for one in {SPARED} if one in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    (tmp_path / "run").mkdir()
    return Settings(data_dir=tmp_path, http_bind=Bind("127.0.0.1", 0), media_udp_port=port)


async def start(settings: Settings) -> asyncio.subprocess.Process:
    words = (sys.executable, "-m", "teleconsult", "child", "media")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stderr=pipe)
    assert process.stdin
    process.stdin.write(json.dumps({"settings": dump(settings), "sockets": {}}).encode())
    process.stdin.close()
    return process


async def answers(node: Node) -> None:
    async with asyncio.timeout(60):
        while not await node.figures():
            await asyncio.sleep(0.02)


async def test_it_is_back_on_its_port_after_a_kill(settings: Settings) -> None:
    async with Node("media", UnixWay(settings.data_dir / "run" / "media.sock")) as node:
        first = await start(settings)
        await answers(node)
        first.kill()
        await first.wait()
        second = await start(settings)
        await answers(node)
        second.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await second.wait() == 0


def test_what_goes_wrong_is_one_line_of_json() -> None:
    code = "import logging, teleconsult.processes as p; p.speak_json_plainly(); logging.warning('a %s', 'word')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert json.loads(said)["event"] == "a word"
