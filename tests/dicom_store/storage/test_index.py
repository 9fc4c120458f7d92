"""The index on SQLite and, where there is one, on PostgreSQL: the same answers, nothing outside the scope."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from dicom_store import migrations
from dicom_store.app import Archive, open_archive
from dicom_store.errors import FilmRefused, NotFound, StorageFull, Unavailable
from dicom_store.model import ArrivalKind, Level, Match, MatchKind, Search, Stored, StudyKey
from dicom_store.ports import InstanceStored, Scope
from dicom_store.storage.database import database
from dicom_store.storage.jobs import Writing
from dicom_store.storage.packbook import PackBook
from dicom_store.storage.postgres import SCHEMA
from dicom_store.storage.tables import metadata
from dicom_store.storage.writer import Writer, translated
from tests.builders import films
from tests.builders.archives import everything_of, origin, settings

PARAMETERS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgres),
]


@pytest.fixture(params=PARAMETERS)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Archive]:
    """An open archive on each database."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        await engine.dispose()
    async with open_archive(settings(tmp_path, database_url=url)) as archive:
        yield archive


async def put(archive: Archive, *data: bytes, institution: str = "east") -> list[Stored | FilmRefused]:
    async with archive.ingest.batch(origin(institution)) as batch:
        for film in data:
            await batch.add(film)
        return await batch.commit()


async def test_films_are_found_read_and_counted(shelf: Archive) -> None:
    series = films.ct_series(5)
    await put(shelf, *series)
    study = films.uids(series[0])[0]
    scope = everything_of("east")
    records = await shelf.index.instances(scope, study)  # type: ignore[arg-type]
    assert [await shelf.films.whole(record) for record in records] == series
    found = await shelf.index.search(scope, Search(Level.STUDY))
    assert (found[0].series_count, found[0].study_instance_count, found[0].modalities) == (1, 5, "CT")
    assert await shelf.index.study(scope, study) == [StudyKey("east", study)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "match",
    [
        Match(0x00100010, MatchKind.WILDCARD, ("wang*",)),
        Match(0x00100010, MatchKind.WILDCARD, ("王*",)),
        Match(0x00100010, MatchKind.FUZZY, ("fang",)),
        Match(0x00080020, MatchKind.RANGE, ("20260101", "20261231")),
        Match(0x00080061, MatchKind.ONE_OF, ("CT", "MR")),
        Match(0x00080018, MatchKind.WILDCARD, ("*",)),
        Match(0x00200013, MatchKind.EXACT, ("1",)),
    ],
)
async def test_every_kind_of_condition_works(shelf: Archive, match: Match) -> None:
    await put(shelf, films.film())
    for level in Level:
        assert len(await shelf.index.search(everything_of("east"), Search(level, (match,)))) == 1


async def test_nothing_is_found_outside_the_scope(shelf: Archive) -> None:
    film, other = films.film(), films.film()
    await put(shelf, film, other)
    study, series, instance = films.uids(film)
    for scope in (Scope(), everything_of("west"), Scope(studies=frozenset({StudyKey("west", study)}))):  # type: ignore[arg-type]
        assert await shelf.index.search(scope, Search(Level.INSTANCE)) == []
        assert await shelf.index.study(scope, study) == []  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await shelf.index.instance(scope, study, series, instance)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await shelf.index.instances(scope, study)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await shelf.index.described(scope, study)  # type: ignore[arg-type]
    guest = Scope(studies=frozenset({StudyKey("east", study)}))  # type: ignore[arg-type]
    assert [row.study for row in await shelf.index.search(guest, Search(Level.SERIES))] == [study]
    both = Scope(everything_of("west").institutions, studies=guest.studies)
    assert [row.study for row in await shelf.index.search(both, Search(Level.STUDY))] == [study]


