import re
from typing import Any

from teleconsult.consults.state import Move
from tests.builders.browsing import Browser, Page
from tests.builders.cases import OPINION, PASSWORD, House

QUESTION = "右肺上叶结节的性质？"


async def _request_up_to_consent(doctor: Browser, house: House) -> tuple[str, Page]:
    page = await doctor.get("/consults/new")
    page = await doctor.submit(page, "/consults/new", patient_id=house.patient.id, new=[])
    consult = page.path.split("/")[2]
    assert page.path.endswith("/edit/question")
    page = await doctor.submit(page, page.path, question=QUESTION, history="咳嗽两周。", go="next")
    page = await doctor.submit(page, page.path, anticoagulants="no", go="next")
    page = await doctor.submit(page, page.path, kind="imaging", target_institution_id=house.hospital, go="next")
    assert page.path.endswith("/edit/consent")
    return consult, page


async def test_a_consult_walks_from_request_to_answer_by_plain_forms(house: House, browser_of: Any) -> None:
    doctor = await browser_of(house.requester)
    consult, page = await _request_up_to_consent(doctor, house)
    path = f"/consults/{consult}"
    page = await doctor.submit(
        page, page.path, consent_how="paper", consent_by="patient", incomplete_reason="没有片子", go="submit"
    )
    assert (page.path, page.status) == (f"{path}?done=submitted", 200)
    assert QUESTION in page.text

    coordinator = await browser_of(house.coordinator)
    page = await coordinator.get(path)
    page = await coordinator.submit(page, f"{path}/moves/assign", specialist_id=house.specialist.id)
    assert page.path == f"{path}?done=moved"

    specialist = await browser_of(house.specialist)
    home = await specialist.get("/")
    assert QUESTION in home.text
    page = await specialist.get(path)
    page = await specialist.submit(page, f"{path}/moves/accept")
    page = await specialist.submit(page, f"{path}/moves/begin_report")
    assert page.path == f"{path}/report"
    page = await specialist.submit(page, page.path, **OPINION, password=PASSWORD, go="sign")
    assert (page.status, page.path) == (200, f"{path}?done=signed")
    assert str(OPINION["opinion"]) in page.text

    page = await doctor.get(path)
    assert str(OPINION["findings"]) in page.text
    page = await doctor.submit(page, f"{path}/moves/answer", adoption="adopted")
    assert "Adopted" in page.text
    page = await doctor.submit(page, f"{path}/moves/close")
    assert (await house.consults.view(house.requester, consult)).state == "closed"


