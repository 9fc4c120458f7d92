"""A real SQLite on a temporary path with all tables, and a vault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
