"""What the migrations make is what the models say, on both databases: tables, columns, indexes, guards."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from teleconsult.migrations import VERSION_TABLE, upgrade
from teleconsult.records import metadata
from tests.services import new_database

GUARDS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def engines(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    """Two empty databases."""
    if request.param == "sqlite":
        urls = [f"sqlite+aiosqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    else:
        server = request.getfixturevalue("postgres_url")
        urls = [await new_database(server) for _ in range(2)]
    made = [create_async_engine(url) for url in urls]
    yield made[0], made[1]
    for engine in made:
        await engine.dispose()


def differences(connection: Connection) -> list[Any]:
    # Tables that tests of the base itself have made stand in the same list.
    ours = {"include_object": lambda _, name, kind, *__: kind != "table" or not name.startswith("test_")}
    options = {"compare_type": True, "version_table": VERSION_TABLE, **ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def guards(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute(text(GUARDS[connection.dialect.name]))
    return [(name, " ".join(sql.replace("IF NOT EXISTS ", "").split())) for name, sql in rows]


async def test_a_migrated_database_is_what_the_models_say(engines: tuple[AsyncEngine, AsyncEngine]) -> None:
    migrated, made = engines
    async with migrated.begin() as connection:
        await connection.run_sync(upgrade)
    async with made.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with migrated.connect() as one, made.connect() as other:
        assert await one.run_sync(differences) == []
        assert await one.run_sync(guards) == await other.run_sync(guards)
        assert await one.run_sync(guards)


async def test_migrating_twice_changes_nothing(engines: tuple[AsyncEngine, AsyncEngine]) -> None:
    for _ in range(2):
        async with engines[0].begin() as connection:
            await connection.run_sync(upgrade)
