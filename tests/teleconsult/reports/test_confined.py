import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from teleconsult.errors import Unavailable
from teleconsult.reports import confined
from teleconsult.reports.confined import Confined

SECONDS = timedelta(seconds=20)


@pytest.fixture(autouse=True)
def _children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = {
        "echoes": "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())",
        "sleeps": "import time; time.sleep(60)",
        "floods": "import sys\nwhile True: sys.stdout.write('x' * 65536)",
        "fails": "raise SystemExit(3)",
        "deaf": "import os; os.close(0); print('done')",
    }
    for name, text in programs.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(confined, "_ROOT", tmp_path)


def a_child(name: str, *, limit: timedelta = SECONDS) -> Confined:
    return Confined(name, at_once=2, time_limit=limit, max_bytes=1 << 20)


async def test_what_goes_in_comes_out() -> None:
    assert await a_child("echoes").run(b"x" * 300_000) == b"x" * 300_000


async def test_a_child_that_hangs_is_killed() -> None:
    assert await a_child("sleeps", limit=timedelta(milliseconds=300)).run(b"") is None


async def test_a_child_that_floods_or_fails_gives_nothing() -> None:
    assert await a_child("floods").run(b"") is None
    assert await a_child("fails").run(b"x" * 300_000) is None


async def test_a_child_that_does_not_listen_still_answers() -> None:
    assert await a_child("deaf").run(b"x" * 3_000_000) == b"done\n"


async def test_too_many_at_once_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_WAITING", 2)
    child = a_child("sleeps", limit=timedelta(milliseconds=500))
    answers = await asyncio.gather(*(child.run(b"") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, Unavailable) for each in answers) == 2
