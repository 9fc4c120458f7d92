import pytest

from teleconsult.people.views import PatientFields
from tests.builders.browsing import browsed
from tests.builders.people import an_id_number


@pytest.fixture
async def site(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client) as made:
        yield made


async def test_a_patient_is_entered_found_and_changed(site):
    doctor = await site.browser(site.house.requester)
    page = await doctor.get("/patients/new")
    page = await doctor.submit(page, "/patients/new", name="马玉珍", id_number=an_id_number(), allergies_known="none")
    assert page.path.endswith("?done=saved")
    where = page.path.split("?")[0]
    assert where in (await doctor.get("/patients?q=马玉珍")).links
    page = await doctor.get(f"{where}/edit")
    page = await doctor.submit(page, f"{where}/edit", allergies_known="yes", allergies="青霉素")
    assert "青霉素" in page.text


async def test_what_was_typed_stays_when_a_field_is_wrong(site):
    doctor = await site.browser(site.house.requester)
    page = await doctor.get("/patients/new")
    page = await doctor.submit(page, "/patients/new", name="马玉珍", id_number="123", phone="13800000000")
    kept = dict(page.form("/patients/new").fields)
    assert (page.status, kept["name"], kept["phone"]) == (422, "马玉珍", "13800000000")
    assert "#id_number" in page.links


async def test_the_same_identity_number_leads_to_who_is_there(site):
    number = an_id_number()
    there = await site.house.people.add_patient(site.house.requester, PatientFields("马玉珍", id_number=number))
    doctor = await site.browser(site.house.requester)
    page = await doctor.get("/patients/new")
    page = await doctor.submit(page, "/patients/new", name="马玉贞", id_number=number)
    assert (page.status, f"/patients/{there.id}" in page.links) == (409, True)


async def test_a_second_tab_loses_no_text(site):
    doctor = await site.browser(site.house.requester)
    where = f"/patients/{site.house.patient.id}/edit"
    first, second = await doctor.get(where), await doctor.get(where)
    await doctor.submit(first, where, record_number="A-1")
    page = await doctor.submit(second, where, record_number="B-2")
    assert (page.status, dict(page.form(where).fields)["record_number"]) == (409, "B-2")
    assert "A-1" in page.text
    assert (await doctor.submit(page, where)).status == 200


async def test_another_institutions_patient_is_not_there(site):
    outsider = await site.browser(site.house.outsider)
    for path in ("", "/edit"):
        page = await outsider.get(f"/patients/{site.house.patient.id}{path}")
        assert (page.status, site.house.patient.name in page.text) == (404, False)


async def test_a_specialist_does_not_search_patients(site):
    specialist = await site.browser(site.house.specialist)
    assert (await specialist.get("/patients")).status == 403
