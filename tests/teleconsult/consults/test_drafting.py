import asyncio
from dataclasses import replace

import pytest

from teleconsult.consults.fields import DraftFields
from teleconsult.consults.state import Move
from teleconsult.errors import FieldsRefused, NotFound, Stale, StepRefused
from tests.builders.people import a_department, a_patient


async def test_only_what_is_given_is_changed(site):
    draft = await site.draft(history="发热 3 天")
    saved = await site.consults.save_draft(site.doctor, draft.id, 1, DraftFields(question="是否需要穿刺？"))
    assert (saved.version, saved.question, saved.history) == (2, "是否需要穿刺？", "发热 3 天")


async def test_a_choice_is_taken_back_by_leaving_it_blank(site):
    draft = await site.draft(anticoagulants="yes", target_specialist_id=site.specialist.id)
    blank = DraftFields.model_validate({"anticoagulants": "", "target_specialist_id": ""})
    saved = await site.consults.save_draft(site.doctor, draft.id, 1, blank)
    assert (saved.anticoagulants, saved.target_specialist) == ("", None)


async def test_two_tabs_do_not_overwrite_each_other(site):
    draft = await site.draft()
    await site.consults.save_draft(site.doctor, draft.id, 1, DraftFields(question="甲"))
    with pytest.raises(Stale) as stale:
        await site.consults.save_draft(site.doctor, draft.id, 1, DraftFields(question="乙"))
    assert stale.value.current == 2


async def test_a_sent_request_is_not_rewritten(site):
    consult = await site.submitted()
    with pytest.raises(StepRefused) as refused:
        await site.consults.save_draft(site.doctor, consult.id, consult.version, DraftFields(question="x"))
    assert refused.value.code == "not_a_draft"


async def test_nobody_else_sees_or_saves_a_draft(site):
    draft = await site.draft()
    for actor in (site.colleague, site.approver, site.coordinator, site.specialist, site.village_coordinator):
        with pytest.raises(NotFound):
            await site.consults.save_draft(actor, draft.id, 1, DraftFields(question="x"))
        with pytest.raises(NotFound):
            await site.consults.view(actor, draft.id)


async def test_strangers_and_what_does_not_fit_together_are_refused_by_field(site):
    theirs = await a_patient(site.people, replace(site.doctor, institution=site.city), "外院患者")
    elsewhere = await a_department(site.people, site.city, "心内科")
    for field, value in (
        ("patient_id", "nobody"),
        ("patient_id", theirs.id),
        ("target_institution_id", "nowhere"),
        ("target_department_id", elsewhere),
        ("target_specialist_id", site.city_specialist.id),
        ("target_specialist_id", site.doctor.id),
        ("origin_id", "none"),
    ):
        with pytest.raises(FieldsRefused) as refused:
            await site.draft(**{field: value})
        assert set(refused.value.errors) == {field}


async def test_choosing_another_institution_takes_its_people_back(site):
    draft = await site.draft(target_specialist_id=site.specialist.id)
    saved = await site.consults.save_draft(site.doctor, draft.id, 1, DraftFields(target_institution_id=site.city))
    assert saved.target_specialist is None


async def test_numbers_are_unique_under_load(site):
    drafts = await asyncio.gather(*(site.draft() for _ in range(20)))
    assert sorted(int(draft.number[-4:]) for draft in drafts) == list(range(1, 21))


async def test_a_withdrawn_draft_is_gone_for_good_without_a_reason(site):
    consult = await site.make(site.doctor, await site.draft(), Move.WITHDRAW)
    assert consult.moves == ()
