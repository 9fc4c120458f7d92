import pytest

from teleconsult.consults.fields import DraftFields
from teleconsult.people.views import PatientFields
from tests.builders.browsing import browsed
from tests.builders.people import an_id_number


@pytest.fixture
async def site(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client) as made:
        yield made


async def _draft(site) -> str:
    house = site.house
    fields = DraftFields(patient_id=house.patient.id, question="右肺结节的性质？", target_institution_id=house.hospital)
    return (await house.consults.draft(house.requester, fields)).id


async def test_a_request_begins_with_a_new_patient(site):
    doctor = await site.browser(site.house.requester)
    page = await doctor.get("/consults/new")
    page = await doctor.submit(page, "/consults/new", name="马玉珍", sex="female", birth_date="1955-02-01")
    assert page.path.endswith("/edit/question")
    assert "马玉珍" in page.text


async def test_a_double_submit_begins_one_request(site):
    doctor = await site.browser(site.house.requester)
    page = await doctor.get("/consults/new")
    paths = {
        (await doctor.submit(page, "/consults/new", name="马玉珍", sex="female", birth_date="1955-02-01")).path
        for _ in range(2)
    }
    assert len(paths) == 1


async def test_who_begins_again_for_the_same_patient_goes_on_with_the_untouched_draft(site):
    doctor = await site.browser(site.house.requester)
    begin = {"patient_id": site.house.patient.id}
    page = await doctor.get("/consults/new")
    csrf = {"csrf": page.form("/consults/new").fields[0][1]}
    first, again = [(await doctor.post("/consults/new", csrf | begin)).path for _ in range(2)]
    assert first == again
    page = await doctor.get(first)
    await doctor.submit(page, first, question="能否穿刺？", go="stay")
    assert (await doctor.post("/consults/new", csrf | begin)).path != first, (
        "a draft with words in it is another request"
    )


async def test_a_known_identity_number_offers_who_is_there(site):
    number = an_id_number()
    there = await site.house.people.add_patient(site.house.requester, PatientFields("马玉珍", id_number=number))
    doctor = await site.browser(site.house.requester)
    page = await doctor.get("/consults/new")
    page = await doctor.submit(page, "/consults/new", name="马玉珍", id_number=number)
    assert page.status == 409
    page = await doctor.submit(page, "/consults/new")
    assert page.path.endswith("/edit/question")
    found = await site.house.consults.view(site.house.requester, page.path.split("/")[2])
    assert found.patient is not None
    assert found.patient.id == there.id


async def test_any_step_is_saved_incomplete_and_emptied_again(site):
    consult, doctor = await _draft(site), await site.browser(site.house.requester)
    path = f"/consults/{consult}/edit/question"
    page = await doctor.submit(await doctor.get(path), path, history="咳嗽两周", go="stay")
    assert page.path == f"{path}?done=saved"
    page = await doctor.submit(page, path, history="", go="stay")
    assert (await site.house.consults.view(site.house.requester, consult)).history == ""


async def test_the_same_form_sent_twice_is_no_conflict_and_a_second_tab_keeps_its_text(site):
    consult, doctor = await _draft(site), await site.browser(site.house.requester)
    path = f"/consults/{consult}/edit/question"
    first, second = await doctor.get(path), await doctor.get(path)
    for _ in range(2):
        assert (await doctor.submit(first, path, history="第一个标签页", go="stay")).status == 200
    page = await doctor.submit(second, path, history="第二个标签页", go="stay")
    assert (page.status, dict(page.form(path).fields)["history"]) == (409, "第二个标签页")
    assert "第一个标签页" in page.text
    assert (await doctor.submit(page, path, go="stay")).status == 200
    assert (await site.house.consults.view(site.house.requester, consult)).history == "第二个标签页"


async def test_submitting_without_consent_or_reason_names_both(site):
    consult, doctor = await _draft(site), await site.browser(site.house.requester)
    path = f"/consults/{consult}/edit/consent"
    page = await doctor.submit(await doctor.get(path), path, go="submit")
    assert page.status == 422
    assert {"#consent_how", "#incomplete_reason"} <= set(page.links)


async def test_a_named_specialist_brings_institution_and_department(site):
    consult, doctor, house = await _draft(site), await site.browser(site.house.requester), site.house
    path = f"/consults/{consult}/edit/whom"
    page = await doctor.submit(
        await doctor.get(path), path, target_institution_id="", target_specialist_id=house.specialist.id, go="next"
    )
    assert page.path.endswith("/edit/consent")
    found = await house.consults.view(house.requester, consult)
    assert found.target_institution is not None
    assert found.target_department is not None


async def test_a_sent_request_is_shown_as_a_case(site):
    consult, doctor = await site.house.accepted(), await site.browser(site.house.requester)
    assert (await doctor.get(f"/consults/{consult}/edit/question")).path == f"/consults/{consult}"
    assert (await doctor.get(f"/consults/{await _draft(site)}")).path.endswith("/edit/patient")


async def test_a_draft_is_thrown_away(site):
    consult, doctor = await _draft(site), await site.browser(site.house.requester)
    page = await doctor.get(f"/consults/{consult}/edit/consent")
    page = await doctor.submit(page, f"/consults/{consult}/moves/withdraw")
    assert page.path == "/worklist?done=moved"


@pytest.mark.parametrize(("text", "status"), [("x" * 8001, 422), ("a\x00b", 400)])
async def test_hostile_text_is_refused_and_nothing_is_kept(site, text, status):
    consult, doctor = await _draft(site), await site.browser(site.house.requester)
    path = f"/consults/{consult}/edit/question"
    page = await doctor.submit(await doctor.get(path), path, history=text)
    assert page.status == status
    assert (await site.house.consults.view(site.house.requester, consult)).history == ""


async def test_script_in_a_text_is_shown_as_text(site):
    consult, doctor = await _draft(site), await site.browser(site.house.requester)
    path = f"/consults/{consult}/edit/question"
    page = await doctor.submit(await doctor.get(path), path, question="<script>alert(1)</script>", go="stay")
    assert "<script>alert(1)</script>" not in page.html
