"""The two databases an index can lie in, behind one face: SQLite in threads of ours, PostgreSQL by its own driver."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Executable
from sqlalchemy.engine import make_url

from dicom_store.storage.jobs import Job
from dicom_store.storage.sqlite import SqliteFile


class Database(Protocol):
    """Where the index lies."""

    async def open(self) -> None:
        """Bring the tables up to date."""

    async def rows(self, query: Executable, values: Any, *, brief: bool = False) -> Sequence[Any]:
        """All rows of a reading statement; `brief` promises that an index leads to a few of them."""

    async def transaction(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        """Run jobs in one transaction; returns after the commit.

        Returns:
            For each job its result, or the exception that undid it alone. A single job's exception is raised.
        """

    async def close(self) -> None:
        """Let go of the database."""


def database(url: str, readers: int) -> Database:
    """The database at an SQLAlchemy URL.

    Args:
        url: `sqlite+aiosqlite:///path` or `postgresql+asyncpg://…`.
        readers: How many connections read.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return SqliteFile(parsed, readers)
    # Imported on need: what PostgreSQL takes costs 15 MB that a small clinic can use better.
    from dicom_store.storage.postgres import Postgres

    return Postgres(parsed, readers)
