"""The index on PostgreSQL, in a schema of its own, by SQLAlchemy's asynchronous engine."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Executable, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dicom_store.migrations import upgrade
from dicom_store.storage.jobs import Job, run_all

# Any number that no other program on the same PostgreSQL database uses; here the letters "tcar".
_ADVISORY_LOCK = 0x74636172
SCHEMA = "archive"


class Postgres:
    """A schema of its own on PostgreSQL."""

    def __init__(self, url: URL, readers: int) -> None:
        self._reading = _async_engine(url, readers, isolation_level="AUTOCOMMIT")
        self._writing = _async_engine(url, 1)

    async def open(self) -> None:
        """See `database.Database.open`."""
        async with self._writing.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        async with self._writing.begin() as connection:
            await connection.run_sync(upgrade)

    async def rows(self, query: Executable, values: Any, *, brief: bool = False) -> Sequence[Any]:
        """See `database.Database.rows`; the driver never blocks, brief or not."""
        async with self._reading.connect() as connection:
            return (await connection.execute(query, values)).all()

    async def transaction(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        """See `Database.transaction`. Under a lock, so that arrivals become visible in the order of their numbers."""
        async with self._writing.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            return await run_all(connection, jobs)

    async def close(self) -> None:
        """See `database.Database.close`."""
        await self._reading.dispose()
        await self._writing.dispose()


def _async_engine(url: URL, connections: int, **more: Any) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"server_settings": {"search_path": SCHEMA}},
        **more,
    )
