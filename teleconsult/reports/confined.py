"""Runs one of this room's child processes: bytes in, bytes out, bounded in number, time and size.

What reads or typesets outside material may hang or eat memory; it does so in a process that is killed for it.
"""

import asyncio
import contextlib
import sys
from datetime import timedelta
from pathlib import Path

import teleconsult
from teleconsult.errors import Unavailable

_WAITING = 40
_BUSY = "The server is busy. Please try again in a moment."
_ROOT = Path(teleconsult.__file__).parent.parent


class Confined:
    """A kind of child process.

    Args:
        module: What to run with `python -m`; it sets its own limits of memory and processor time.
        at_once: How many may run together; up to `_WAITING` more wait in order.
        time_limit: After this the child is killed.
        max_bytes: The longest answer.
    """

    def __init__(self, module: str, *, at_once: int, time_limit: timedelta, max_bytes: int) -> None:
        self._module = module
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._time_limit_s = time_limit.total_seconds()
        self._max_bytes = max_bytes

    async def run(self, order: bytes) -> bytes | None:
        """Give the child its input and take its output.

        Returns:
            The answer; None when the child died, took too long or said too much.

        Raises:
            Unavailable: Too many wait already, or no child can be started.
        """
        if self._waiting >= _WAITING:
            raise Unavailable(_BUSY)
        self._waiting += 1
        try:
            async with self._turns:
                return await self._run(order)
        finally:
            self._waiting -= 1

    async def _run(self, order: bytes) -> bytes | None:
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        except OSError as error:
            raise Unavailable(_BUSY) from error
        try:
            async with asyncio.timeout(self._time_limit_s):
                return await self._talk(child, order)
        except TimeoutError:
            return None
        finally:
            await _end(child)

    async def _talk(self, child: asyncio.subprocess.Process, order: bytes) -> bytes | None:
        if child.stdin is None or child.stdout is None:  # pragma: no cover - both were asked for
            return None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._give(child.stdin, order))
            answer = group.create_task(self._take(child.stdout))
        said = answer.result()
        return said if said is not None and await child.wait() == 0 else None

    async def _give(self, pipe: asyncio.StreamWriter, order: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(order)
            await pipe.drain()
            pipe.close()
            await pipe.wait_closed()

    async def _take(self, pipe: asyncio.StreamReader) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        while part := await pipe.read(1 << 18):
            size += len(part)
            if size > self._max_bytes:
                return None
            parts.append(part)
        return b"".join(parts)


async def _end(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    # asyncio calls a process ended only when its pipes are; one that nobody reads would never be.
    while child.stdout is not None and await child.stdout.read(1 << 16):
        pass
    await child.wait()
