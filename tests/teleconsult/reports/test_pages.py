import pytest

from teleconsult.consults.state import Move
from tests.builders.browsing import browsed
from tests.builders.cases import OPINION, PASSWORD


@pytest.fixture
async def site(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client) as made:
        yield made


async def _reporting(site) -> str:
    consult = await site.house.accepted()
    await site.house.move(site.house.specialist, consult, Move.BEGIN_REPORT)
    return consult


async def test_an_opinion_is_saved_without_a_script(site):
    consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
    path = f"/consults/{consult}/report"
    page = await specialist.submit(await specialist.get(path), path, **OPINION, finding="positive", go="save")
    assert page.path == f"{path}?done=saved"
    assert dict(page.form(path).fields)["findings"] == OPINION["findings"]


async def test_a_wrong_password_signs_nothing_and_loses_nothing(site):
    consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
    path = f"/consults/{consult}/report"
    page = await specialist.submit(await specialist.get(path), path, **OPINION, password="wrong", go="sign")
    assert (page.status, "password-error" in page.ids) == (422, True)
    assert dict(page.form(path).fields)["opinion"] == OPINION["opinion"]
    assert "wrong" not in [text for _, text in page.form(path).fields]


async def test_an_empty_opinion_is_not_signed(site):
    consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
    path = f"/consults/{consult}/report"
    page = await specialist.submit(await specialist.get(path), path, findings="", password=PASSWORD, go="sign")
    assert (page.status, {"#findings", "#opinion"} <= set(page.links)) == (422, True)


async def test_signing_twice_signs_once(site):
    consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
    path = f"/consults/{consult}/report"
    page = await specialist.get(path)
    for _ in range(2):
        signed = await specialist.submit(page, path, **OPINION, password=PASSWORD, go="sign")
        assert signed.path == f"/consults/{consult}?done=signed"
    assert len(await site.house.reports.signed(site.house.specialist, consult)) == 1


async def test_a_second_tab_keeps_its_text(site):
    consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
    path = f"/consults/{consult}/report"
    first, second = await specialist.get(path), await specialist.get(path)
    await specialist.submit(first, path, **OPINION, go="save")
    page = await specialist.submit(second, path, findings="另一个标签页", go="save")
    assert (page.status, dict(page.form(path).fields)["findings"]) == (409, "另一个标签页")
    assert str(OPINION["findings"]) in page.text


async def test_an_amendment_asks_why_and_becomes_a_second_version(site):
    consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
    path = f"/consults/{consult}/report"
    await specialist.submit(await specialist.get(path), path, **OPINION, password=PASSWORD, go="sign")
    page = await specialist.get(f"{path}?amend=yes")
    assert str(OPINION["findings"]) in page.text
    refused = await specialist.submit(page, path, reason="", go="begin_amend")
    assert (refused.status, "#reason" in refused.links) == (422, True)
    page = await specialist.submit(refused, path, reason="补充测量", go="begin_amend")
    page = await specialist.submit(page, path, opinion="右肺上叶癌。", password=PASSWORD, go="sign")
    assert page.path == f"/consults/{consult}?done=signed"
    assert [one.version for one in await site.house.reports.signed(site.house.specialist, consult)] == [1, 2]


async def test_a_colleague_reads_who_is_writing(site):
    consult = await _reporting(site)
    await site.house.reports.take_lock(site.house.specialist, consult)
    coordinator = await site.browser(site.house.coordinator)
    page = await coordinator.get(f"/consults/{consult}/report")
    assert page.path == f"/consults/{consult}"


async def test_the_requester_sees_no_draft(site):
    consult = await _reporting(site)
    await site.house.reports.save_draft(site.house.specialist, consult, None, dict(OPINION))
    doctor = await site.browser(site.house.requester)
    for path in ("", "/report"):
        page = await doctor.get(f"/consults/{consult}{path}")
        assert (page.status, str(OPINION["opinion"]) in page.html) == (200, False)


async def test_anybody_may_check_a_file_or_a_code(site):
    consult = await _reporting(site)
    await site.house.reports.save_draft(site.house.specialist, consult, None, dict(OPINION))
    report = await site.house.reports.sign(site.house.specialist, consult, None, PASSWORD)
    stranger = site.stranger()
    page = await stranger.get(f"/verify?code={report.code.lower()}")
    assert (page.status, report.code in page.text, site.house.patient.name in page.html) == (200, True, False)
    assert (await stranger.get("/verify?code=AAAA")).status == 404
    assert (await stranger.get("/verify/AAAA")).status == 404
    assert (await stranger.post("/verify", {"file": "x"})).status in (400, 422)


async def test_a_second_person_reviews_where_the_institution_asks(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client, needs_audit=True) as site:
        consult, specialist = await _reporting(site), await site.browser(site.house.specialist)
        path = f"/consults/{consult}/report"
        page = await specialist.submit(await specialist.get(path), path, **OPINION, go="audit")
        assert page.path == f"/consults/{consult}?done=moved"
        auditor = await site.browser(site.house.auditor)
        page = await auditor.get(path)
        assert str(OPINION["findings"]) in page.text
        page = await auditor.submit(page, path, reason="请写明大小", go="reject")
        page = await specialist.submit(await specialist.get(path), path, opinion="22 mm 结节。", go="audit")
        page = await auditor.get(path)
        page = await auditor.submit(page, path, password=PASSWORD, go="sign")
        assert page.path == f"/consults/{consult}?done=signed"
