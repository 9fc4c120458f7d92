import asyncio
import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from teleconsult.access.events import CredentialRevoked
from teleconsult.access.models import AccessToken, LoginSession
from teleconsult.access.passwords import Cost, Passwords
from teleconsult.access.service import HOST_SESSION_COOKIE, SESSION_COOKIE, Access
from teleconsult.actor import SYSTEM, ActorKind, Permission
from teleconsult.audit.models import AuditRow
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, NotIdentified, TooMany
from teleconsult.events import OutboxRow
from teleconsult.people.state import Role
from tests.builders.people import a_patient, a_user, an_actor, an_institution
from tests.teleconsult.access.conftest import PASSWORD

HERE = "192.0.2.7"


async def logged_in(access: Access, login: str = "wang"):
    return await access.log_in(login, PASSWORD, HERE, "Chrome")


async def by_cookie(access: Access, secret: str):
    return await access.identify("", {SESSION_COOKIE: secret}, HERE)


async def by_token(access: Access, token: str):
    return await access.identify(f"Bearer {token}", {}, HERE)


async def test_who_logs_in_is_known_by_the_cookie(access, doctor):
    session = await logged_in(access, " Wang ")
    actor = await by_cookie(access, session.secret)
    assert (actor.id, actor.institution, actor.roles) == (doctor.id, doctor.institution, {"requester"})
    assert (actor.address, actor.credential) == (HERE, session.id)
    assert actor.may(Permission.CONSULT_CREATE)
    assert await access.identify("", {HOST_SESSION_COOKIE: session.secret}, HERE) == actor


@pytest.mark.parametrize(
    ("login", "password"), [("wang", "wrong"), ("nobody", PASSWORD), ("", ""), ("wang", "x" * 9999)]
)
async def test_wrong_and_unknown_are_told_alike(access, doctor, login, password):
    with pytest.raises(NotIdentified) as refused:
        await access.log_in(login, password, HERE, "")
    assert (refused.value.code, str(refused.value)) == ("wrong_login", "The login name or the password is wrong.")


async def test_an_unknown_login_takes_as_long_as_a_wrong_password(database, people, doctor):
    access = Access(database, people, Passwords(Cost(memory_kib=8192, passes=4)))
    await access.set_password(SYSTEM, doctor.id, PASSWORD)

    async def middle_of(login: str) -> float:
        taken = []
        for number in range(5):
            start = time.perf_counter()
            with pytest.raises(NotIdentified):
                await access.log_in(login, "wrong password", f"192.0.2.{number}", "")
            taken.append(time.perf_counter() - start)
        return sorted(taken)[2]

    known, unknown = await middle_of("wang"), await middle_of("nobody")
    assert 0.4 < unknown / known < 2.5


async def test_every_login_makes_a_new_session(access, doctor):
    first = await logged_in(access)
    second = await logged_in(access)
    assert first.secret != second.secret
    assert first.id != second.id


async def test_a_secret_chosen_by_the_browser_is_worth_nothing(access, doctor):
    planted = "a" * 43
    await logged_in(access)
    assert await by_cookie(access, planted) is None


async def test_secrets_are_not_in_the_database_file(access, doctor, database, tmp_path):
    session = await logged_in(access)
    token = await access.make_token(doctor, doctor.id, "script")
    await database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in (session.secret, token, PASSWORD):
        assert secret.encode() not in stored


async def test_with_an_authorization_header_cookies_do_not_count(access, doctor):
    session = await logged_in(access)
    for header in ("Bearer tc_wrong", "Basic dXNlcjpwdw==", "Bearer", "nonsense"):
        assert await access.identify(header, {SESSION_COOKIE: session.secret}, HERE) is None


async def test_a_session_without_use_ends_after_half_an_hour(access, doctor, clock):
    session = await logged_in(access)
    for _ in range(3):
        clock.turn(minutes=29)
        assert await by_cookie(access, session.secret)
    clock.turn(minutes=31)
    assert await by_cookie(access, session.secret) is None


async def test_a_busy_session_ends_after_twelve_hours(access, doctor, clock):
    session = await logged_in(access)
    for _ in range(12 * 3 - 1):
        clock.turn(minutes=20)
        assert await by_cookie(access, session.secret)
    clock.turn(minutes=20)
    assert await by_cookie(access, session.secret) is None


async def test_logging_out_counts_at_once(access, doctor):
    session = await logged_in(access)
    actor = await by_cookie(access, session.secret)
    await access.log_out(actor)
    assert await by_cookie(access, session.secret) is None


