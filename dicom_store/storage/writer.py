"""The one writer of the index in a process: takes jobs, does those that wait in one transaction, answers after commit.

On SQLite the transaction starts with BEGIN IMMEDIATE: two processes wait for each other and never fail half way.
"""

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from dicom_store.errors import StorageFull, Unavailable
from dicom_store.storage.database import Database
from dicom_store.storage.jobs import Job

T = TypeVar("T")

_GROUP = 64
_QUEUE = 1024


@dataclass(slots=True)
class _Waiting:
    job: Job[Any]
    done: asyncio.Future[Any]


class Writer:
    """Owns the task that writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(_QUEUE)
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to work."""
        # This object owns the task and ends it in `stop`.
        self._task = asyncio.get_running_loop().create_task(self._work(), name="archive index writer")

    async def stop(self) -> None:
        """Do what waits, then end."""
        self._closed = True
        if self._task is not None:
            await self._queue.put(None)
            await self._task
            self._task = None

    async def write(self, job: Job[T]) -> T:
        """Run a job in a transaction; returns after the commit is on disk.

        The job may run beside others in one transaction, and is undone alone if it raises.

        Raises:
            StorageFull: No room for the index.
            Unavailable: The database cannot be written now.
        """
        if self._closed:
            raise Unavailable("The server is shutting down.")
        waiting = _Waiting(job, asyncio.get_running_loop().create_future())
        await self._queue.put(waiting)
        result: T = await waiting.done
        return result

    async def _work(self) -> None:
        while True:
            first = await self._queue.get()
            if first is None:
                return
            group = [first]
            last = False
            while len(group) < _GROUP and not self._queue.empty():
                following = self._queue.get_nowait()
                if following is None:
                    last = True
                    break
                group.append(following)
            await self._transaction([waiting for waiting in group if not waiting.done.done()])
            if last:
                return

    async def _transaction(self, group: list[_Waiting]) -> None:
        if not group:
            return
        try:
            results = await self._database.transaction([waiting.job for waiting in group])
        except Exception as error:  # noqa: BLE001  every caller gets it, translated; the writer lives on
            results = [translated(error)] * len(group)
        for waiting, result in zip(group, results, strict=True):
            if waiting.done.done():
                continue
            if isinstance(result, BaseException):
                waiting.done.set_exception(result)
            else:
                waiting.done.set_result(result)


def translated(error: Exception) -> BaseException:
    """What a failed transaction means to the callers; a bug stays a bug."""
    if isinstance(error, OSError):
        return Unavailable("The archive's database cannot be reached.")
    if not isinstance(error, DBAPIError):
        return error
    causes = (error.orig, getattr(error.orig, "__cause__", None))
    code = next((found for cause in causes if (found := getattr(cause, "sqlite_errorcode", None)) is not None), None)
    if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
        outcome: Unavailable = StorageFull("The server has no room for more films. Please tell its administrator.")
    elif isinstance(error, OperationalError) or error.connection_invalidated:
        outcome = Unavailable("The archive's database cannot be written now.")
    else:
        return error
    outcome.__cause__ = error
    return outcome
