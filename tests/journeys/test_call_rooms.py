"""What people do in a call beside talking: hands go up, a patient waits at the door and is let in."""

import pytest
from playwright.async_api import Page

from tests.builders.county import County
from tests.journeys.callers import Callers, join, names
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
    await until(lambda: _shows(names, specialist, [REQUESTER]))
    await doctor.locator("[data-call-hand]").click()
    await until(lambda: _shows(hands, specialist, [REQUESTER]))
    await until(lambda: _shows(hands, doctor, [Person(doctor).say("You")]))
    assert await doctor.locator("[data-call-hand]").get_attribute("aria-pressed") == "true"
    await specialist.locator("[data-call-hand]").click()
    await until(lambda: _shows(hands, specialist, [REQUESTER, "You"]))
    assert await doctor.locator(".hands button").count() == 1, "who is no host lowers only the own hand"
    for tab in (doctor, specialist):
        await axe_finds_nothing(tab)
    await doctor.reload()
    await until(lambda: _shows(hands, doctor, [Person(doctor).say("You"), SPECIALIST]))
    await specialist.locator(".hands button").first.click()
    await until(lambda: _shows(hands, doctor, [SPECIALIST]))
    await specialist.locator(".hands button").first.click()
    await until(lambda: _shows(hands, doctor, []))
    assert await doctor.locator("[data-call-hand]").get_attribute("aria-pressed") == "false"


async def _shows(read, tab: Page, expected: list[str]) -> bool:  # type: ignore[no-untyped-def]
    return bool(await read(tab) == expected)