async def test_a_revoked_token_is_refused_at_once_and_told_to_all(access, doctor, database):
    token = await access.make_token(doctor, doctor.id, "script")
    actor = await by_token(access, token)
    await access.revoke(actor, actor.credential)
    assert await by_token(access, token) is None
    async with database.read() as session:
        told = list(await session.scalars(select(OutboxRow).where(OutboxRow.kind == CredentialRevoked.__name__)))
    assert len(told) == 1
    assert actor.credential in told[0].body


async def test_a_closed_account_is_out_at_once(access, people, doctor):
    session, token = await logged_in(access), await access.make_token(doctor, doctor.id, "script")
    assert await by_cookie(access, session.secret)
    assert await by_token(access, token)
    await people.set_active(SYSTEM, doctor.id, active=False)
    assert await by_cookie(access, session.secret) is None
    assert await by_token(access, token) is None
    with pytest.raises(NotIdentified):
        await logged_in(access)


async def test_a_role_taken_away_counts_no_more(access, people, doctor):
    session = await logged_in(access)
    await people.add_membership(SYSTEM, doctor.id, doctor.institution, Role.COORDINATOR)
    assert (await by_cookie(access, session.secret)).may(Permission.CONSULT_COORDINATE)
    await people.end_membership(SYSTEM, doctor.id, doctor.institution, Role.COORDINATOR)
    assert not (await by_cookie(access, session.secret)).may(Permission.CONSULT_COORDINATE)
    await people.end_membership(SYSTEM, doctor.id, doctor.institution, Role.REQUESTER)
    assert await by_cookie(access, session.secret) is None


async def test_what_ends_while_it_is_asked_for_is_not_remembered(access, doctor):
    session = await logged_in(access)
    for _ in range(20):
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(by_cookie(access, session.secret))
            access.identity.forget_credential(session.id)
        assert asking.result()
    actor = await by_cookie(access, session.secret)
    async with asyncio.TaskGroup() as group:
        group.create_task(access.log_out(actor))
        for _ in range(10):
            group.create_task(by_cookie(access, session.secret))
    assert await by_cookie(access, session.secret) is None


async def test_eight_wrong_tries_close_the_door_before_any_hashing(access, doctor, clock):
    for _ in range(8):
        with pytest.raises(NotIdentified):
            await access.log_in("wang", "wrong", HERE, "")
    with pytest.raises(TooMany) as refused:
        await logged_in(access)
    assert refused.value.retry_after <= timedelta(minutes=2)
    clock.turn(minutes=2)
    assert await logged_in(access)


async def test_guessing_from_one_address_over_many_logins_is_slowed(access, doctor):
    for number in range(60):
        with pytest.raises(NotIdentified):
            await access.log_in(f"user{number}", "wrong", HERE, "")
    with pytest.raises(TooMany):
        await access.log_in("user60", "wrong", HERE, "")


async def test_failed_tries_are_in_the_audit_without_what_was_typed(access, doctor, database):
    for login in ("wang", "my password by mistake"):
        with pytest.raises(NotIdentified):
            await access.log_in(login, "wrong", HERE, "")
    async with database.read() as session:
        rows = list(await session.scalars(select(AuditRow).where(AuditRow.action == "session.refuse")))
    assert [row.subject for row in rows] == [f"user/{doctor.id}", "user/unknown"]
    assert "mistake" not in "".join(row.subject + row.detail + row.actor_name for row in rows)


async def test_nobody_without_a_role_gets_in(access, people, doctor):
    await people.end_membership(SYSTEM, doctor.id, doctor.institution, Role.REQUESTER)
    with pytest.raises(NotAllowed):
        await logged_in(access)


async def test_who_works_at_two_institutions_acts_for_one_and_may_switch(access, people, doctor):
    county = await an_institution(people, "县医院")
    await people.add_membership(SYSTEM, doctor.id, county, Role.SPECIALIST)
    session = await logged_in(access)
    actor = await by_cookie(access, session.secret)
    other = county if actor.institution != county else doctor.institution
    await access.switch_institution(actor, other)
    moved = await by_cookie(access, session.secret)
    assert moved.institution == other
    assert moved.roles != actor.roles
    third = await an_institution(people, "省医院")
    with pytest.raises(NotFound):
        await access.switch_institution(moved, third)
    assert (await by_cookie(access, (await logged_in(access)).secret)).institution == other


async def test_a_new_password_ends_the_other_sessions(access, doctor):
    other, this = await logged_in(access), await logged_in(access)
    actor = await by_cookie(access, this.secret)
    with pytest.raises(FieldsRefused) as refused:
        await access.set_password(actor, actor.id, "nine blue lanterns", old="wrong")
    assert "old_password" in refused.value.errors
    await access.set_password(actor, actor.id, "nine blue lanterns", old=PASSWORD)
    assert await by_cookie(access, other.secret) is None
    assert await by_cookie(access, this.secret)
    assert await access.log_in("wang", "nine blue lanterns", HERE, "")


