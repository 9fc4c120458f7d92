"""What people show each other in a call: a screen with its sound, the films they look at."""

import asyncio

import pytest
from playwright.async_api import FrameLocator, Page

from tests.builders.county import County
from tests.journeys.callers import Callers, hears_and_sees, join, received
from tests.journeys.measures import axe_finds_nothing
from tests.journeys.steps import Person, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUESTER, SPECIALIST = "刘秀兰", "陈景和"
LISTENED_S = 1.5


async def sounds(tab: Page) -> bool:
    """Whether anything is heard here now; the made-up devices beep twice a second."""
    before = await received(tab)
    await asyncio.sleep(LISTENED_S)
    return (await received(tab)).energy > before.energy


async def both(demo: County, callers: Callers) -> tuple[Page, Page]:
    """The requester and the specialist in the sample's call, in English."""
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester", language="en"), await callers("specialist", language="en")
    await join(doctor, consult)
    await join(specialist, consult)
    return doctor, specialist


async def is_silent(tab: Page) -> bool:
    return not await sounds(tab)


async def test_a_shared_screens_sound_is_heard_while_the_microphone_is_off_and_ends_with_the_share(
    demo: County, callers: Callers
) -> None:
    doctor, specialist = await both(demo, callers)
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


async def looked_at(viewer: Page | FrameLocator) -> str:
    """Which image of how many the first film's slider stands on."""
    return await viewer.locator(".view .slices input").first.get_attribute("aria-valuetext") or ""


async def test_the_requester_follows_the_specialists_films_until_they_look_for_themselves(
    demo: County, callers: Callers
) -> None:
    doctor, specialist = await both(demo, callers)
    shown, followed = (tab.frame_locator("iframe.films") for tab in (specialist, doctor))
    for tab, films in ((specialist, shown), (doctor, followed)):
        await tab.locator(".films-switch").click()
        await films.locator(".view[data-quality=full]").first.wait_for()
    bar = followed.locator(".led")
    await bar.get_by_text(f"You follow {SPECIALIST}").wait_for()

    async def same() -> bool:
        return await looked_at(followed) == await looked_at(shown) != ""

    await until(same)
    slider = shown.locator(".view .slices input").first
    before = await looked_at(shown)
    await slider.focus()
    for _ in range(3):
        await slider.press("ArrowUp")
    assert await looked_at(shown) != before
    await until(same)
    await shown.locator(".view .film").first.hover()
    await followed.locator(".pointer").first.wait_for(state="visible")
    for tab in (doctor, specialist):
        await axe_finds_nothing(tab)

    await followed.locator(".view .film").first.click(position={"x": 20, "y": 200})
    await bar.get_by_text(f"{SPECIALIST} shows films in the call.").wait_for()
    stood = await looked_at(followed)
    await slider.focus()
    for _ in range(3):
        await slider.press("ArrowUp")
    await asyncio.sleep(LISTENED_S)
    assert await looked_at(followed) == stood != await looked_at(shown)
    await bar.get_by_role("button", name="Follow").click()
    await until(same)
    assert not await shown.locator(".led").is_visible(), "whoever is followed is shown nothing of the others"
    await specialist.locator(".films-switch").click()
    await bar.wait_for(state="hidden")


ONE_FORMAT = """(name) => {
  const made = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (what, init) {
    const place = made.call(this, what, init);
    if ((what.kind ?? what) === 'video') {
      const all = RTCRtpReceiver.getCapabilities('video').codecs;
      place.setCodecPreferences(all.filter((one) => one.mimeType === `video/${name}`));
    }
    return place;
  };
}"""
HAS_H264 = "RTCRtpSender.getCapabilities('video').codecs.some((one) => one.mimeType === 'video/H264')"


async def test_two_browsers_without_a_common_video_format_hear_each_other_and_read_why_there_is_no_picture(
    demo: County, callers: Callers
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester", phone=True, language="en"), await callers("specialist")
    if not await doctor.evaluate(HAS_H264):
        pytest.skip("This Chromium has no H264.")
    for tab, name in ((doctor, "VP8"), (specialist, "H264")):
        await tab.add_init_script(f"({ONE_FORMAT})('{name}')")
        await join(tab, consult)
    for tab, language, other in ((doctor, "en", SPECIALIST), (specialist, "zh_CN", REQUESTER)):
        say = Person(tab, language).say
        here = say("This picture cannot be shown here: there is no common video format. The voice goes on.")
        there = "{names} cannot be shown your picture: there is no common video format. You are heard."
        await tab.locator(".tiles .video:not(.mine) .note-line").get_by_text(here).wait_for()
        await tab.locator(".line").get_by_text(say(there, names=other)).wait_for()
        await until(lambda tab=tab: sounds(tab))
        await axe_finds_nothing(tab)