async def test_the_films_of_a_series_are_named_and_read_from_a_place_on(shelf: Archive) -> None:
    each = films.ct_series(7)
    stored = await put(shelf, *each[::-1])
    await put(shelf, *each, institution="west")  # another copy, with places of its own
    key, series = stored[0].key, films.uids(each[0])[1]  # type: ignore[union-attr]
    mine, named = Scope(studies=frozenset({key})), [films.uids(film)[2] for film in each]
    index = shelf.index
    assert await index.names(mine, key.study, series, 100) == named  # type: ignore[arg-type]
    assert await index.names(mine, key.study, series, 3) == named[:3]  # type: ignore[arg-type]
    whole = await index.instances(mine, key.study, series)  # type: ignore[arg-type]
    assert await index.some_instances(mine, key.study, series, 2, 3) == whole[2:5]  # type: ignore[arg-type]
    for theirs in (everything_of("north"), Scope()):
        with pytest.raises(NotFound):
            await index.names(theirs, key.study, series, 3)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await index.some_instances(theirs, key.study, series, 0, 3)  # type: ignore[arg-type]


async def test_arrivals_rise_and_name_their_origin(shelf: Archive) -> None:
    for _ in range(3):
        await put(shelf, films.film(), films.film())
    arrivals = await shelf.index.arrivals_after(0)
    numbers = [arrival.number for arrival in arrivals]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 6
    assert await shelf.index.last_arrival() == numbers[-1]
    assert arrivals[0].kind is ArrivalKind.FILM
    assert arrivals[0].origin == origin()
    assert [arrival.number for arrival in await shelf.index.arrivals_after(numbers[2], 2)] == numbers[3:5]


async def test_many_at_once_are_kept_once_each(shelf: Archive) -> None:
    series = films.ct_series(6)
    outcomes = await asyncio.gather(*[put(shelf, *series) for _ in range(8)])
    fresh = [one for batch in outcomes for one in batch if isinstance(one, Stored) and not one.duplicate]
    assert len(fresh) == 6
    assert len(await shelf.index.arrivals_after(0)) == 6
    found = await shelf.index.search(everything_of("east"), Search(Level.STUDY))
    assert found[0].study_instance_count == 6


async def test_one_failed_job_leaves_its_neighbours_alone(shelf: Archive) -> None:
    async def good(connection: Writing) -> int:
        return int((await connection.execute(text("SELECT 7"))).scalar_one())

    async def bad(connection: Writing) -> None:
        await connection.execute(text("INSERT INTO sealed_packs (pack) VALUES ('x')"))
        raise KeyError("bug")

    outcomes = await asyncio.gather(
        shelf.index.write(good), shelf.index.write(bad), shelf.index.write(good), return_exceptions=True
    )
    assert outcomes[0] == outcomes[2] == 7
    assert isinstance(outcomes[1], KeyError)
    assert await PackBook(shelf.index).sealed() == set()


async def test_the_tables_are_what_the_migrations_make(shelf: Archive) -> None:
    async def look(connection: Writing) -> dict[str, set[str]]:
        def names(sync: Any) -> dict[str, set[str]]:
            found = inspect(sync)
            return {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}

        return await connection.run_sync(names)

    made = await shelf.index.write(look)
    assert made.pop("archive_alembic_version") == {"version_num"}
    assert made == {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}


def test_a_new_file_has_just_what_the_steps_make() -> None:
    def shape(upgrade: Callable[[Connection], object]) -> dict[str, object]:
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            upgrade(connection)
            found = inspect(connection)
            made: dict[str, object] = {
                table: (
                    [(each["name"], str(each["type"]), each["nullable"]) for each in found.get_columns(table)],
                    sorted(str(each) for each in found.get_indexes(table)),
                    sorted(str(each) for each in found.get_unique_constraints(table)),
                    sorted(str(each) for each in found.get_foreign_keys(table)),
                    found.get_pk_constraint(table)["constrained_columns"],
                )
                for table in found.get_table_names()
            }
            made["version"] = connection.execute(text("SELECT * FROM archive_alembic_version")).scalar()
        engine.dispose()
        return made

    steps = shape(lambda connection: command.upgrade(migrations.config(connection), "head"))
    assert shape(migrations.upgrade) == steps


def test_the_archive_imports_nothing_that_only_workers_need() -> None:
    words = "import sys, dicom_store.app, dicom_store.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    heavy = {"pydicom", "numpy", "PIL", "alembic", "sqlalchemy.orm", "pypinyin"}
    assert not heavy & set(done.stdout.split())


