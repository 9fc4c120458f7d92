"""A follow-up: from the booking by the patient's link and code into the call on a phone, and what is left of it."""

import asyncio
import itertools
import re
import sqlite3
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page

from tests.builders.county import County
from tests.journeys.callers import Callers, hears_and_sees, is_at_door, is_in, join, names, phase, shows
from tests.journeys.measures import axe_finds_nothing, is_large_enough, weight
from tests.journeys.steps import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")
SITE = ZoneInfo("Asia/Shanghai")
REQUESTER, SPECIALIST, PATIENT = "刘秀兰", "陈景和", "高守田"
PATIENT_BYTES = 60_000


_slots = itertools.count(1, 20)
"""Minutes from now: a doctor has one visit at a time."""


async def book(tab: Page, consult: str) -> str:
    """Book a follow-up through the page. Returns the patient's link."""
    await tab.goto(f"/consults/{consult}/followups")
    begins = datetime.now(SITE) + timedelta(minutes=next(_slots))
    await tab.locator("#starts_at").fill(begins.strftime("%Y-%m-%dT%H:%M"))
    await tab.locator("#reason").fill("新加的药吃得怎么样？")
    await tab.locator("#note_to_patient").fill("把血压本放在手边。")
    await tab.locator("form[action$='/followups'] button[type=submit]").click()
    return await tab.locator("#patient-link").input_value()


