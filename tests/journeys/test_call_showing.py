"""What people show each other in a call: a screen with its sound."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.builders.county import County
from tests.journeys.callers import Callers, hears_and_sees, join, received
from tests.journeys.measures import axe_finds_nothing
from tests.journeys.steps import Person, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUESTER = "刘秀兰"
LISTENED_S = 1.5


async def sounds(tab: Page) -> bool:
    """Whether anything is heard here now; the made-up devices beep twice a second."""
    before = await received(tab)
    await asyncio.sleep(LISTENED_S)
    return (await received(tab)).energy > before.energy


async def is_silent(tab: Page) -> bool:
    return not await sounds(tab)


async def test_a_shared_screens_sound_is_heard_while_the_microphone_is_off_and_ends_with_the_share(
    demo: County, callers: Callers
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester", language="en"), await callers("specialist", language="en")
    await join(doctor, consult)
    await join(specialist, consult)
    await hears_and_sees(specialist)
    await doctor.locator("[data-call-microphone]").click()
    await until(lambda: is_silent(specialist))
    share = doctor.locator("[data-call-screen-share]")
    await share.click()
    await doctor.locator(".toast").get_by_text("also while your microphone is off").wait_for()
    await share.get_by_text("Stop sharing picture and sound").wait_for()
    screen = specialist.locator(".video.screen")
    await screen.get_by_text(f"{REQUESTER} shows a screen with sound").wait_for()
    await screen.locator("video").wait_for(state="visible")
    await until(lambda: sounds(specialist))
    person = specialist.locator(".tiles .video:not(.mine):not(.screen)")
    await person.get_by_text("muted").wait_for(state="attached")
    for tab in (doctor, specialist):
        await axe_finds_nothing(tab)
    await doctor.reload()  # a browser shares nothing by itself after a reload
    await screen.wait_for(state="detached")
    await until(lambda: is_silent(specialist))
    await share.click()
    await until(lambda: sounds(specialist))
    await share.click()
    await screen.wait_for(state="detached")
    await until(lambda: is_silent(specialist))
    assert await share.inner_text() == Person(doctor, "en").say("Share screen")
    await doctor.locator("[data-call-microphone]").click()
    await until(lambda: sounds(specialist))
