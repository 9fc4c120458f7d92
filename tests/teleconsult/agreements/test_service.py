from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from teleconsult.actor import SYSTEM
from teleconsult.agreements.models import Consent
from teleconsult.agreements.service import AgreementFields, ConsentFields
from teleconsult.agreements.state import Consenter, ConsentHow, ConsentPurpose, Language
from teleconsult.agreements.texts import SHIPPED
from teleconsult.errors import FieldsRefused, NotFound
from tests.builders.consults import a_site


@pytest.fixture
async def site(tmp_path: Path):
    async with a_site(tmp_path) as made:
        yield made


async def partners(site, at=None) -> set[str]:
    async with site.database.read() as session:
        found = await site.agreements.in_force(session, site.village, None, at or site.clock.now())
    return {it.invited_id for it in found}


async def test_an_agreement_holds_from_its_first_day_to_its_last(site):
    await site.agreements.add_agreement(
        SYSTEM, AgreementFields(site.village, site.city, "短期", date(2026, 11, 21), date(2026, 11, 22))
    )
    assert await partners(site) == {site.county}
    site.clock.turn(hours=12)  # midnight in China: the first day begins there, not in UTC
    assert await partners(site) == {site.county, site.city}
    site.clock.turn(hours=48)
    assert await partners(site) == {site.county}


async def test_a_kind_may_have_its_own_fee(site):
    await site.agreements.add_agreement(
        SYSTEM,
        AgreementFields(site.village, site.city, "协议", date(2026, 1, 1), fee_fen=3000, fees_fen=(("mdt", 20000),)),
    )
    async with site.database.read() as session:
        (agreement,) = await site.agreements.in_force(session, site.village, site.city, site.clock.now())
        assert await site.agreements.fee_fen(session, agreement, "mdt") == 20000
        assert await site.agreements.fee_fen(session, agreement, "ecg") == 3000


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("invited_id", {"invited": "village"}),
        ("ends_on", {"ends_on": date(2025, 1, 1)}),
        ("title", {"title": " "}),
        ("fee_fen", {"fee_fen": -1}),
        ("inviting_id", {"inviting": "nowhere"}),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(site, field, changes):
    whole = {"inviting": site.village, "invited": site.city, "title": "x", "starts_on": date(2026, 1, 1)}
    whole |= {name: site.village if value == "village" else value for name, value in changes.items()}
    with pytest.raises(FieldsRefused) as refused:
        await site.agreements.add_agreement(SYSTEM, AgreementFields(**whole))
    assert set(refused.value.errors) == {field}


async def test_only_the_two_sides_see_an_agreement(site):
    assert len(await site.agreements.agreements_of(site.doctor)) == 1
    assert len(await site.agreements.agreements_of(site.coordinator)) == 2
    assert len(await site.agreements.agreements_of(site.city_coordinator)) == 1


def test_the_shipped_texts_are_there_in_every_language():
    assert set(SHIPPED) == {(purpose, language) for purpose in ConsentPurpose for language in Language}


async def test_a_new_text_is_the_next_version_for_this_institution_only(site):
    body = "我同意本次远程会诊，并已了解其目的、过程、费用和局限。"
    assert (
        await site.agreements.add_consent_text(site.administrator, ConsentPurpose.CONSULT, Language.CHINESE, body) == 2
    )
    ours = await site.agreements.current_text(site.village, ConsentPurpose.CONSULT, Language.CHINESE)
    theirs = await site.agreements.current_text(site.county, ConsentPurpose.CONSULT, Language.CHINESE)
    assert (ours.version, ours.body, theirs.version) == (2, body, 1)
    with pytest.raises(FieldsRefused):
        await site.agreements.add_consent_text(site.administrator, ConsentPurpose.CONSULT, Language.CHINESE, "好")


async def test_a_consent_says_who_when_how_and_to_which_text(site):
    fields = ConsentFields(ConsentHow.SCREEN, Consenter.GUARDIAN, "周小梅")
    async with site.database.write(site.doctor) as work:
        await site.agreements.record_consent(work, "c1", site.patient, site.village, fields)
    async with site.database.read() as session:
        consent = await site.agreements.consent_of(session, "c1")
        assert await site.agreements.consent_of(session, "c1", ConsentPurpose.SHARING) is None
        name = await session.scalar(select(Consent.name))
    assert (consent.how, consent.consenter, consent.name) == ("screen", "guardian", "周小梅")
    assert (consent.text_version, consent.given_at, consent.recorded_by) == (1, site.clock.now(), site.doctor.id)
    assert "周小梅".encode() not in name


async def test_a_withdrawn_consent_is_none(site):
    async with site.database.write(site.doctor) as work:
        await site.agreements.record_consent(work, "c1", site.patient, site.village, ConsentFields(ConsentHow.PAPER))
    async with site.database.write(site.doctor) as work:
        await site.agreements.withdraw_consent(work, "c1")
        assert await site.agreements.consent_of(work.session, "c1") is None
        with pytest.raises(NotFound):
            await site.agreements.withdraw_consent(work, "c1")
