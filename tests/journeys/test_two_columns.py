"""The larger column: PostgreSQL, Redis, and two web processes of one clinic."""

import asyncio
import contextlib
import json
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
import requests

from tests.builders.county import BUILT_WITHIN_S, READY_WITHIN_S, SAMPLE_FILE, Api, _answers, environment, until
from tests.services import Redis, free_port, new_database

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


class Server:
    """`serve` with settings of its own; a machine of the clinic."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        own = {
            "DATA_DIR": str(folder / "data"),
            "HTTP_BIND": f"127.0.0.1:{port}",
            "DIMSE_BIND": f"127.0.0.1:{free_port()}",
            "MLLP_BIND": f"127.0.0.1:{free_port()}",
            "MEDIA_UDP_PORT": str(free_port()),
        }
        more = {f"TELECONSULT_{name}": value for name, value in (settings | own).items()}
        self.url = f"http://127.0.0.1:{port}"
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "teleconsult", "serve"], cwd=folder, env=environment(**more),
            stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def ready(self) -> "Server":
        until(lambda: _answers(f"{self.url}/readyz"), READY_WITHIN_S)
        return self

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        self.process.kill()
        self.process.wait(10)
        self.log.close()


@pytest.fixture
def clinic(
    tmp_path: Path, postgres_url: str, redis_server: Redis
) -> Iterator[tuple[Server, Server, dict[str, Any], Redis]]:
    """Two machines of one clinic with the sample county in it."""
    settings = {
        "DATABASE_URL": asyncio.run(new_database(postgres_url)),
        "ARCHIVE_DATABASE_URL": asyncio.run(new_database(postgres_url)),
        "REDIS_URL": redis_server.url,
        "SECRET_KEY": secrets.token_hex(32),
    }
    given = {name.lower(): value for name, value in settings.items()} | {"data_dir": str(tmp_path / "one" / "data")}
    subprocess.run(
        [sys.executable, "-m", "teleconsult", "child", "prepare-sample"],
        input=json.dumps({"settings": given, "sockets": {}}).encode(), check=True, cwd=tmp_path, env=environment(),
        stdout=subprocess.DEVNULL, timeout=3 * BUILT_WITHIN_S,
    )  # fmt: skip
    sample = json.loads((tmp_path / "one" / "data" / SAMPLE_FILE).read_text())
    servers = [Server(tmp_path / name, settings) for name in ("one", "two")]
    try:
        yield servers[0].ready(), servers[1].ready(), sample, redis_server
    finally:
        for server in servers:
            server.stop()


class Listener:
    """An open page: reads the live events of one machine."""

    def __init__(self, server: Server, token: str) -> None:
        self.heard: Queue[tuple[float, str]] = Queue()
        self._answer = requests.get(
            f"{server.url}/api/v1/events", headers={"Authorization": f"Bearer {token}"}, stream=True, timeout=(10, None)
        )
        assert self._answer.status_code == 200, self._answer.text
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(requests.RequestException, AttributeError, ValueError):
            for line in self._answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line:
                    self.heard.put((time.monotonic(), line))

    def wait(self, word: str, seconds: float) -> float:
        """When a line with the word came."""
        end = time.monotonic() + seconds
        while True:
            try:
                at, line = self.heard.get(timeout=max(0.01, end - time.monotonic()))
            except Empty:
                raise AssertionError(f"{word} was not heard of in {seconds} s") from None
            if word in line:
                return at


def say(api: Api, consult: str, text: str) -> float:
    began = time.monotonic()
    api.good("POST", f"/api/v1/consults/{consult}/messages", {"text": text})
    return began


def messages(api: Api, consult: str) -> list[str]:
    """The conversation's texts, as this machine has them."""
    return [one["text"] for one in api.good("GET", f"/api/v1/consults/{consult}/messages")["items"]]


def notices_of_messages(api: Api) -> int:
    found = api.good("GET", "/api/v1/notifications")["items"]
    return sum(one["word"] == "consult.message" for one in found)


def test_a_message_on_one_machine_reaches_an_open_page_on_the_other_with_redis_and_without(
    clinic: tuple[Server, Server, dict[str, Any], Redis],
) -> None:
    one, two, sample, redis = clinic
    consult = sample["samples"]["consult"]
    doctor = Api(one.url, sample["tokens"]["requester"])
    specialist = Api(two.url, sample["tokens"]["specialist"])
    before = notices_of_messages(specialist)
    page = Listener(two, sample["tokens"]["specialist"])
    page.wait("open", 10)

    began = say(doctor, consult, "第一条：有 Redis")
    assert page.wait(consult, 15) - began < 15

    redis.kill()
    say(doctor, consult, "第二条：Redis 断了")
    page.wait(consult, 30)

    redis.start()
    time.sleep(3)
    say(doctor, consult, "第三条：Redis 回来了")
    page.wait(consult, 30)

    texts = messages(specialist, consult)
    for word in ("第一条", "第二条", "第三条"):
        assert sum(text.startswith(word) for text in texts) == 1
    until(lambda: notices_of_messages(specialist) == before + 3, 30)
    time.sleep(5)
    assert notices_of_messages(specialist) == before + 3