async def code_for(tab: Page) -> str:
    """The digits, as the staff read them out: where no message can be sent, a notice carries them."""
    await tab.goto("/notifications")
    digits = re.search(r"(?<!\d)(\d{6})(?!\d)", await tab.locator("main").inner_text())
    assert digits
    return digits[1]


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_a_patient_comes_from_the_link_on_a_phone_into_the_call_in_two_taps(
    demo: County, callers: Callers, language: str
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor = await callers("specialist", language=language)
    link = await book(doctor, consult)
    phone = await callers(phone=True, language=language)
    await phone.goto(link)
    assert PATIENT not in await phone.content(), "a forwarded link must not tell who is ill"
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("#code").wait_for()
    await axe_finds_nothing(phone)
    await phone.locator("#code").fill(await code_for(doctor))
    await phone.locator("[data-call-ready].reach .go").click()  # the first tap
    join_button = phone.locator("[data-call-join]")
    await join_button.wait_for()
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    before_call = await weight(callers, link), await weight(callers, phone.url, await phone.context.cookies())
    print(f"bytes before the call, behind the link and the code ({language}): {before_call}")  # noqa: T201
    assert max(before_call) < PATIENT_BYTES
    await join_button.click()  # the second tap
    await is_at_door(phone)
    waiting = Person(phone, language).say("The doctor knows that you are waiting and lets you in.")
    await phone.locator(".waiting").get_by_text(waiting).wait_for()
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await phone.reload()
    await is_at_door(phone)

    await doctor.goto(f"/consults/{consult}/followups")
    await doctor.locator("form[action$='/moves/start'] button").last.click()
    await doctor.locator(".awaited").wait_for()
    await doctor.locator("[data-call-join]").click()
    await is_in(doctor)
    await doctor.locator("[data-call-let-in]").wait_for()
    assert (await names(doctor), await phase(phone)) == ([], "door"), "beginning the visit lets nobody in by itself"
    await axe_finds_nothing(doctor)
    await doctor.locator("[data-call-turn-away]").click()
    await phone.get_by_text(Person(phone, language).say("The doctor cannot see you just now")).wait_for()
    await axe_finds_nothing(phone)
    await phone.locator("[data-call-back]").click()
    await is_at_door(phone)
    await doctor.locator("[data-call-let-in]").click()
    await is_in(phone)
    await asyncio.gather(hears_and_sees(phone), hears_and_sees(doctor))
    await shows(names, phone, [SPECIALIST])
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await phone.reload()
    await is_in(phone)
    township = await callers("requester")
    await join(township, consult)  # the visit that runs is meant
    await asyncio.gather(hears_and_sees(phone), hears_and_sees(doctor), hears_and_sees(township))
    await shows(names, phone, sorted([REQUESTER, SPECIALIST]))
    await shows(names, township, sorted([PATIENT, SPECIALIST]))

    await doctor.locator("[data-call-end]").click()
    await doctor.locator(".call-dialog .leave").click()
    await phone.locator(".call-after").wait_for()
    await shows(phase, phone, "ended")
    await doctor.goto(f"/consults/{consult}/followups")
    note = doctor.locator("section.visit", has=doctor.locator("details[open] textarea[name=note]")).first
    await note.locator("textarea[name=note]").fill("血压 138/84，无不适。")
    await note.locator("textarea[name=said]").fill("血压好多了，药照旧吃。")
    await note.locator("textarea[name=next_step]").fill("三个月后再查一次血。")
    await note.locator("form[action$='/moves/finish'] button").click()
    await doctor.get_by_text("血压 138/84，无不适。").first.wait_for()
    await phone.goto("/my")
    await phone.get_by_text("血压好多了，药照旧吃。").first.wait_for()
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await doctor.goto(f"/consults/{consult}")
    timeline, say = doctor.locator(".timeline"), Person(doctor, language).say
    for line in ("血压 138/84，无不适。", "三个月后再查一次血。", say("The call was ended")):
        await timeline.get_by_text(line).first.wait_for()


@pytest.mark.parametrize(("allow", "need"), [("microphone", "camera"), ("camera", "microphone")])
async def test_a_patient_who_refused_a_device_sees_the_way_on_and_comes_in_all_the_same(
    demo: County, callers: Callers, allow: str, need: str
) -> None:
    doctor = await callers("specialist")
    link = await book(doctor, demo.facts["samples"]["consult"])
    phone = await callers(phone=True, allow=[allow])
    await phone.goto(link)
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("#code").fill(await code_for(doctor))
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("[data-call-join]").click()
    await phone.locator(f".call-help[data-need={need}]").wait_for()
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await phone.locator("[data-call-anyway]").click()
    await is_at_door(phone)


def grown_old(demo: County) -> None:
    """The newest link, days later."""
    newest = "(SELECT id FROM patient_links ORDER BY created_at DESC LIMIT 1)"
    with sqlite3.connect(demo.data / "clinic.db", timeout=30) as database:
        database.execute(f"UPDATE patient_links SET expires_at = created_at WHERE id = {newest}")  # noqa: S608
    database.close()


async def test_an_old_link_says_so_and_a_code_renews_it(demo: County, callers: Callers) -> None:
    doctor = await callers("specialist")
    link = await book(doctor, demo.facts["samples"]["consult"])
    await asyncio.to_thread(grown_old, demo)
    phone = await callers(phone=True)
    await phone.goto(link)
    await phone.get_by_text(Person(phone).say("This link has expired; you get a new one at once")).wait_for()
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("#code").fill(await code_for(doctor))
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("[data-call-join]").wait_for()
    again = await callers(phone=True)
    await again.goto(link)
    await again.get_by_text(Person(again).say("Send me the digits")).wait_for()
    assert await again.get_by_text(Person(again).say("This link has expired; you get a new one at once")).count() == 0


async def test_without_calls_in_the_browser_the_way_out_is_shown(demo: County, callers: Callers) -> None:
    doctor = await callers("specialist")
    link = await book(doctor, demo.facts["samples"]["consult"])
    phone = await callers(phone=True)
    await phone.add_init_script("delete window.RTCPeerConnection; window.RTCPeerConnection = undefined;")
    await phone.goto(link)
    await phone.locator(".way-out").wait_for()
    await phone.locator(".qr img").wait_for()
    assert await phone.locator("[data-call-copy]").is_visible()
    await axe_finds_nothing(phone)
