"""Tries of a tired doctor: double clicks, reloads, the back button, a second tab. One consult, and no text is lost."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page

from tests.builders.county import County
from tests.builders.walks import REPORT, draft, move, state
from tests.journeys import steps
from tests.journeys.conftest import OpenPage
from tests.journeys.steps import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")
WORDS = "患者自述近一周夜间咳嗽加重，不能平卧。"


async def saved(person: Person) -> None:
    words = person.say("Saved automatically {time}", time="").strip()
    await person.tab.locator("#saved", has_text=words).wait_for()


async def twice(tab: Page, selector: str) -> None:
    """Two clicks before the first is answered."""
    await tab.locator(selector).first.evaluate("(button) => { button.click(); button.click(); }")


def mine(demo: County, text: str) -> list[Any]:
    """Consults of the requester in whose patient's name a text stands, drafts as well."""
    return list(demo.api("requester").good("GET", "/api/v1/consults", params={"q": text, "which": "all"})["items"])


async def test_a_double_click_begins_one_request(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester"))
    before = len(demo.api("requester").good("GET", "/api/v1/patients", params={"q": "双击者"})["items"])
    await doctor.tab.goto("/consults/new")
    await doctor.tab.locator("#name").fill("双击者")
    await doctor.tab.locator("#sex").select_option("male")
    await doctor.tab.locator("#birth_date").fill("1970-01-02")
    name = doctor.say("Enter this patient and continue")
    await doctor.tab.get_by_role("button", name=name).evaluate("(button) => { button.click(); button.click(); }")
    await doctor.tab.wait_for_url("**/edit/question")
    await asyncio.sleep(1)
    found = demo.api("requester").good("GET", "/api/v1/patients", params={"q": "双击者"})["items"]
    assert len(found) == before + 1


async def test_back_and_the_same_patient_again_makes_no_second_request(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester"))
    first = await steps.new_patient(doctor, "后退者")
    await steps.until(lambda: holds_nothing_unsent(doctor.tab))  # no finger is as quick as a test
    await doctor.tab.go_back()
    assert await doctor.tab.locator("#name").input_value() == "", "what was sent is not offered again"
    row = doctor.tab.locator("li", has_text="后退者")
    await row.get_by_role("button").click()
    await doctor.tab.wait_for_url("**/edit/question")
    assert doctor.tab.url.split("/")[4] == first
    assert len(mine(demo, "后退者")) == 1


async def test_a_form_that_does_not_save_itself_keeps_its_text_in_the_tab(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester"))
    await doctor.tab.goto("/consults/new")
    await doctor.tab.locator("#name").fill("未送者")
    await doctor.tab.locator("#id_number").fill("123")
    await doctor.tab.reload()
    await steps.until(lambda: holds(doctor.tab, "#name", "未送者"))
    await doctor.button("Enter this patient and continue").click()
    await doctor.tab.locator("#errors").wait_for()
    await doctor.tab.reload()
    await steps.until(lambda: holds(doctor.tab, "#name", "未送者"))
    await doctor.tab.goto("/")
    await doctor.tab.go_back()
    await steps.until(lambda: holds(doctor.tab, "#name", "未送者"))


async def test_a_reload_loses_no_word_of_a_request(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester"))
    await steps.new_patient(doctor, "重载者")
    await doctor.tab.locator("#question").fill(WORDS)
    await doctor.tab.reload()
    await steps.until(lambda: holds(doctor.tab, "#question", WORDS))
    await doctor.tab.locator("#history").fill(WORDS)
    await saved(doctor)
    await doctor.tab.goto("/")
    await doctor.tab.go_back()
    await steps.until(lambda: holds(doctor.tab, "#history", WORDS))


async def holds(tab: Page, selector: str, text: str) -> bool:
    return await tab.locator(selector).input_value() == text


async def holds_nothing_unsent(tab: Page) -> bool:
    """The page that came has noted that what was sent arrived."""
    return bool(await tab.evaluate("!Object.keys(sessionStorage).some((name) => name.startsWith('unsent:'))"))


async def test_a_second_tab_overwrites_nothing_unasked(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester"))
    consult = await steps.new_patient(doctor, "两页者")
    second = await doctor.tab.context.new_page()
    await second.goto(doctor.tab.url)
    await doctor.tab.locator("#question").fill(WORDS)
    await saved(doctor)
    await second.locator("#question").fill("另一页写的")
    note = doctor.say("This form was changed elsewhere in the meantime. Your text is kept on this device.")
    await second.get_by_text(note).wait_for()
    assert state(demo.api("requester"), consult)["question"] == WORDS
    assert await second.locator("#question").input_value() == "另一页写的"


async def test_without_scripts_a_second_tab_shows_both_texts(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester", java_script_enabled=False))
    consult = await steps.new_patient(doctor, "无脚本者")
    second = await doctor.tab.context.new_page()
    await second.goto(doctor.tab.url)
    for tab, text in ((doctor.tab, WORDS), (second, "另一页写的")):
        await tab.locator("#question").fill(text)
        await tab.locator("button[value=stay]").click()
    await second.locator("#newer").wait_for()
    assert await second.locator("#question").input_value() == "另一页写的"
    assert WORDS in await second.locator("#newer").inner_text()
    assert state(demo.api("requester"), consult)["question"] == WORDS


async def test_a_request_that_is_sent_twice_is_one(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("requester"))
    consult = await steps.new_patient(doctor, "连点者")
    await steps.ask(doctor, "怎么办？", WORDS)
    await steps.finish_until_consent(doctor)
    address = doctor.tab.url
    await twice(doctor.tab, "button[value=submit]")
    await doctor.tab.wait_for_url("**?done=submitted")
    await doctor.tab.reload()
    await doctor.tab.goto(address)
    assert doctor.tab.url.endswith(f"/consults/{consult}"), "a request that was sent is shown as a case"
    view = state(demo.api("requester"), consult)
    moves = demo.api("requester").good("GET", f"/api/v1/consults/{consult}/timeline")["items"]
    assert view["state"] == "triage"
    assert len([one for one in moves if one.get("move") == "submit"]) == 1


async def test_a_message_that_is_sent_twice_stands_once_and_a_refused_one_is_kept(demo: County, page: OpenPage) -> None:
    api = demo.api("requester")
    _, consult = draft(api, name="留言者")
    move(api, consult, "submit", reason="其余检查本院无条件完成。")
    doctor = Person(await page("requester"))
    await doctor.tab.goto(f"/consults/{consult}")
    await doctor.tab.locator("#message").fill(WORDS)
    await twice(doctor.tab, "form.message-box button[type=submit]")
    await doctor.tab.wait_for_url("**done=sent*")
    await doctor.tab.reload()
    await doctor.tab.go_back()
    await asyncio.sleep(0.5)
    texts = [one["text"] for one in api.good("GET", f"/api/v1/consults/{consult}/messages")["items"]]
    assert texts == [WORDS]
    await doctor.tab.goto(f"/consults/{consult}")
    await doctor.tab.locator("#message").fill("   ")
    await doctor.tab.locator("form.message-box button[type=submit]").click()
    await doctor.tab.locator("#message-error").wait_for()
    await doctor.tab.locator("#message").fill("第二条，还没有发送")
    await doctor.tab.reload()
    await steps.until(lambda: holds(doctor.tab, "#message", "第二条，还没有发送"))
    assert doctor.tab.url.endswith(f"/consults/{consult}"), "a refusal has no address of its own"


async def test_a_move_from_an_old_tab_is_refused_with_its_text(demo: County, page: OpenPage) -> None:
    api = demo.api("requester")
    _, consult = draft(api, name="旧页者")
    move(api, consult, "submit", reason="其余检查本院无条件完成。")
    doctor = Person(await page("requester"))
    await doctor.tab.goto(f"/consults/{consult}#move-withdraw")
    await doctor.tab.locator("#withdraw-reason").fill(WORDS)
    me = demo.api("specialist").good("GET", "/api/v1/me")["id"]
    move(demo.api("coordinator"), consult, "assign", specialist_id=me)
    await doctor.tab.locator("#move-withdraw button[type=submit]").click()
    await doctor.tab.locator("#errors").wait_for()
    assert await doctor.tab.locator("#withdraw-reason").input_value() == WORDS
    assert state(api, consult)["state"] == "assigned"
    await twice(doctor.tab, "#move-withdraw button[type=submit]")
    await doctor.tab.wait_for_url("**/worklist?done=moved")
    assert state(api, consult)["state"] == "withdrawn"


async def test_two_specialists_pages_write_one_report(demo: County, page: OpenPage) -> None:
    api, specialist_api = demo.api("requester"), demo.api("specialist")
    _, consult = draft(api, name="报告者")
    move(api, consult, "submit", reason="其余检查本院无条件完成。")
    move(demo.api("coordinator"), consult, "assign", specialist_id=specialist_api.good("GET", "/api/v1/me")["id"])
    move(specialist_api, consult, "accept")
    move(specialist_api, consult, "begin_report")
    specialist = Person(await page("specialist"))
    await specialist.tab.goto(f"/consults/{consult}/report")
    second = await specialist.tab.context.new_page()
    await second.goto(specialist.tab.url)
    await specialist.tab.locator("#findings").fill(REPORT["findings"])
    await saved(specialist)
    await second.locator("#findings").fill("另一页写的所见")
    note = specialist.say("This form was changed elsewhere in the meantime. Your text is kept on this device.")
    await second.get_by_text(note).wait_for()
    await specialist.tab.reload()
    assert await specialist.tab.locator("#findings").input_value() == REPORT["findings"]
    await specialist.tab.locator("#opinion").fill(REPORT["opinion"])
    await specialist.tab.locator("#password").fill(demo.password)
    await twice(specialist.tab, "button[value=sign]")
    await specialist.tab.wait_for_url("**?done=signed")
    reports = specialist_api.good("GET", f"/api/v1/consults/{consult}/report")["reports"]
    assert [(one["version"], one["content"]["findings"]) for one in reports] == [(1, REPORT["findings"])]
    await specialist.tab.go_back()
    await specialist.tab.go_forward()
    assert await steps.state_of(specialist) == specialist.say("Delivered, awaiting answer")


async def test_lab_values_that_are_sent_twice_are_one_report_and_wrong_ones_are_kept(
    demo: County, page: OpenPage
) -> None:
    api = demo.api("requester")
    _, consult = draft(api, name="化验者")
    doctor = Person(await page("requester"))
    await doctor.tab.goto(f"/consults/{consult}/labs/new")
    await doctor.tab.locator("[name='results.0.name']").fill("血钾")
    await doctor.tab.locator("[name='results.2.name']").fill("血钠")
    await doctor.tab.locator("[name='results.2.value']").fill("141")
    await doctor.button("Save the lab report").click()
    await doctor.tab.locator("#errors").wait_for()
    assert await doctor.tab.locator("[name='results.2.value']").input_value() == "141"
    await doctor.tab.locator("[name='results.0.value']").fill("5.9")
    await doctor.button("Save the lab report").evaluate("(button) => { button.click(); button.click(); }")
    await doctor.tab.wait_for_url("**?done=labs")
    await doctor.tab.go_back()
    await asyncio.sleep(0.5)
    assert len(api.good("GET", f"/api/v1/consults/{consult}/labs")["items"]) == 1


async def test_the_log_in_keeps_the_name_and_leads_on(demo: County, page: OpenPage) -> None:
    stranger = Person(await page())
    await stranger.tab.goto("/worklist?which=mine")
    assert "/login" in stranger.tab.url
    await stranger.tab.locator("#login").fill("liuxiulan")
    await stranger.tab.locator("#password").fill("wrong")
    await stranger.tab.locator("main form button[type=submit]").click()
    await stranger.tab.locator("#errors").wait_for()
    assert await stranger.tab.locator("#login").input_value() == "liuxiulan"
    await stranger.tab.locator("#password").fill(demo.password)
    await twice(stranger.tab, "main form button[type=submit]")
    await stranger.tab.wait_for_url("**/worklist?which=mine")
    await stranger.tab.go_back()
    await stranger.tab.goto("/worklist")
    await stranger.tab.locator("h1").first.wait_for()
    assert "/login" not in stranger.tab.url


async def test_a_refused_password_changes_nothing_and_ends_no_session(demo: County, page: OpenPage) -> None:
    doctor = Person(await page("other_requester"))
    await doctor.tab.goto("/account")
    await doctor.tab.locator("#old_password").fill("wrong")
    await doctor.tab.locator("#new_password").fill("a long and good sentence")
    await doctor.button("Change the password").click()
    await doctor.tab.locator("#old_password-error").wait_for()
    await doctor.tab.goto("/worklist")
    assert "/login" not in doctor.tab.url