async def test_listeners_hear_of_new_films_only_after_the_commit(tmp_path: Path) -> None:
    heard: list[object] = []

    class Ear:
        def heard(self, event: object) -> None:
            heard.append(event)

    async with open_archive(settings(tmp_path), [Ear()]) as archive:
        film = films.film()
        stored = await archive.ingest.accept(film, origin())
        assert heard == [InstanceStored(stored.key, stored.instance, origin())]
        await archive.ingest.accept(film, origin())
        assert len(heard) == 1


async def test_what_was_stored_is_there_after_a_restart_and_torn_packs_are_cut(tmp_path: Path) -> None:
    film = films.film()
    async with open_archive(settings(tmp_path)) as archive:
        stored = await archive.ingest.accept(film, origin())
        with pytest.raises(RuntimeError):  # noqa: PT012
            async with archive.ingest.batch(origin()) as batch:
                for each in films.ct_series(100):
                    await batch.add(each)
                raise RuntimeError("the caller went away")
    written = next(path for path in tmp_path.rglob("*.pack") if path.stem == record_pack(stored, tmp_path))
    whole = written.read_bytes()
    written.write_bytes(whole + b"torn by a power cut")
    orphan = written.parents[1] / "ab" / ("ab" * 16 + ".pack")
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(whole[:50])
    async with open_archive(settings(tmp_path)) as archive:
        record = await archive.index.instance(everything_of("east"), stored.key.study, stored.series, stored.instance)
        assert await archive.films.whole(record) == film
        assert len(await archive.index.arrivals_after(0)) == 1
    assert list(tmp_path.rglob("*.pack")) == [written]
    assert whole.startswith(written.read_bytes())
    assert len(written.read_bytes()) < len(whole)


def record_pack(stored: Stored, folder: Path) -> str:
    with contextlib.closing(sqlite3.connect(folder / "archive" / "archive.db")) as database:
        query = "SELECT pack FROM instances WHERE instance_uid = ?"
        return str(database.execute(query, [stored.instance]).fetchone()[0])


def test_nobody_else_may_read_the_folder(tmp_path: Path) -> None:
    async def once() -> None:
        async with open_archive(settings(tmp_path)) as archive:
            await archive.ingest.accept(films.film(), origin())

    asyncio.run(once())
    assert (tmp_path / "archive").stat().st_mode & 0o077 == 0
    assert (tmp_path / "archive" / "archive.db").stat().st_mode & 0o077 == 0


def test_a_full_disk_under_the_index_is_said() -> None:
    from sqlalchemy.exc import OperationalError

    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert isinstance(translated(OperationalError("", {}, full)), StorageFull)
    assert type(translated(OperationalError("", {}, sqlite3.OperationalError("locked")))) is Unavailable
    bug = ValueError()
    assert translated(bug) is bug


async def test_a_closed_writer_takes_nothing_more(tmp_path: Path) -> None:
    held = database(f"sqlite+aiosqlite:///{os.fspath(tmp_path / 'x.db')}", 1)
    writer = Writer(held)
    writer.start()
    await writer.stop()
    with pytest.raises(Unavailable):
        await writer.write(lambda connection: connection.execute(text("SELECT 1")))
    await held.close()


async def test_what_is_held_and_what_cases_open_come_in_one_order(shelf: Archive) -> None:
    dates = ["20260105", "20260101", "20260103", "20260104", "20260102", "20260106"]
    keys = []
    for place, date in enumerate(dates):
        holder = "west" if place % 2 else "east"
        stored = await put(shelf, *films.ct_series(2, StudyDate=date), institution=holder)
        keys.append((date, stored[0].key))  # type: ignore[union-attr]
    cases = frozenset(key for _, key in keys if key.institution == "west")
    scope = Scope(everything_of("east").institutions, cases)
    expected = [key.study for _, key in sorted(keys, reverse=True)]
    whole = await shelf.index.search(scope, Search(Level.STUDY))
    assert [row.study for row in whole] == expected
    pages = [await shelf.index.search(scope, Search(Level.STUDY, limit=2, offset=start)) for start in (0, 2, 4, 6)]
    assert [row.study for page in pages for row in page] == expected
    series = await shelf.index.search(scope, Search(Level.SERIES))
    assert [row.study for row in series] == expected
    assert len(await shelf.index.search(scope, Search(Level.INSTANCE))) == 12
    only = await shelf.index.search(Scope(studies=cases), Search(Level.STUDY))
    assert {row.study for row in only} == {key.study for key in cases}