async def test_a_move_without_its_reason_comes_back_open_with_the_fault_named(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    specialist = await browser_of(house.specialist)
    page = await specialist.get(f"/consults/{consult}")
    page = await specialist.submit(page, f"/consults/{consult}/moves/decline")
    assert page.status == 422
    assert "#decline-reason" in page.links
    assert "decline-reason" in page.ids


async def test_a_move_over_an_old_version_keeps_what_was_typed(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    specialist = await browser_of(house.specialist)
    page = await specialist.get(f"/consults/{consult}")
    await house.move(house.coordinator, consult, Move.REASSIGN, specialist_id=house.specialist.id, reason="改派")
    page = await specialist.submit(page, f"/consults/{consult}/moves/decline", reason="今天不在")
    assert page.status == 409
    assert "今天不在" in page.html


async def test_a_double_submit_makes_one_move_and_one_message(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    path = f"/consults/{consult}"
    specialist = await browser_of(house.specialist)
    page = await specialist.get(path)
    for _ in range(2):
        sent = await specialist.submit(page, f"{path}/messages", text="支架是哪一天放的？")
        assert sent.status == 200, sent.text
    assert (await house.consults.view(house.specialist, consult)).message_count == 1
    items = ["item_kind", "item_text"]
    asked = {items[0]: ["study", "text", "text"], items[1]: ["增强 CT", "", ""]}
    for _ in range(2):
        sent = await specialist.submit(page, f"{path}/moves/return_for_material", **asked)
        assert sent.status == 200
    assert [one.text for one in (await house.consults.view(house.specialist, consult)).asked] == ["增强 CT"]

    doctor = await browser_of(house.requester)
    page = await doctor.get(path)
    assert "增强 CT" in page.text
    page = await doctor.submit(page, f"{path}/moves/resubmit", reply_given_1="no", reply_reason_1="本院没有设备")
    assert page.status == 200
    assert (await house.consults.view(house.requester, consult)).state == "accepted"


async def test_an_empty_message_says_so(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    specialist = await browser_of(house.specialist)
    page = await specialist.get(f"/consults/{consult}")
    page = await specialist.submit(page, f"/consults/{consult}/messages", text="   ")
    assert (page.status, "message-error" in page.ids) == (422, True)


async def test_a_new_message_is_new_once(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    await house.consults.post_message(house.requester, consult, "请看一下")
    specialist = await browser_of(house.specialist)
    assert "1 new" in (await specialist.get("/worklist")).text
    assert "1 new message" in (await specialist.get(f"/consults/{consult}")).text
    assert "1 new" not in (await specialist.get("/worklist")).text


async def test_the_worklists_filters_are_links_with_counts(house: House, browser_of: Any) -> None:
    await house.accepted()
    specialist = await browser_of(house.specialist)
    page = await specialist.get("/worklist")
    assert {"/worklist?show=waiting_for_me", "/worklist?show=overdue", "/worklist?kind=imaging"} <= set(page.links)
    assert re.search(r"Imaging diagnosis 1", page.text)
    page = await specialist.get("/worklist?kind=ecg")
    assert "No cases with these filters" in page.text
    page = await specialist.get("/worklist?q=ZHOU")
    assert house.patient.name in page.text
    assert (await specialist.get("/worklist?kind=nonsense")).status == 422


async def test_strangers_are_led_to_the_login_and_back(house: House, client: Any) -> None:
    page = await Browser(client).get("/worklist?kind=ecg")
    assert page.path == "/login?next=%2Fworklist%3Fkind%3Decg"


async def test_a_case_of_others_is_not_there(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    outsider = await browser_of(house.outsider)
    for path in ("", "/viewer", "/report", "/labs/new", "/edit/question"):
        page = await outsider.get(f"/consults/{consult}{path}")
        assert (page.status, house.patient.name in page.text) == (404, False), path
    page = await outsider.get("/")
    page = await outsider.post(f"/consults/{consult}/messages", [*page.forms[0].fields, ("text", "x")])
    assert page.status in (403, 404)


async def test_the_tour_is_shown_until_it_was_seen(house: House, browser_of: Any) -> None:
    specialist = await browser_of(house.specialist)
    page = await specialist.get("/")
    assert 'data-module="tour"' in page.html
    token = dict(page.form("/logout").fields)["csrf"]
    page = await specialist.post("/tour", {"csrf": token})
    assert 'data-module="tour"' not in page.html


async def test_the_reading_room_names_the_studies_and_may_compile_wasm(
    house: House, client: Any, browser_of: Any
) -> None:
    consult = await house.accepted()
    specialist = await browser_of(house.specialist)
    page = await specialist.get(f"/consults/{consult}/viewer?series=1.2.3")
    assert 'data-module="viewer"' in page.html
    assert 'data-series="1.2.3"' in page.html
    assert (await specialist.get(f"/consults/{consult}/viewer?series=x")).status == 422


async def test_each_page_has_its_help(house: House, browser_of: Any) -> None:
    specialist = await browser_of(house.specialist)
    for topic in ("overview", "home", "worklist", "request", "consult", "report", "labs", "viewer", "account"):
        assert (await specialist.get(f"/help/{topic}")).status == 200
    assert (await specialist.get("/help/nothing")).status == 404


async def test_a_request_that_ended_early_shows_only_the_steps_that_were_taken(house: House, browser_of: Any) -> None:
    consult = await house.accepted()
    doctor = await browser_of(house.requester)
    await house.move(house.requester, consult, Move.WITHDRAW, reason="患者已转院")
    page = await doctor.get(f"/consults/{consult}")
    track = page.html.split('<ol class="track', 1)[1].split("</ol>", 1)[0]
    assert track.count('class="past"') == 3, "request, assignment, acceptance"
    assert 'class="now"' not in track
