"""What people do in a call beside talking: hands go up, a patient waits at the door and is let in."""

import asyncio
from functools import partial

import pytest
from playwright.async_api import Locator, Page

from tests.builders.county import County
from tests.journeys.callers import Callers, hears_and_sees, join, names, shows
from tests.journeys.measures import axe_finds_nothing
from tests.journeys.steps import Person, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUESTER, SPECIALIST = "刘秀兰", "陈景和"


async def hands(tab: Page) -> list[str]:
    """Whose hands the page shows, in its order."""
    found = await tab.locator(".hands:not([hidden]) li > span").all_inner_texts()
    return [text.strip() for text in found]


async def test_a_raised_hand_is_seen_by_all_survives_a_reload_and_is_lowered_by_a_host(
    demo: County, callers: Callers
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester", phone=True), await callers("specialist", language="en")
    await join(doctor, consult)
    await join(specialist, consult)
    await shows(names, specialist, [REQUESTER])
    await doctor.locator("[data-call-hand]").click()
    await shows(hands, specialist, [REQUESTER])
    await shows(hands, doctor, [Person(doctor).say("You")])
    await doctor.locator("[data-call-hand][aria-pressed=true]").wait_for()
    await specialist.locator("[data-call-hand]").click()
    await shows(hands, specialist, [REQUESTER, "You"])
    assert await doctor.locator(".hands button").count() == 1, "who is no host lowers only the own hand"
    for tab in (doctor, specialist):
        await axe_finds_nothing(tab)
    await doctor.reload()
    await shows(hands, doctor, [Person(doctor).say("You"), SPECIALIST])
    await specialist.locator(".hands button").first.click()
    await shows(hands, doctor, [SPECIALIST])
    await specialist.locator(".hands button").first.click()
    await shows(hands, doctor, [])
    await doctor.locator("[data-call-hand][aria-pressed=false]").wait_for()


async def sign(tab: Page) -> str:
    """What the page says about recording, "" for nothing."""
    found = await tab.locator(".recording-sign:not([hidden]) b").all_inner_texts()
    return "".join(found).strip()


async def played_s(tab: Page) -> list[float]:
    """How far each track of a recording has been played."""
    return [float(one) for one in await tab.evaluate(PLAYED)]


LENGTHS = "[...document.querySelectorAll('.recording audio, .recording video')].map((one) => one.duration)"
PLAYED = "[...document.querySelectorAll('.recording audio, .recording video')].map((one) => one.currentTime)"


async def test_a_call_is_recorded_with_everybodys_yes_and_played_on_the_consults_page(
    demo: County, callers: Callers
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester", phone=True), await callers("specialist", language="en")
    await specialist.goto(f"/consults/{consult}")
    before = await specialist.locator("#recordings li").count()
    await join(doctor, consult)
    await join(specialist, consult)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    assert not await doctor.locator("[data-call-record]").is_visible(), "only a host begins"
    await specialist.locator("[data-call-record]").click()
    await doctor.locator("[data-call-agree]").wait_for()
    await shows(sign, specialist, f"Not recording yet: waiting for the yes of {REQUESTER}")
    for tab in (doctor, specialist):
        await axe_finds_nothing(tab)
    await doctor.locator("[data-call-refuse]").click()
    await shows(sign, specialist, "")
    await shows(sign, doctor, "")
    await specialist.locator("[data-call-leave]").click()
    await specialist.goto(f"/consults/{consult}")
    assert await specialist.locator("#recordings li").count() == before, "a no leaves nothing behind"

    await join(specialist, consult)
    await specialist.locator(".films-switch").click()
    films = specialist.frame_locator("iframe.films")
    await films.locator(".view[data-quality=full]").first.wait_for()
    await films.locator(".view .film").first.hover()
    await specialist.locator("[data-call-record]").click()
    await doctor.locator("[data-call-agree]").click()
    for tab, language in ((doctor, "zh_CN"), (specialist, "en")):
        await shows(sign, tab, Person(tab, language).say("Recording"))
    await asyncio.gather(hears_and_sees(doctor, frames=30), hears_and_sees(specialist, frames=30))
    await specialist.locator("[data-call-record-pause]").click()
    await shows(sign, doctor, Person(doctor).say("Recording is paused"))
    await specialist.locator("[data-call-record-stop]").click()
    await shows(sign, doctor, "")
    await specialist.locator("[data-call-record]").click()
    await doctor.locator("[data-call-refuse]").click()  # a yes to one recording is none to the next
    await shows(sign, specialist, "")
    for tab in (specialist, doctor):
        await tab.locator("[data-call-leave]").click()

    for tab in (specialist, doctor):
        await until(partial(_listed, tab, consult, before))
        await tab.locator("#recordings a").first.click()
        play = tab.locator("[data-recording-play]")
        await play.wait_for()
        assert await tab.locator(".recording audio, .recording video").count() == 4
        await play.click()
        await until(partial(_all_play, tab))
        await tab.locator(".recording-lines [data-kind=film]").first.click()
        film = tab.locator(".recording-film img")
        await film.wait_for()
        assert await film.evaluate("one => one.naturalWidth") > 100
        assert await tab.locator(".recording-film figcaption").inner_text() == SPECIALIST
        await axe_finds_nothing(tab)
        await until(partial(tab.evaluate, f"{LENGTHS}.every(Number.isFinite)"))
        await play.press("End")
        await until(partial(_stands, tab))
        await play.press("Home")
        await until(partial(_all_play, tab, press=play))


async def _listed(tab: Page, consult: str, before: int) -> bool:
    await tab.goto(f"/consults/{consult}")
    return await tab.locator("#recordings a").count() > before


async def _stands(tab: Page) -> bool:
    return await tab.locator(".recording").get_attribute("data-playing") == "false"


async def _all_play(tab: Page, press: Locator | None = None) -> bool:
    if press is not None and await _stands(tab):
        await press.click()
    before = await played_s(tab)
    await asyncio.sleep(0.3)
    return all(now > then for then, now in zip(before, await played_s(tab), strict=True))


async def test_a_voice_arrives_where_the_line_is_too_weak_for_a_call(demo: County, callers: Callers) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester", phone=True), await callers("specialist", language="en")
    await doctor.goto(f"/consults/{consult}")
    await doctor.get_by_role("button", name=Person(doctor).say("Speak a message")).click()
    await doctor.get_by_role("button", name=Person(doctor).say("Discard it")).wait_for()
    await axe_finds_nothing(doctor)
    await doctor.wait_for_timeout(700)
    await doctor.locator(".voice-clip button").first.click()
    await doctor.locator("#talk audio").first.wait_for()
    await specialist.goto(f"/consults/{consult}/call")
    await join(specialist, consult)
    voice = specialist.locator(".chat audio").first
    await voice.wait_for()
    await axe_finds_nothing(specialist)
    await voice.evaluate("one => one.play()")
    await until(partial(voice.evaluate, "one => one.currentTime > 0.2"))
    await specialist.locator(".chat .voice-clip button").first.click()
    await specialist.wait_for_timeout(500)
    await specialist.locator(".chat .voice-clip button").first.click()
    await until(partial(_heard, specialist))
    await specialist.locator("[data-call-leave]").click()


async def _heard(tab: Page) -> bool:
    return await tab.locator(".chat audio").count() == 2
