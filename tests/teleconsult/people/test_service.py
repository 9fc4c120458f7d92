import sqlite3
from datetime import date
from pathlib import Path

import pytest

from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditRow
from teleconsult.errors import Conflict, FieldsRefused, NotAllowed, NotFound, Stale
from teleconsult.people.patients import PatientExists
from teleconsult.people.service import People
from teleconsult.people.state import Role, Sex
from teleconsult.people.views import PatientFields, UserFields
from teleconsult.vault import Unreadable
from tests.builders.database import a_database, a_vault
from tests.builders.people import a_department, a_patient, a_patient_actor, a_user, an_id_number, an_institution


@pytest.fixture
async def database(tmp_path: Path):
    async with a_database(tmp_path) as made:
        yield made


@pytest.fixture
def people(database):
    return People(database, a_vault())


@pytest.fixture
async def doctor(people):
    return await a_user(people, await an_institution(people), Role.REQUESTER)


async def test_an_identity_number_gives_birth_and_sex(people, doctor):
    made = await a_patient(people, doctor, id_number=an_id_number(date(1961, 3, 8), 124), phone="138 0013 8000")
    assert (made.birth_date, made.sex) == (date(1961, 3, 8), Sex.FEMALE)
    assert made.phone_last4 == "8000"
    assert made.age_on(date(2026, 11, 20)) == 65
    assert await people.patient(doctor, made.id) == made


async def test_a_birth_that_contradicts_the_number_is_refused(people, doctor):
    with pytest.raises(FieldsRefused) as refused:
        await a_patient(people, doctor, id_number=an_id_number(serial=1), birth_date=date(2000, 1, 1), sex=Sex.FEMALE)
    assert set(refused.value.errors) == {"birth_date", "sex"}


async def test_all_wrong_fields_are_named_at_once(people, doctor):
    with pytest.raises(FieldsRefused) as refused:
        await a_patient(people, doctor, name=" ", id_number="1", phone="x")
    assert set(refused.value.errors) == {"name", "id_number", "phone"}


async def test_nothing_of_a_patient_is_readable_in_the_database_file(people, doctor, database, tmp_path):
    number = an_id_number()
    made = await a_patient(people, doctor, "欧阳若兰", id_number=number, phone="13900001234", allergies="青霉素")
    await people.find_patients(doctor, "欧阳")
    await people.patient(doctor, made.id)
    await database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("欧阳若兰", "欧阳", "若兰", number, "13900001234", "青霉素", "ouyang", "1961-03-08"):
        assert secret.encode() not in stored


async def test_a_sealed_value_moved_to_another_row_does_not_open(people, doctor, database, tmp_path):
    first, second = await a_patient(people, doctor, "王芳"), await a_patient(people, doctor, "张伟")
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        connection.execute(
            "UPDATE patients SET name = (SELECT name FROM patients WHERE id = ?) WHERE id = ?", (first.id, second.id)
        )
    connection.close()
    with pytest.raises(Unreadable):
        await people.patient(doctor, second.id)


async def test_a_sealed_value_moved_to_another_column_does_not_open(people, doctor, tmp_path):
    made = await a_patient(people, doctor, allergies="青霉素")
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        connection.execute("UPDATE patients SET allergies = name WHERE id = ?", (made.id,))
    connection.close()
    with pytest.raises(Unreadable):
        await people.patient(doctor, made.id)


@pytest.mark.parametrize("query", ["王芳", "芳", "wf", "wangfang", "13900001234", "139 0000 1234", "ZY-77"])
async def test_a_patient_is_found(people, doctor, query):
    made = await a_patient(people, doctor, "王芳", phone="13900001234", record_number="ZY-77")
    await a_patient(people, doctor, "张伟")
    assert [found.id for found in await people.find_patients(doctor, query)] == [made.id]


async def test_a_patient_is_found_by_the_whole_identity_number_only(people, doctor):
    number = an_id_number(date(1949, 12, 31), 2, "110105")
    made = await a_patient(people, doctor, id_number=number)
    assert [found.id for found in await people.find_patients(doctor, number.lower())] == [made.id]
    assert await people.find_patients(doctor, number[:17]) == []


async def test_a_changed_name_is_found_and_the_old_one_is_not(people, doctor):
    made = await a_patient(people, doctor, "王芳")
    changed = await people.change_patient(doctor, made.id, 1, PatientFields("李芳"))
    assert changed.version == 2
    assert await people.find_patients(doctor, "王芳") == []
    assert [found.name for found in await people.find_patients(doctor, "李芳")] == ["李芳"]


async def test_the_second_of_two_changes_is_stale(people, doctor):
    made = await a_patient(people, doctor)
    await people.change_patient(doctor, made.id, 1, PatientFields("李芳"))
    with pytest.raises(Stale) as stale:
        await people.change_patient(doctor, made.id, 1, PatientFields("赵芳"))
    assert stale.value.current == 2


