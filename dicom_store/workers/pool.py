"""The archive's side of the workers: who is free, who waits, who is killed.

Decides nothing about jobs. A job that outlives its seconds, breaks its limits or is cancelled costs its worker the
life; the next job gets a fresh one, forked warm from the template (`template.py`).
"""

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple, Self

from dicom_store.errors import ArchiveError, Unavailable
from dicom_store.workers import wire

_START_SECONDS = 60.0
_SEND_CHUNK = 1 << 20


class JobFailure(StrEnum):
    """Why a job has no result."""

    TIMEOUT = "timeout"
    DIED = "died"
    MEMORY = "memory"
    RAISED = "raised"


class JobFailed(ArchiveError):
    """A job ended without a result; the next one is not affected.

    Args:
        why: What ended it.
        kind: The name of the exception's class for `RAISED`, for the log; never its text.
    """

    def __init__(self, why: JobFailure, kind: str = "") -> None:
        self.why = why
        self.kind = kind
        super().__init__(f"worker job: {why.value} {kind}".rstrip())


class Job(NamedTuple):
    """A function by its name, so that the archive need not import what only workers need."""

    module: str
    function: str


class _Worker:
    """One child: its socket and a handle that kills it and nobody else, even when its number was given away."""

    def __init__(self, channel: socket.socket, pid: int) -> None:
        self.channel = channel
        self.pid = pid
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:  # dead already: its socket will say so
            self._handle = None

    def end(self) -> None:
        self.channel.close()
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = None


