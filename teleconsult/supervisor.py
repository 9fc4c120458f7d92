"""The parent of all processes: opens the listening sockets, starts and watches the children, ends with all of them.

A child that dies is started again, sooner at first and later if it keeps dying. Children die with the supervisor even
when it is killed. It holds no clinic of its own: what a child does is the child's business.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from teleconsult.config import Bind, Settings, SettingsRefused

log = structlog.get_logger()

_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_STEADY_S = 30.0
"""A child that lived this long starts again without waiting."""
_GRACE_S = 8.0
"""SIGTERM to SIGKILL: the whole house is down within 10 s."""
_SPARE_AFTER_S = 3.0
_BACKLOG = 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to start.

    Attributes:
        name: As in pids.json.
        words: Arguments after `python -m teleconsult`.
        sockets: Name -> open socket that the child inherits.
        spare: Whether a second one waits beside it, with all its imports done, to take over at once.
    """

    name: str
    words: Sequence[str]
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    spare: bool = False


def open_tcp(bind: Bind) -> socket.socket:
    """A listening socket that a child will serve.

    Raises:
        SettingsRefused: The port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((bind.host, bind.port))
    except OSError as error:
        listener.close()
        raise SettingsRefused(f"Cannot listen on {bind}: {error.strerror}.") from None
    listener.listen(_BACKLOG)
    return listener


class Supervisor:
    """Runs children until it is told to stop.

    Args:
        settings: Handed to each child on its standard input; secrets never stand in an argument or an environment.
        specs: What to run.
    """

    def __init__(self, settings: Settings, specs: Sequence[ChildSpec]) -> None:
        self._settings = settings
        self._specs = specs
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def pids(self) -> dict[str, int]:
        """Name -> process id, of what runs now; the supervisor's own among them."""
        alive = {name: process.pid for name, process in self._processes.items() if process.returncode is None}
        return {"supervisor": os.getpid(), **alive}

    def stop(self) -> None:
        """Begin to end everything."""
        self._stopping.set()

    async def run(self) -> None:
        """Start all, watch all; returns when everything has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)
        self._write_pids()
        async with asyncio.TaskGroup() as group:
            for spec in self._specs:
                group.create_task(self._keep(spec))
        self._write_pids()

    async def _keep(self, spec: ChildSpec) -> None:
        failures = 0
        spare = _Spare(spec)
        while not self._stopping.is_set():
            began = time.monotonic()
            waited = await spare.take()
            process = waited or await _spawn(spec)
            await self._hand_over(spec, process)
            await self._watch(process, spare)
            if self._stopping.is_set():
                break
            failures = 0 if time.monotonic() - began > _STEADY_S else failures + 1
            pause = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)] if failures or not spare.ready else 0.0
            log.warning("child.died", child=spec.name, status=process.returncode, again_in_s=pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
        if left := await spare.take():
            await _end(left)

    async def _hand_over(self, spec: ChildSpec, process: asyncio.subprocess.Process) -> None:
        """What the child has waited for: from now on it works."""
        self._processes[spec.name] = process
        self._write_pids()
        assert process.stdin is not None  # noqa: S101 - asked for by `_spawn`
        descriptors = {name: opened.fileno() for name, opened in spec.sockets.items()}
        with suppress(ConnectionError):
            process.stdin.write(json.dumps({"settings": dump(self._settings), "sockets": descriptors}).encode())
            await process.stdin.drain()
            process.stdin.close()

    async def _watch(self, process: asyncio.subprocess.Process, spare: "_Spare") -> None:
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(process.wait())
            stopping = group.create_task(self._stopping.wait())
            making = group.create_task(spare.make())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            making.cancel()
            if not ended.done():
                await _end(process)
            stopping.cancel()

    def _write_pids(self) -> None:
        folder = self._settings.data_dir / "run"
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / "pids.json.new"
        aside.write_text(json.dumps(self.pids))
        aside.replace(folder / "pids.json")


class _Spare:
    """The process that waits beside the one that works, if its kind has one.

    Args:
        spec: Of both.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self._spec = spec
        self._coming: asyncio.Future[asyncio.subprocess.Process] | None = None

    async def make(self) -> None:
        """Start it, once the first has had the machine for its own start."""
        if self._spec.spare and self._coming is None:
            await asyncio.sleep(_SPARE_AFTER_S)
            self._coming = asyncio.ensure_future(_spawn(self._spec))

    @property
    def ready(self) -> bool:
        """Whether there is one."""
        return self._coming is not None

    async def take(self) -> asyncio.subprocess.Process | None:
        """The one that waits; None where there is none, or it has died."""
        coming, self._coming = self._coming, None
        process = await coming if coming is not None else None
        return process if process is not None and process.returncode is None else None


async def _spawn(spec: ChildSpec) -> asyncio.subprocess.Process:
    """A child that imports what it needs and then waits on its standard input for what it is given."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "teleconsult", *spec.words,
        stdin=asyncio.subprocess.PIPE, stdout=sys.stderr, preexec_fn=die_with_parent, start_new_session=True,
        pass_fds=tuple(opened.fileno() for opened in spec.sockets.values()),
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def die_with_parent() -> None:
    """Runs in the child between fork and exec: the kernel ends it when its parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def dump(settings: Settings) -> dict[str, object]:
    """Settings as plain JSON, secrets in clear: only ever written into a child's pipe."""
    plain: dict[str, object] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        if hasattr(value, "get_secret_value"):
            value = value.get_secret_value()
        elif isinstance(value, Bind | Path):
            value = str(value)
        plain[name] = value
    return plain
