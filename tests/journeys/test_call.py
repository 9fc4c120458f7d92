"""The call: two sides of a consult, a patient from a link on a phone, refused devices, processes that die meanwhile."""

import asyncio
import itertools
import os
import re
import signal
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Page, Request

from tests.builders.county import REPOSITORY, County, start, until
from tests.journeys.callers import Callers, callers_of, hears_and_sees, is_in, names, phase, received
from tests.journeys.firefox import FIREFOX, firefox
from tests.journeys.steps import Person
from tests.journeys.steps import until as soon

pytestmark = pytest.mark.asyncio(loop_scope="session")
AXE = REPOSITORY / "web" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SITE = ZoneInfo("Asia/Shanghai")
REQUESTER, SPECIALIST = "刘秀兰", "陈景和"
PATIENT_BYTES = 60_000


@pytest_asyncio.fixture(loop_scope="session")
async def callers(demo: County) -> AsyncIterator[Callers]:
    async with callers_of(demo) as found:
        yield found


async def join(tab: Page, consult: str) -> None:
    await tab.goto(f"/consults/{consult}/call")
    await tab.locator("[data-call-join]").click()
    await is_in(tab)


async def test_two_sides_of_a_consult_hear_and_see_each_other_and_a_reload_is_a_rejoin(
    demo: County, callers: Callers
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester"), await callers("specialist", language="en")
    await join(doctor, consult)
    await join(specialist, consult)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    assert await names(doctor) == [SPECIALIST]
    assert await names(specialist) == [REQUESTER]

    await doctor.locator("#call-message").fill("第 20 层的结节请看一下。")
    await doctor.keyboard.press("Enter")
    await specialist.get_by_text("第 20 层的结节请看一下。").wait_for()

    await doctor.reload()
    await is_in(doctor)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    assert await names(specialist) == [REQUESTER]

    await doctor.goto(f"/consults/{consult}")
    await doctor.locator(".incall.tile").wait_for()
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))

    await doctor.locator(".incall.tile [data-call-leave]").click()
    await soon(lambda: _is(specialist, []))
    await doctor.goto(f"/consults/{consult}")
    await doctor.locator("#talk-title").wait_for()
    assert await doctor.locator(".incall").count() == 0


async def _is(tab: Page, expected: list[str]) -> bool:
    return await names(tab) == expected


@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed")
async def test_firefox_is_one_of_the_two_sides(demo: County, callers: Callers, tmp_path: Path) -> None:
    consult = demo.facts["samples"]["consult"]
    specialist = await callers("specialist")
    await join(specialist, consult)
    async with firefox(tmp_path / "profile") as doctor:
        await doctor.goto(demo.link("requester"))
        await doctor.goto(f"{demo.url}/consults/{consult}/call")
        await doctor.click("[data-call-join]")
        await soon(lambda: _is(specialist, [REQUESTER]))
        await hears_and_sees(specialist, 60)
        before = await doctor.received()

        async def more() -> bool:
            now = await doctor.received()
            return now.frames > before.frames + 10 and now.energy > before.energy

        await soon(more)


async def test_muting_and_switching_the_camera_off_reach_the_other_side(demo: County, callers: Callers) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester"), await callers("specialist")
    await join(doctor, consult)
    await join(specialist, consult)
    await hears_and_sees(specialist)
    tile = specialist.locator(".tiles .video:not(.mine)")
    await doctor.locator("[data-call-microphone]").click()
    await tile.get_by_text(Person(specialist).say("muted")).wait_for(state="attached")
    await doctor.locator("[data-call-camera]").click()
    await tile.locator("video").wait_for(state="hidden")
    await doctor.locator("[data-call-camera]").click()
    await tile.locator("video").wait_for(state="visible")


async def test_a_second_tab_takes_the_call_over_and_the_first_says_so(demo: County, callers: Callers) -> None:
    consult = demo.facts["samples"]["consult"]
    first, specialist = await callers("requester"), await callers("specialist")
    await join(first, consult)
    await join(specialist, consult)
    second = await first.context.new_page()
    await join(second, consult)
    await first.locator("[data-call-back]").wait_for()
    assert await phase(first) == "replaced"
    await asyncio.gather(hears_and_sees(second), hears_and_sees(specialist))
    assert await names(specialist) == [REQUESTER]
    await first.locator("[data-call-back]").click()
    await is_in(first)
    await second.locator("[data-call-back]").wait_for()
    await hears_and_sees(first)


@pytest.mark.parametrize(("allow", "need"), [([], "both"), (["microphone"], "camera"), (["camera"], "microphone")])
async def test_a_refused_device_is_explained_and_joining_stays_possible(
    demo: County, callers: Callers, allow: list[str], need: str
) -> None:
    consult = demo.facts["samples"]["consult"]
    other = await callers("specialist")
    await join(other, consult)
    tab = await callers("requester", allow=allow)
    await tab.goto(f"/consults/{consult}/call")
    card = tab.locator(f".call-help[data-need={need}]")
    await card.wait_for()
    assert await card.locator("ol li").count() >= 2
    await axe_finds_nothing(tab)
    await tab.locator("[data-call-join]").click()
    await is_in(tab)
    before = (await received(tab)).frames
    await soon(lambda: _more_frames(tab, before))