async def test_a_password_is_set_by_oneself_or_ones_own_administrator_only(access, people, doctor):
    home = await a_user(people, doctor.institution, Role.ADMINISTRATOR)
    stranger = await a_user(people, await an_institution(people, "县医院"), Role.ADMINISTRATOR)
    colleague = await a_user(people, doctor.institution, Role.REQUESTER)
    await access.set_password(home, doctor.id, "nine blue lanterns")
    for actor in (stranger, colleague):
        with pytest.raises(NotFound):
            await access.set_password(actor, doctor.id, "ten blue lanterns")


async def test_the_password_is_asked_again_and_guessing_is_slowed(access, doctor):
    await access.check_password(doctor, PASSWORD)
    for _ in range(8):
        with pytest.raises(FieldsRefused):
            await access.check_password(doctor, "wrong")
    with pytest.raises(TooMany):
        await access.check_password(doctor, PASSWORD)


async def test_sessions_are_listed_and_another_one_is_ended(access, doctor):
    other, this = await logged_in(access), await logged_in(access)
    actor = await by_cookie(access, this.secret)
    listed = {session.id: session.is_this for session in await access.sessions(actor)}
    assert listed == {other.id: False, this.id: True}
    await access.revoke(actor, other.id)
    assert await by_cookie(access, other.secret) is None
    assert [session.id for session in await access.sessions(actor)] == [this.id]


async def test_nobody_ends_a_strangers_session(access, people, doctor):
    session = await logged_in(access)
    colleague = await a_user(people, doctor.institution, Role.REQUESTER)
    foreign_admin = await a_user(people, await an_institution(people, "县医院"), Role.ADMINISTRATOR)
    for actor in (colleague, foreign_admin):
        with pytest.raises(NotFound):
            await access.revoke(actor, session.id)
    await access.revoke(await a_user(people, doctor.institution, Role.ADMINISTRATOR), session.id)
    assert await by_cookie(access, session.secret) is None


async def test_at_most_twenty_sessions_of_a_person_are_open(access, doctor, clock):
    first = await logged_in(access)
    for _ in range(21):
        clock.turn(seconds=20)
        await logged_in(access)
    assert await by_cookie(access, first.secret) is None


async def test_a_patients_token_is_bound_to_the_patient(access, people, doctor):
    patient = await a_patient(people, doctor)
    actor = await by_token(access, await access.make_patient_token(SYSTEM, patient.id, "link"))
    assert (actor.kind, actor.patient, actor.institution) == (ActorKind.PATIENT, patient.id, doctor.institution)
    assert not actor.may(Permission.CONSULT_CREATE)
    with pytest.raises(NotAllowed):
        await access.make_patient_token(doctor, patient.id, "link")


async def test_a_stations_token_stores_for_its_institution(access, doctor):
    actor = await by_token(access, await access.make_station_token(SYSTEM, doctor.institution, "CT 1"))
    assert (actor.kind, actor.institution, actor.name) == (ActorKind.STATION, doctor.institution, "CT 1")
    assert actor.may(Permission.FILM_STORE)
    admin = an_actor(Role.ADMINISTRATOR, institution="elsewhere")
    with pytest.raises(NotFound):
        await access.make_station_token(admin, doctor.institution, "CT 2")


async def test_nobody_makes_a_token_for_another(access, people, doctor):
    admin = await a_user(people, doctor.institution, Role.ADMINISTRATOR)
    with pytest.raises(NotFound):
        await access.make_token(admin, doctor.id, "script")


async def test_a_token_with_an_end_ends(access, doctor, clock, database):
    token = await access.make_token(doctor, doctor.id, "script")
    async with database.write(SYSTEM) as work:
        row = (await work.session.scalars(select(AccessToken))).one()
        row.ends_at = work.at + timedelta(hours=1)
    assert await by_token(access, token)
    clock.turn(hours=1)
    assert await by_token(access, token) is None


async def test_use_is_noted_once_a_minute(access, doctor, clock, database):
    session = await logged_in(access)
    for _ in range(30):
        clock.turn(seconds=6)
        await by_cookie(access, session.secret)
    async with database.read() as read:
        row = await read.get(LoginSession, session.id)
    assert clock.now() - row.used_at < timedelta(minutes=1)


@pytest.mark.parametrize("secret", ["", "x", "\0" * 43, "é" * 43, "x" * 10_000, "' OR 1=1 --" * 4])
async def test_hostile_secrets_are_strangers(access, secret):
    assert await by_cookie(access, secret) is None
    assert await by_token(access, secret) is None
    assert await by_token(access, "tc_" + secret) is None
