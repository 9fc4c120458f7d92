import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from teleconsult.audit.models import AuditRow
from teleconsult.audit.trail import Trail, Wanted, Witness, note
from teleconsult.db import Database
from teleconsult.errors import Unavailable
from teleconsult.people.state import Role
from tests.builders.clock import FixedClock
from tests.builders.database import a_database
from tests.builders.people import an_actor


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def database(tmp_path: Path, clock):
    async with a_database(tmp_path, clock) as made:
        yield made


async def count(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(AuditRow)) or 0


async def test_a_change_that_fails_leaves_no_row(database):
    async def fail():
        async with database.write(an_actor()) as work:
            note(work, "thing.do", "thing/1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await count(database) == 0


async def test_a_reading_is_one_row_in_a_quarter_of_an_hour(database, clock):
    witness = Witness(database)
    for _ in range(3):
        await witness.read(an_actor(), "patient.read", "patient/1", "1")
    assert await count(database) == 1
    clock.turn(minutes=15)
    await witness.read(an_actor(), "patient.read", "patient/1", "1")
    assert await count(database) == 2


async def test_another_person_subject_or_action_is_another_row(database):
    witness = Witness(database)
    await witness.read(an_actor(), "patient.read", "patient/1", "1")
    await witness.read(an_actor(user="other"), "patient.read", "patient/1", "1")
    await witness.read(an_actor(), "patient.read", "patient/2", "2")
    await witness.read(an_actor(), "film.read", "patient/1", "1")
    assert await count(database) == 4


async def test_fifty_readers_at_once_make_one_row_each_and_few_transactions(database):
    witness = Witness(database)
    readers = [an_actor(user=f"u{number}") for number in range(25)] * 2
    async with asyncio.TaskGroup() as group:
        for reader in readers:
            group.create_task(witness.read(reader, "patient.read", "patient/1", "1"))
    assert await count(database) == 25


async def test_a_reader_who_goes_away_leaves_the_others_served(database):
    witness = Witness(database)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(witness.read(an_actor(user="a"), "patient.read", "patient/1", "1"))
        others = [
            group.create_task(witness.read(an_actor(user=f"b{n}"), "patient.read", "patient/1", "1")) for n in range(5)
        ]
        await asyncio.sleep(0)
        first.cancel()
    assert all(task.done() and not task.exception() for task in others)
    async with database.read() as session:
        noted = set(await session.scalars(select(AuditRow.actor)))
    assert noted >= {f"b{n}" for n in range(5)}


async def test_a_reading_that_cannot_be_noted_is_refused_and_tried_again_later(tmp_path):
    async with a_database(tmp_path) as database:
        witness = Witness(database)
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE audit_rows RENAME TO away")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await witness.read(an_actor(), "patient.read", "patient/1", "1")
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO audit_rows")
        await witness.read(an_actor(), "patient.read", "patient/1", "1")
        assert await count(database) == 1


async def test_an_auditor_reads_the_rows_of_their_institution_only(database):
    here, there = an_actor(Role.REQUESTER, institution="here"), an_actor(Role.REQUESTER, institution="there")
    for actor in (here, there, here):
        async with database.write(actor) as work:
            note(work, "thing.do", "thing/1", patient="p1", detail={"word": "文字"})
    found = await Trail(database).entries(an_actor(Role.AUDITOR, institution="here"), Wanted())
    assert [(entry.institution, entry.detail["word"]) for entry in found] == [("here", "文字")] * 2


async def test_rows_are_filtered_and_paged_from_the_newest(database):
    actor = an_actor()
    for number in range(5):
        async with database.write(actor) as work:
            note(work, "thing.do", f"thing/{number}", patient=f"p{number % 2}")
    trail = Trail(database)
    found = await trail.entries(actor, Wanted(patient="p0"))
    assert [entry.subject for entry in found] == ["thing/4", "thing/2", "thing/0"]
    older = await trail.entries(actor, Wanted(patient="p0", before=found[0].number))
    assert [entry.subject for entry in older] == ["thing/2", "thing/0"]
