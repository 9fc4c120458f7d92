"""A patient's way in: the link opens nothing, a code opens it for one patient, every refusal says what to do."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from teleconsult.access.codes import WrongCode
from teleconsult.access.links import Links
from teleconsult.access.models import LinkCode, PatientLink
from teleconsult.access.ports import CodeToSend
from teleconsult.access.rules import LinkState, masked, normal_code
from teleconsult.actor import ActorKind
from teleconsult.errors import NotFound, Refused, TooMany
from tests.builders.database import a_vault
from tests.builders.people import a_patient


class Pocket:
    """A telephone: keeps what was sent to it."""

    by_staff = False

    def __init__(self) -> None:
        self.got: list[CodeToSend] = []

    async def send_code(self, given: CodeToSend) -> None:
        self.got.append(given)

    @property
    def code(self) -> str:
        return self.got[-1].code


@pytest.fixture
def phone():
    return Pocket()


@pytest.fixture
def links(database, access, phone):
    return Links(database, a_vault(), access.identity, phone)


@pytest.fixture
async def patient(people, doctor):
    return await a_patient(people, doctor, "孙桂芬", phone="13800138812")


@pytest.fixture
async def token(links, database, doctor, patient):
    return await made(links, database, doctor, patient.id)


async def made(links, database, doctor, patient, subject="visit"):
    async with database.write(doctor) as work:
        return await links.make(work, subject, patient, work.at, "/consults/1")


async def test_link_and_code_open_a_session_for_that_patient_only(links, access, phone, token, patient):
    await links.send_code(token, "192.0.2.1")
    assert phone.got[0].phone == "13800138812"
    session = await links.enter(token, phone.code, "192.0.2.1")
    actor = await access.identify("", {"teleconsult_session": session.secret}, "192.0.2.1")
    assert (actor.kind, actor.patient, session.subject) == (ActorKind.PATIENT, patient.id, "visit")


async def test_the_link_alone_tells_no_name(links, token):
    view = await links.look(token)
    assert (view.masked_name, view.phone_last4, view.state) == ("孙*芬", "8812", LinkState.FRESH)
    assert "桂" not in repr(view)


async def test_neither_link_nor_code_stands_in_the_database(links, database, phone, token):
    await links.send_code(token, "")
    async with database.read() as session:
        link = (await session.scalars(select(PatientLink))).one()
        code = (await session.scalars(select(LinkCode))).one()
    assert token not in repr(vars(link))
    assert phone.code not in repr(vars(code))
    assert b"138" not in code.phone_key


@pytest.mark.parametrize("token", ["", "x", "A" * 22, "A" * 500, "../../etc", "' OR 1=1 --------------"])
async def test_a_link_that_is_none_says_what_to_do(links, token):
    for step in (links.look(token), links.send_code(token, ""), links.enter(token, "123456", "")):
        with pytest.raises(NotFound, match="open it once more"):
            await step


async def test_a_wrong_code_counts_and_the_fifth_spends_it(links, phone, token):
    await links.send_code(token, "")
    wrong = "000000" if phone.code != "000000" else "111111"
    left = []
    for _ in range(4):
        with pytest.raises(WrongCode) as refusal:
            await links.enter(token, wrong, "")
        left.append(refusal.value.told["tries_left"])
    assert left == [4, 3, 2, 1]
    for code in (wrong, phone.code):
        with pytest.raises(Refused) as refusal:
            await links.enter(token, code, "")
        assert refusal.value.code == "code_spent"


async def test_a_code_is_too_old_after_ten_minutes(links, clock, phone, token):
    await links.send_code(token, "")
    clock.turn(minutes=10)
    with pytest.raises(Refused, match="new one"):
        await links.enter(token, phone.code, "")


async def test_a_code_opens_once(links, phone, token):
    await links.send_code(token, "")
    await links.enter(token, phone.code, "")
    with pytest.raises(Refused, match="new one"):
        await links.enter(token, phone.code, "")


async def test_only_the_newest_code_counts(links, clock, phone, token):
    await links.send_code(token, "")
    first = phone.code
    clock.turn(seconds=31)
    await links.send_code(token, "")
    if first != phone.code:
        with pytest.raises(WrongCode):
            await links.enter(token, first, "")
    await links.enter(token, phone.code, "")


async def test_a_code_of_one_link_does_not_open_another(links, database, doctor, patient, phone, token):
    other = await made(links, database, doctor, patient.id, "another visit")
    await links.send_code(token, "")
    with pytest.raises(Refused):
        await links.enter(other, phone.code, "")


async def test_an_old_link_renews_itself_by_a_code(links, clock, phone, token):
    clock.turn(days=5)
    assert (await links.look(token)).state is LinkState.OLD
    await links.send_code(token, "")
    await links.enter(token, phone.code, "")
    assert (await links.look(token)).state is LinkState.FRESH


async def test_a_link_that_was_taken_back_opens_nothing_and_ends_its_sessions(
    links, database, doctor, access, phone, token
):
    await links.send_code(token, "")
    session = await links.enter(token, phone.code, "")
    cookies = {"teleconsult_session": session.secret}
    assert await access.identify("", cookies, "") is not None
    async with database.write(doctor) as work:
        await links.end(work, "visit")
    assert await access.identify("", cookies, "") is None
    with pytest.raises(Refused, match="call your clinic"):
        await links.send_code(token, "")


async def test_after_a_year_the_clinic_must_send_a_new_one(links, clock, token):
    clock.turn(days=367)
    assert (await links.look(token)).state is LinkState.ENDED


async def test_a_telephone_is_not_rung_all_night(links, clock, database, doctor, patient, token):
    other = await made(links, database, doctor, patient.id, "another visit")
    await links.send_code(token, "192.0.2.1")
    with pytest.raises(TooMany):
        await links.send_code(token, "192.0.2.2")
    sent = 1
    for number in range(12):
        clock.turn(seconds=40)
        try:
            await links.send_code(token if number % 2 else other, f"192.0.2.{number}")
            sent += 1
        except TooMany as refusal:
            assert refusal.retry_after > timedelta(minutes=30)
    assert sent == 6


async def test_one_address_cannot_send_or_try_without_end(links, token):
    for _ in range(40):
        with pytest.raises(Refused, match="new one"):
            await links.enter(token, "1", "192.0.2.9")
    with pytest.raises(TooMany):
        await links.enter(token, "1", "192.0.2.9")


async def test_without_a_telephone_the_patient_is_told_whom_to_call(links, database, doctor, people, phone):
    bare = await a_patient(people, doctor, "王二")
    token = await made(links, database, doctor, bare.id)
    with pytest.raises(Refused, match="no telephone number"):
        await links.send_code(token, "")
    phone.by_staff = True
    assert (await links.send_code(token, "")).told_by_staff


async def test_a_programs_token_is_no_cookie(access, doctor):
    secret = await access.make_token(doctor, doctor.id, "script")
    assert await access.identify("", {"teleconsult_session": secret}, "") is None


async def test_a_patients_session_ends_after_half_a_day(links, clock, access, phone, token):
    await links.send_code(token, "")
    session = await links.enter(token, phone.code, "")
    clock.turn(hours=12)
    assert await access.identify("", {"teleconsult_session": session.secret}, "") is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("孙桂芬", "孙*芬"),
        ("高田", "高*"),
        ("阿卜杜拉", "阿**拉"),
        ("Anna Smith", "A*** S***"),
        ("", ""),
        ("王", "王*"),
    ],
)
def test_names_are_masked(name, shown):
    assert masked(name) == shown


@given(st.text(max_size=40))
def test_typed_codes_never_grow(text):
    assert len(normal_code(text)) <= 12


def test_full_width_digits_and_blanks_are_no_mistake():
    assert normal_code(" １２３ ４５６ ") == "123456"
