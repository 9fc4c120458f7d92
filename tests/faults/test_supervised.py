"""The house as a whole: it ends when told to, leaves nobody behind, and says in one line why it does not start."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builders.county import environment, start, until

TEN_SECONDS = 10.0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    found, edge = {pid}, [pid]
    while edge:
        parent = edge.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            children = {int(word) for word in task.read_text().split()}
            edge += children - found
            found |= children
    return found


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "teleconsult", *words],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_everything_is_down_within_ten_seconds(county: Path, tmp_path: Path, number: int) -> None:
    house = start(county, tmp_path / "data")
    everybody = family(house.process.pid)
    assert len(everybody) >= 3
    began = time.monotonic()
    house.process.send_signal(number)
    status = house.process.wait(30)
    took = time.monotonic() - began
    assert house.stop() == status == 0
    assert took <= TEN_SECONDS
    assert not [pid for pid in everybody if alive(pid)]


def test_a_killed_supervisor_leaves_nobody_behind(county: Path, tmp_path: Path) -> None:
    house = start(county, tmp_path / "data")
    everybody = family(house.process.pid)
    os.kill(house.process.pid, signal.SIGKILL)
    until(lambda: not [pid for pid in everybody - {house.process.pid} if alive(pid)], 30)
    house.stop()


def test_a_taken_port_is_one_clear_line_and_status_two(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("demo", "--port", str(port), "--data", str(tmp_path / "data"), "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(port) in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELECONSULT_COLOUR", "red"),
        ("TELECONSULT_HTTP_BIND", "nowhere"),
        ("TELECONSULT_SECRET_KEY_FILE", "/nonexistent/key"),
    ],
)
def test_what_the_settings_do_not_know_is_one_clear_line(tmp_path: Path, name: str, value: str) -> None:
    for words in (("demo", "--port", "0", "--data", str(tmp_path / "data"), "--json"), ("serve",), ("check",)):
        done = run(*words, **{name: value})
        assert done.returncode == 2, words
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert name in done.stderr
        assert "Traceback" not in done.stderr
