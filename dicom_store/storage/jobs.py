"""What a writing job of the index is, and how several run in one transaction. Knows no database."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.exc import OperationalError

T = TypeVar("T")


class Writing(Protocol):
    """The connection that a writing job is handed. It may await nothing else."""

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement."""

    async def run_sync(self, call: Callable[[Connection], T]) -> T:
        """Run a function that takes a blocking connection."""

    def begin_nested(self) -> AbstractAsyncContextManager[Any]:
        """A savepoint: what is done inside is undone if the block raises."""


Job = Callable[[Writing], Awaitable[T]]


async def run_all(connection: Writing, jobs: Sequence[Job[Any]]) -> list[Any]:
    """Run jobs on one connection, within its transaction; see `database.Database.transaction`."""
    if len(jobs) == 1:
        return [await jobs[0](connection)]
    return [await _guarded(connection, job) for job in jobs]


async def _guarded(connection: Writing, job: Job[Any]) -> Any:
    try:
        async with connection.begin_nested():
            return await job(connection)
    except OperationalError:  # the database's trouble is everybody's
        raise
    except Exception as error:  # noqa: BLE001  one job's failure is its caller's, not its neighbours'
        return error
