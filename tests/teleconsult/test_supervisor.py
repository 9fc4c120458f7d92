"""Children that die, hang, flood or are many: the supervisor keeps what should live and ends the rest."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from teleconsult import supervisor
from teleconsult.config import Bind, Settings, SettingsRefused
from teleconsult.supervisor import ChildSpec, Supervisor, dump, open_tcp

CHILD = """
import json, os, signal, sys, time
given = json.loads(sys.stdin.read())
folder = given["settings"]["data_dir"]
open(os.path.join(folder, f"{NAME}-{os.getpid()}"), "w").write(json.dumps(given))
if NAME == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(0 if NAME == "short" else 600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SecretStr("s" * 40))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `teleconsult` that is only these children: the supervisor runs `python -m teleconsult NAME`."""
    package = tmp_path / "programs" / "teleconsult"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(f"import sys\nNAME = sys.argv[1]\n{CHILD}")
    monkeypatch.chdir(tmp_path / "programs")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return package


@asynccontextmanager
async def running(house: Supervisor) -> AsyncIterator[None]:
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(house.run())
        try:
            yield
        finally:
            house.stop()
            await task


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


def marks(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f"{name}-*"))


async def test_a_child_that_is_killed_is_started_again(settings: Settings, programs: Path, tmp_path: Path) -> None:
    house = Supervisor(settings, [ChildSpec("steady", ["steady"])])
    async with running(house):
        await until(lambda: marks(tmp_path, "steady"))
        first = house.pids["steady"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(marks(tmp_path, "steady")) == 2)
        assert house.pids["steady"] != first
        assert json.loads((tmp_path / "run" / "pids.json").read_text()) == house.pids
    assert set(json.loads((tmp_path / "run" / "pids.json").read_text())) == {"supervisor"}


async def test_a_spare_waits_without_working_and_takes_over_at_a_kill(
    settings: Settings, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_SPARE_AFTER_S", 0.01)
    house = Supervisor(settings, [ChildSpec("steady", ["steady"], spare=True)])
    async with running(house):
        await until(lambda: len(children()) == 2 and marks(tmp_path, "steady"))
        first = house.pids["steady"]
        (waiting,) = children() - {first}
        assert len(marks(tmp_path, "steady")) == 1, "a spare does nothing yet"
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(marks(tmp_path, "steady")) == 2)
        assert house.pids["steady"] == waiting
        await until(lambda: len(children()) == 2)
        os.kill(next(iter(children() - {waiting})), signal.SIGKILL)  # a spare that has died is no use
        await until(lambda: len(children()) == 1)
        os.kill(waiting, signal.SIGKILL)
        await until(lambda: len(marks(tmp_path, "steady")) == 3)
    assert not children()


def children() -> set[int]:
    """This process's children that live."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found if b"steady" in Path(f"/proc/{pid}/cmdline").read_bytes()}


async def test_a_child_that_keeps_dying_is_started_later_and_later(
    settings: Settings, programs: Path, tmp_path: Path
) -> None:
    house = Supervisor(settings, [ChildSpec("short", ["short"])])
    async with running(house):
        await until(lambda: len(marks(tmp_path, "short")) >= 3)
        before = len(marks(tmp_path, "short"))
        await asyncio.sleep(0.3)
        assert len(marks(tmp_path, "short")) <= before + 1


async def test_a_child_that_does_not_listen_is_killed_in_time(
    settings: Settings, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_GRACE_S", 0.5)
    house = Supervisor(settings, [ChildSpec("stubborn", ["stubborn"]), ChildSpec("steady", ["steady"])])
    async with running(house):
        await until(lambda: marks(tmp_path, "stubborn") and marks(tmp_path, "steady"))
        pids = dict(house.pids)
    for name in ("stubborn", "steady"):
        with pytest.raises(ProcessLookupError):
            os.kill(pids[name], 0)


async def test_a_child_gets_settings_and_sockets_by_its_pipe_and_nowhere_else(
    settings: Settings, programs: Path, tmp_path: Path
) -> None:
    with open_tcp(Bind("127.0.0.1", 0)) as listener:
        house = Supervisor(settings, [ChildSpec("steady", ["steady"], {"http": listener})])
        async with running(house):
            await until(lambda: marks(tmp_path, "steady"))
            pid = house.pids["steady"]
            (mark,) = marks(tmp_path, "steady")
            await until(mark.read_text)
            given = json.loads(mark.read_text())
            assert given["settings"]["secret_key"] == "s" * 40
            assert given["sockets"] == {"http": listener.fileno()}
            for file in ("cmdline", "environ"):
                assert b"s" * 40 not in Path(f"/proc/{pid}/{file}").read_bytes()


def test_a_taken_port_is_refused_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsRefused, match=f"127.0.0.1:{port}"):
            open_tcp(Bind("127.0.0.1", port))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingsRefused, match=r"192\.0\.2\.1"):
        open_tcp(Bind("192.0.2.1", 0))


def test_settings_survive_the_pipe(settings: Settings) -> None:
    written = json.loads(json.dumps(dump(settings)))
    assert Settings.model_validate(written) == settings


def test_the_supervisor_imports_no_clinic() -> None:
    import subprocess

    heavy = ("sqlalchemy", "aiohttp", "pydicom", "aiortc")
    code = f"import sys, teleconsult.supervisor; print([m for m in sys.modules if m.startswith({heavy})])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