async def test_the_same_identity_number_offers_the_patient_that_is_there(people, doctor):
    number = an_id_number()
    made = await a_patient(people, doctor, id_number=number)
    with pytest.raises(PatientExists) as exists:
        await a_patient(people, doctor, id_number=number)
    assert exists.value.patient == made.id


async def test_another_institution_keeps_its_own_patient_with_the_same_number(people, doctor):
    number = an_id_number()
    await a_patient(people, doctor, id_number=number)
    stranger = await a_user(people, await an_institution(people, "县医院"), Role.REQUESTER)
    assert await a_patient(people, stranger, id_number=number)


async def test_another_institutions_patient_is_not_there(people, doctor):
    made = await a_patient(people, doctor, "王芳")
    stranger = await a_user(people, await an_institution(people, "县医院"), Role.REQUESTER)
    for attempt in (
        people.patient(stranger, made.id),
        people.patients.fields(stranger, made.id),
        people.change_patient(stranger, made.id, 1, PatientFields("x")),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await people.find_patients(stranger, "王芳") == []


async def test_a_specialist_searches_no_patients(people, doctor):
    specialist = await a_user(people, doctor.institution, Role.SPECIALIST)
    with pytest.raises(NotAllowed):
        await people.find_patients(specialist, "王")


async def test_a_patient_sees_only_themselves(people, doctor):
    one, other = await a_patient(people, doctor, "王芳"), await a_patient(people, doctor, "张伟")
    me = a_patient_actor(one.id, doctor.institution)
    assert (await people.patient(me, one.id)).name == "王芳"
    with pytest.raises(NotFound):
        await people.patient(me, other.id)
    with pytest.raises(NotAllowed):
        await people.find_patients(me, "")


async def test_every_reading_and_change_is_in_the_audit(people, doctor, database):
    made = await a_patient(people, doctor)
    await people.patient(doctor, made.id)
    await people.patient(doctor, made.id)
    await people.find_patients(doctor, "王秀英")
    await people.change_patient(doctor, made.id, 1, PatientFields("王秀兰"))
    async with database.read() as session:
        rows = await session.scalars(AuditRow.__table__.select().with_only_columns(AuditRow.action))
        actions = [action for action in rows if action.startswith("patient.")]
    assert actions == ["patient.add", "patient.read", "patient.find", "patient.change"]


async def test_specialists_are_listed_by_institution_and_department(people, doctor):
    county = await an_institution(people, "县医院")
    heart = await a_department(people, county)
    chen = await a_user(people, county, Role.SPECIALIST, name="陈明", department=heart)
    await a_user(people, county, Role.SPECIALIST, name="刘洋")
    closed = await a_user(people, county, Role.SPECIALIST, name="周强", department=heart)
    await people.set_active(SYSTEM, closed.id, active=False)
    assert {found.name for found in await people.specialists(doctor, county)} == {"陈明", "刘洋"}
    [found] = await people.specialists(doctor, county, heart)
    assert (found.id, found.department_name, found.institution_name) == (chen.id, "心内科", "县医院")


async def test_a_login_is_unique_without_regard_to_case(people):
    await people.add_user(SYSTEM, UserFields("Chen.Ming", "陈明"))
    with pytest.raises(FieldsRefused) as refused:
        await people.add_user(SYSTEM, UserFields("chen.ming", "陈明"))
    assert "login" in refused.value.errors


async def test_an_administrator_gives_roles_only_at_home(people, doctor):
    admin = await a_user(people, doctor.institution, Role.ADMINISTRATOR)
    county = await an_institution(people, "县医院")
    await people.add_membership(admin, doctor.id, doctor.institution, Role.APPROVER)
    with pytest.raises(NotFound):
        await people.add_membership(admin, doctor.id, county, Role.SPECIALIST)
    with pytest.raises(NotAllowed):
        await people.add_membership(doctor, doctor.id, doctor.institution, Role.ADMINISTRATOR)


async def test_a_changed_name_shows_in_lists_at_once(people, doctor):
    admin = await a_user(people, doctor.institution, Role.ADMINISTRATOR)
    assert await people.name_of(doctor.id) == "李文博"
    changed = await people.change_user(admin, doctor.id, UserFields("ignored", "李文", "主任医师"))
    assert (changed.name, changed.title, await people.name_of(doctor.id)) == ("李文", "主任医师", "李文")
    stranger = await a_user(people, await an_institution(people, "县医院"), Role.ADMINISTRATOR)
    with pytest.raises(NotFound):
        await people.change_user(stranger, doctor.id, UserFields("x", "x"))


async def test_a_department_name_stands_once(people, doctor):
    await a_department(people, doctor.institution)
    with pytest.raises(Conflict):
        await a_department(people, doctor.institution)


async def test_names_of_users_and_institutions_come_together(people, doctor):
    names = await people.names([doctor.id, doctor.institution, "nobody"])
    assert names == {doctor.id: "李文博", doctor.institution: "柳林镇卫生院", "nobody": ""}
