"""A real SQLite on a temporary path with all tables, and a vault."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from teleconsult.clock import Clock
from teleconsult.db import Database, Record
from teleconsult.vault import Vault
from tests.builders.clock import FixedClock


def a_vault(number: int = 0) -> Vault:
    return Vault({number: b"for tests only, never for a site!"}, current=number)


@asynccontextmanager
async def a_database(folder: Path, clock: Clock | None = None) -> AsyncIterator[Database]:
    """`async with a_database(tmp_path) as database:`; the tables of all record classes imported so far."""
    database = Database.at(folder / "clinic.db", clock or FixedClock())
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(Record.metadata.create_all)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def a_postgres_database(url: str, clock: Clock | None = None) -> AsyncIterator[Database]:
    """A new database on the server of `url`, with all tables; dropped at the end."""
    server = create_async_engine(url, isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex}"
    async with server.connect() as connection:
        await connection.exec_driver_sql(f"CREATE DATABASE {name}")
    database = Database(make_url(url).set(database=name).render_as_string(False), clock or FixedClock())
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(Record.metadata.create_all)
        yield database
    finally:
        await database.close()
        async with server.connect() as connection:
            await connection.exec_driver_sql(f"DROP DATABASE {name}")
        await server.dispose()
