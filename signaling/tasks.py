"""Owns background tasks: each ends with its owner, and one that fails does not take the others with it."""

import asyncio
import logging
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)


class Tasks:
    """`async with Tasks() as tasks`: what was started is cancelled and awaited at the end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def start(self, work: Awaitable[Any]) -> None:
        """Run something until it ends or the shell does."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task.failed: %s: %s", type(error).__name__, error)