async def _more_frames(tab: Page, than: int) -> bool:
    return (await received(tab)).frames > than + 5


# ---------------------------------------------------------------- the patient
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


async def axe_finds_nothing(tab: Page) -> None:
    if not AXE.exists():
        return
    await tab.evaluate(AXE.read_text())
    found: list[Any] = await tab.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then((result) => result.violations.map((one) => [one.id, one.nodes[0].html]))"
    )
    assert found == []


async def is_large_enough(tab: Page) -> None:
    """Text of at least 18 px, and nothing to touch below 60 px."""
    small: list[Any] = await tab.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((one) => {
          const box = one.getBoundingClientRect(), style = getComputedStyle(one);
          if (!box.width || style.visibility === 'hidden') return false;
          if (one.closest('[hidden], noscript, .only-read-aloud')) return false;
          const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
          if (text && parseFloat(style.fontSize) < 18) return true;
          return one.matches('a, button, input:not([type=hidden]), select, summary') && box.height < 60;
        }).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert small == []


async def weight(callers: Callers, url: str, cookies: Sequence[Any] = ()) -> int:
    """What a browser that was never here receives for a page, headers and all."""
    tab = await callers(phone=True, cookies=cookies)
    finished: list[Request] = []
    tab.on("requestfinished", lambda request: finished.append(request))
    await tab.goto(url, wait_until="networkidle")
    sizes = [await request.sizes() for request in finished if not request.url.endswith("/favicon.svg")]
    await tab.context.close()
    return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_a_patient_comes_from_the_link_on_a_phone_into_the_call_in_two_taps(
    demo: County, callers: Callers, language: str
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor = await callers("specialist", language=language)
    link = await book(doctor, consult)
    phone = await callers(phone=True, language=language)
    await phone.goto(link)
    assert "高守田" not in await phone.content(), "a forwarded link must not tell who is ill"
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
    assert await weight(callers, link) < PATIENT_BYTES
    assert await weight(callers, phone.url, await phone.context.cookies()) < PATIENT_BYTES
    await join_button.click()  # the second tap
    await is_in(phone)
    await phone.locator(".waiting").wait_for()

    await doctor.goto(f"/consults/{consult}/followups")
    await doctor.locator("form[action$='/moves/start'] button").last.click()
    await doctor.locator("[data-call-join]").click()
    await is_in(doctor)
    await asyncio.gather(hears_and_sees(phone), hears_and_sees(doctor))
    assert await names(phone) == [SPECIALIST]
    await axe_finds_nothing(phone)
    await phone.reload()
    await is_in(phone)
    await asyncio.gather(hears_and_sees(phone), hears_and_sees(doctor))

    await doctor.locator("[data-call-end]").click()
    await doctor.locator(".call-dialog .leave").click()
    await phone.locator(".call-after").wait_for()
    assert await phase(phone) == "ended"
    await doctor.goto(f"/consults/{consult}/followups")
    note = doctor.locator("section.visit", has=doctor.locator("textarea[name=note]")).first
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
    await doctor.locator(".timeline").first.get_by_text("血压 138/84，无不适。").first.wait_for()


async def test_a_patient_whose_camera_is_refused_sees_the_way_on_and_comes_in_with_voice(
    demo: County, callers: Callers
) -> None:
    doctor = await callers("specialist")
    link = await book(doctor, demo.facts["samples"]["consult"])
    phone = await callers(phone=True, allow=["microphone"])
    await phone.goto(link)
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("#code").fill(await code_for(doctor))
    await phone.locator("[data-call-ready].reach .go").click()
    await phone.locator("[data-call-join]").click()
    await phone.locator(".call-help[data-need=camera]").wait_for()
    await axe_finds_nothing(phone)
    await is_large_enough(phone)
    await phone.locator("[data-call-anyway]").click()
    await is_in(phone)


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


# ---------------------------------------------------------------- processes that die
async def test_everyone_is_back_by_themselves_after_media_and_web_were_killed(county: Path, tmp_path: Path) -> None:
    demo = start(county, tmp_path / "data")
    try:
        async with callers_of(demo) as callers:
            consult = demo.facts["samples"]["consult"]
            doctor, specialist = await callers("requester"), await callers("specialist")
            await join(doctor, consult)
            await join(specialist, consult)
            await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
            for name in ("media", "web"):
                old = demo.pids()[name]
                os.kill(old, signal.SIGKILL)
                await asyncio.to_thread(until, lambda name=name, old=old: demo.pids().get(name) not in (None, old))
                await asyncio.to_thread(demo.wait_ready)
                await asyncio.gather(is_in(doctor), is_in(specialist))
                await asyncio.gather(hears_and_sees(doctor, 60), hears_and_sees(specialist, 60))
                await soon(lambda: _is(doctor, [SPECIALIST]))
                await soon(lambda: _is(specialist, [REQUESTER]))
    finally:
        demo.stop()