class Workers:
    """A bounded pool of warmed children. Use as `async with Workers(count=2) as workers`.

    Enter it in the thread that runs the loop for as long as the pool lives: the kernel ties the children's lives to
    that thread.

    Args:
        count: Jobs that run at the same time.
        waiting: Jobs that may wait beside those; more are answered with `Unavailable`.
        memory_bytes: Address space of one worker.
        max_jobs: A worker is replaced after this many.
        warm: Modules imported before the first job; a module's `warm()` is called where there is one.
        at_once: Get ready while the server starts; otherwise the first job waits for it and memory is spared.
    """

    def __init__(
        self,
        *,
        count: int = 2,
        waiting: int = 64,
        memory_bytes: int = 3 << 30,
        max_jobs: int = 500,
        warm: Sequence[str] = (),
        at_once: bool = True,
    ) -> None:
        self._count = count
        self._max_waiting = waiting
        self._memory_bytes = memory_bytes
        self._max_jobs = max_jobs
        self._warm = tuple(warm)
        self._at_once = at_once
        self._idle: deque[_Worker] = deque()
        self._busy: set[_Worker] = set()
        self._waiting = 0
        self._seats = asyncio.Semaphore(count)
        self._forking = asyncio.Lock()
        self._template: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = True
        self._warming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._closed = False
        if self._at_once:
            # Owned here and ended by leaving. A job that comes before it is done waits.
            self._warming = asyncio.get_running_loop().create_task(self._warm_up())
        return self

    async def _warm_up(self) -> None:
        with contextlib.suppress(Unavailable):  # the first job will say so
            for _ in range(self._count):
                self._idle.append(await self._fork())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        self._end()

    @property
    def free(self) -> int:
        """How many jobs could begin at once."""
        return max(0, self._count - len(self._busy) - self._waiting)

    async def run(
        self, function: Callable[..., wire.Plain] | Job, *arguments: object, seconds: float = 20.0
    ) -> wire.Plain:
        """Run a module-level function in a worker.

        Args:
            function: Importable by its module and name, or that name. Its result is made of plain values (see `wire`).
            *arguments: Picklable.
            seconds: Wall-clock time from the moment it starts; as much processor time.

        Returns:
            What the function returned.

        Raises:
            Refused: The function raised it (`FilmRefused` and `NotRenderable` keep their class).
            JobFailed: Out of time or memory, crashed, or raised anything else.
            Unavailable: Too many jobs wait already.
        """
        if self._closed:
            raise Unavailable("The server is stopping.")
        if self._waiting >= self._max_waiting and self._seats.locked():
            raise Unavailable("The server is busy. Please try again in a moment.")
        self._waiting += 1
        try:
            await self._seats.acquire()
        finally:
            self._waiting -= 1
        try:
            job = wire.pack((*_name_of(function), arguments, seconds))
            return await self._run(job, seconds)
        finally:
            self._seats.release()

    async def _run(self, job: bytes, seconds: float) -> wire.Plain:
        if not self._idle and self._warming is not None and not self._warming.done():
            await asyncio.wait([self._warming])
        worker = self._idle.pop() if self._idle else await self._fork()  # the one whose memory is warm
        self._busy.add(worker)
        keep = False
        try:
            async with asyncio.timeout(seconds):
                verdict, value, leaving = await self._ask(worker.channel, job)
            keep = not leaving and not self._closed
        except TimeoutError:
            raise JobFailed(JobFailure.TIMEOUT) from None
        except (OSError, EOFError, pickle.UnpicklingError):
            raise JobFailed(JobFailure.DIED) from None
        finally:
            self._busy.discard(worker)
            if keep:
                self._idle.append(worker)
            else:
                worker.end()
        if verdict is wire.Verdict.REFUSED:
            raise wire.unpack_refusal(value)
        if verdict is not wire.Verdict.DONE:
            raise JobFailed(JobFailure(verdict.value), str(value))
        return value

    async def _ask(self, channel: socket.socket, job: bytes) -> tuple[wire.Verdict, wire.Plain, bool]:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(channel, wire.LENGTH.pack(len(job)) + job)
        (length,) = wire.LENGTH.unpack(await self._exactly(channel, wire.LENGTH.size))
        if length > wire.MAX_MESSAGE_BYTES:
            raise EOFError
        return wire.unpack_answer(await self._exactly(channel, length))

    async def _exactly(self, channel: socket.socket, length: int) -> bytearray:
        loop = asyncio.get_running_loop()
        data = bytearray()  # grows as bytes come: a length that lies costs nothing
        while len(data) < length:
            piece = await loop.sock_recv(channel, min(length - len(data), _SEND_CHUNK))
            if not piece:
                raise EOFError
            data += piece
        return data

    async def _fork(self) -> _Worker:
        async with self._forking:
            for again in (True, False):
                try:
                    return await self._fork_once()
                except (OSError, EOFError, TimeoutError) as error:
                    self._drop_template()
                    if not again:
                        raise Unavailable("The server is busy. Please try again in a moment.") from error
        raise AssertionError("unreachable")

    async def _fork_once(self) -> _Worker:
        if self._control is None:
            await self._start_template()
        control = self._control
        if control is None:  # closed meanwhile
            raise EOFError
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):  # a film goes over in one piece, where the system allows it
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_CHUNK)
        try:
            # One byte and one descriptor into a socket nobody else writes to: this does not block.
            socket.send_fds(control, [b"F"], [theirs.fileno()])
            async with asyncio.timeout(_START_SECONDS):
                pid = int.from_bytes(await self._exactly(control, 4), "little")
            ours.setblocking(False)
            return _Worker(ours, pid)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    async def _start_template(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "dicom_store.workers.template", str(theirs.fileno())]
        command += [str(self._memory_bytes), str(self._max_jobs), *self._warm]
        # No environment of ours: it may hold secrets, and this process reads hostile files. One thread for OpenBLAS:
        # a process with threads is not safe to fork.
        environment = {
            "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "LC_ALL": "C.UTF-8",
            # A film's arrays stay in the heap between jobs: fetching fresh pages for each doubles a picture's time.
            "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
            "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
            "MALLOC_TOP_PAD_": str(4 << 20),
        }
        try:
            self._template = subprocess.Popen(  # noqa: S603, ASYNC220  (vfork: milliseconds, once)
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=environment
            )
        finally:
            theirs.close()
        ours.setblocking(False)
        self._control = ours
        async with asyncio.timeout(_START_SECONDS):
            await self._exactly(ours, 1)

    def _drop_template(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._template is not None:
            self._template.kill()
            self._template.wait()
            self._template = None

    def _end(self) -> None:
        self._closed = True
        for worker in [*self._idle, *self._busy]:
            worker.end()
        self._idle.clear()
        self._drop_template()


def _name_of(function: Callable[..., wire.Plain] | Job) -> Job:
    return function if isinstance(function, Job) else Job(function.__module__, function.__qualname__)
