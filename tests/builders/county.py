"""The sample county as a running server: the real supervisor and its children, on free ports, in a folder of its own.

The county is built once per test run, by the services, and copied for every server that is started over it.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import requests

from teleconsult.config import Settings
from teleconsult.supervisor import dump

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT_WITHIN_S = 400.0
READY_WITHIN_S = 200.0
SAMPLE_FILE = "sample.json"


def environment(**more: str) -> dict[str, str]:
    """This process's own, without settings of a site that may run here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TELECONSULT_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "default", **more}


def prepared(folder: Path) -> Path:
    """A data folder with the sample county in it; made by whoever asks first, the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "county"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data / SAMPLE_FILE).exists():
            shutil.rmtree(data, ignore_errors=True)
            given = {"settings": dump(Settings(data_dir=data)), "sockets": {}}
            subprocess.run(
                [sys.executable, "-m", "teleconsult", "child", "prepare-sample"],
                input=json.dumps(given).encode(),
                check=True,
                cwd=folder,
                env=environment(),
                stdout=subprocess.DEVNULL,
                timeout=BUILT_WITHIN_S,
            )
    return data


@dataclass
class County:
    """A running demo.

    Attributes:
        data: Its folder.
        facts: What it printed: urls, tokens, pids, samples.
        sample: What it knows of its people: links, keys, password.
    """

    data: Path
    process: subprocess.Popen[bytes]
    facts: dict[str, Any] = field(default_factory=dict)
    sample: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    _reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    @property
    def password(self) -> str:
        return str(self.sample["password"])

    @property
    def tokens(self) -> Mapping[str, str]:
        return dict(self.facts["tokens"])

    def link(self, role: str) -> str:
        """The one-tap link of a role: requester, specialist, coordinator, admin, other_requester."""
        login = {
            "requester": "liuxiulan", "specialist": "chenjinghe", "coordinator": "zhoumin", "admin": "sunli",
            "other_requester": "zhaoyongqiang",
        }[role]  # fmt: skip
        key = next(key for key, whose in self.sample["keys"].items() if whose == login)
        return f"{self.url}/demo/{key}"

    def pids(self) -> dict[str, int]:
        """The processes as they are now."""
        return dict(json.loads((self.data / "run" / "pids.json").read_text()))

    def api(self, role: str) -> "Api":
        """A script that acts for a role with its bearer token."""
        return Api(self.url, self.tokens[role])

    def wait_ready(self, seconds: float = READY_WITHIN_S) -> None:
        """Until the doors answer again."""
        until(lambda: _answers(f"{self.url}/readyz"), seconds)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM to the supervisor; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait(seconds)
        if self._reader is not None:
            self._reader.join(seconds)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return status


def start(county: Path, data: Path, *words: str, **more: str) -> County:
    """Start a demo over a copy of a prepared county, and wait until it says that it is ready."""
    shutil.copytree(county, data, ignore=shutil.ignore_patterns("run"))
    command = [sys.executable, "-m", "teleconsult", "demo", "--port", "0", "--json", "--data", str(data), *words]
    process = subprocess.Popen(
        command, cwd=data.parent, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    made = County(data, process, sample=json.loads((data / SAMPLE_FILE).read_text()))
    assert process.stderr is not None
    made._reader = threading.Thread(target=_listen, args=(process.stderr, made.said), daemon=True)
    made._reader.start()
    assert process.stdout is not None
    line = _first_line(process, process.stdout)
    if not line:
        made.stop()
        raise AssertionError("the demo did not start:\n" + "\n".join(made.said[-30:]))
    made.facts = json.loads(line)
    return made


def _first_line(process: subprocess.Popen[bytes], stdout: IO[bytes]) -> bytes:
    timer = threading.Timer(READY_WITHIN_S, process.kill)
    timer.start()
    try:
        return stdout.readline()
    finally:
        timer.cancel()


def _listen(pipe: IO[bytes], said: list[str]) -> None:
    for line in pipe:
        said.append(line.decode(errors="replace").rstrip())
        del said[:-500]


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def until(true: Any, seconds: float = 30.0) -> None:
    """Ask again and again until it is true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("it never became true")
        time.sleep(0.1)


class Api:
    """HTTP as one person: a thin hand over `requests` that knows the address and the token."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(
            method, f"{self.url}{path}", headers=headers, timeout=more.pop("timeout", 60), allow_redirects=False, **more
        )

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> requests.Response:
        return self.call("POST", path, json=body, **more) if body is not None else self.call("POST", path, **more)

    def good(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The JSON of an answer that must be a good one."""
        answer = self.call(method, path, json=body, **more) if body is not None else self.call(method, path, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None
