"""The rooms' foundations on PostgreSQL: what SQLite's single writer hides shows here."""

import asyncio

import pytest
from aiohttp import web
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from teleconsult.access.service import SESSION_COOKIE, Access
from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditRow
from teleconsult.audit.seal import Sealer, verify
from teleconsult.audit.trail import Witness, note
from teleconsult.errors import Stale
from teleconsult.http.idempotency import FirstAnswers
from teleconsult.people.patients import PatientExists
from teleconsult.people.service import People
from teleconsult.people.state import Role
from teleconsult.people.views import PatientFields
from tests.builders.database import a_postgres_database, a_vault
from tests.builders.people import a_patient, a_user, an_actor, an_id_number, an_institution, cheap_passwords

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(postgres_url):
    async with a_postgres_database(postgres_url) as made:
        yield made


@pytest.fixture
def people(database):
    return People(database, a_vault())


@pytest.fixture
async def doctor(people):
    return await a_user(people, await an_institution(people), Role.REQUESTER, login="wang")


async def test_twenty_at_once_keep_one_patient_of_a_number(people, doctor):
    number = an_id_number()

    async def add() -> str:
        try:
            return (await a_patient(people, doctor, id_number=number)).id
        except PatientExists as exists:
            return exists.patient

    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(add()) for _ in range(20)]
    assert len({task.result() for task in sent}) == 1
    assert len(await people.find_patients(doctor, number)) == 1


async def test_of_twenty_changes_at_once_one_counts(people, doctor):
    made = await a_patient(people, doctor, "王芳")

    async def change(number: int) -> bool:
        try:
            await people.change_patient(doctor, made.id, 1, PatientFields(f"王芳{number}"))
        except Stale:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(change(number)) for number in range(20)]
    assert sum(task.result() for task in sent) == 1


async def test_logging_in_and_out(database, people, doctor):
    access = Access(database, people, cheap_passwords())
    await access.set_password(SYSTEM, doctor.id, "seven green bicycles")
    session = await access.log_in("wang", "seven green bicycles", "192.0.2.7", "Chrome")
    actor = await access.identify("", {SESSION_COOKIE: session.secret}, "192.0.2.7")
    assert actor.institution == doctor.institution
    await access.log_out(actor)
    assert await access.identify("", {SESSION_COOKIE: session.secret}, "192.0.2.7") is None


@pytest.mark.parametrize("statement", [update(AuditRow).values(actor="nobody"), delete(AuditRow)])
async def test_audit_rows_are_neither_changed_nor_deleted(database, statement):
    async def change():
        async with database.write(SYSTEM) as work:
            note(work, "thing.do", "thing/1")
            await work.session.flush()
            await work.session.execute(statement)

    with pytest.raises(DBAPIError, match="append-only"):
        await change()


async def test_rows_of_many_writers_are_sealed_once_each(database):
    async def write(number: int):
        async with database.write(an_actor(user=f"u{number}")) as work:
            note(work, "thing.do", f"thing/{number}")

    first, second = Sealer(database, a_vault()), Sealer(database, a_vault())
    async with asyncio.TaskGroup() as group:
        for number in range(60):
            group.create_task(write(number))
            if number % 10 == 0:
                group.create_task(first.seal_once())
                group.create_task(second.seal_once())
    await first.seal_once()
    verdict = await verify(database, a_vault())
    assert (verdict.sound, verdict.rows, verdict.unsealed) == (True, 60, 0)


async def test_readers_are_noted(database):
    witness = Witness(database)
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(witness.read(an_actor(user=f"u{number}"), "patient.read", "patient/1", "1"))
    assert (await verify(database, a_vault())).rows == 20


async def test_two_processes_have_one_effect_for_one_key(database):
    ran = []

    async def run() -> web.Response:
        ran.append(1)
        await asyncio.sleep(0.05)
        return web.Response(status=201, text="made")

    tables = [FirstAnswers(database, a_vault()) for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(table.once(("wang", "k", "r"), b"f" * 32, run)) for table in tables * 5]
    assert {task.result().status for task in sent} == {201}
    assert len(ran) == 1
