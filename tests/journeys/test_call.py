"""The call of a consult: both sides, other browsers, refused devices, outside clients, who has lost the right."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import ClientSession
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from playwright.async_api import Page

from tests.builders.county import County
from tests.builders.walks import draft, move
from tests.journeys.callers import Callers, hears_and_sees, is_in, join, names, phase, received, seat_shown, shows
from tests.journeys.firefox import FIREFOX, firefox
from tests.journeys.measures import axe_finds_nothing
from tests.journeys.steps import Person
from tests.journeys.steps import until as soon

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUESTER, SPECIALIST = "刘秀兰", "陈景和"


def figures(demo: County) -> dict[str, float]:
    """The media process's, as the site shows them to its own machine."""
    lines = requests.get(f"{demo.url}/metrics", timeout=30).text.splitlines()
    return {name: float(value) for name, _, value in (line.partition(" ") for line in lines if line[:6] == "media_")}


async def test_two_sides_hear_and_see_each_other_through_reloads_films_and_leaving(
    demo: County, callers: Callers
) -> None:
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester"), await callers("specialist", language="en")
    await join(doctor, consult)
    await join(specialist, consult)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    await shows(names, doctor, [SPECIALIST])
    await shows(names, specialist, [REQUESTER])
    seat = await seat_shown(specialist)
    relay = await asyncio.to_thread(figures, demo)
    assert relay["media_peers"] >= 2
    assert relay["media_packets_out_total"] > 0
    assert relay["media_codec_contexts"] == 0, "the relay never decodes"
    for described in ("localDescription", "remoteDescription"):
        sdp = await doctor.evaluate(f"window.connections.at(-1).{described}.sdp")
        assert "a=rtcp-fb:111 nack\r\n" in sdp, "lost voice is sent again: 111 is Chromium's Opus"

    await doctor.locator("#call-message").fill("第 20 层的结节请看一下。")
    await doctor.keyboard.press("Enter")
    await specialist.get_by_text("第 20 层的结节请看一下。").wait_for()

    await doctor.reload()
    await is_in(doctor)
    await specialist.locator(".films-switch").click()
    await specialist.frame_locator("iframe.films").locator("main, canvas").first.wait_for()
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    await shows(names, specialist, [REQUESTER])
    await shows(seat_shown, specialist, seat)

    await doctor.goto(f"/consults/{consult}/viewer")
    await doctor.locator(".incall.tile").wait_for()
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))

    await doctor.locator(".incall.tile [data-call-leave]").click()
    await shows(names, specialist, [])
    await doctor.goto(f"/consults/{consult}")
    await doctor.locator("#talk-title").wait_for()
    assert await doctor.locator(".incall").count() == 0

    await join(doctor, consult)
    await doctor.locator("[data-call-leave]").click()
    await doctor.locator("[data-call-back]").click()
    await is_in(doctor)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    await shows(names, specialist, [REQUESTER])
    await shows(seat_shown, specialist, seat)


@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed")
async def test_firefox_is_one_of_the_two_sides(demo: County, callers: Callers, tmp_path: Path) -> None:
    consult = demo.facts["samples"]["consult"]
    specialist = await callers("specialist")
    await join(specialist, consult)
    async with firefox(tmp_path / "profile") as doctor:
        await doctor.goto(demo.link("requester"))
        await doctor.goto(f"{demo.url}/consults/{consult}/call")
        await doctor.click("[data-call-join]")
        await shows(names, specialist, [REQUESTER])
        await hears_and_sees(specialist)
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
    await shows(phase, first, "replaced")
    await asyncio.gather(hears_and_sees(second), hears_and_sees(specialist))
    await shows(names, specialist, [REQUESTER])
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


# ---------------------------------------------------------------- outside clients
async def negotiated(http: ClientSession, connection: RTCPeerConnection, url: str) -> str:
    """Offer over HTTP, as WHIP and WHEP say. Returns where to end it."""
    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    async with http.post(url, data=offer, headers={"Content-Type": "application/sdp"}) as answer:
        assert answer.status == 201, await answer.text()
        await connection.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
        return answer.headers["Location"]


async def test_an_outside_client_watches_the_call_by_whep_and_is_in_it_by_whip(
    demo: County, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    consult = demo.facts["samples"]["consult"]
    doctor = await callers("requester")
    await join(doctor, consult)
    outside, calls = demo.api("specialist"), f"/api/v1/consults/{consult}/calls"
    room = (await asyncio.to_thread(outside.good, "POST", calls))["room"]
    publisher = (await asyncio.to_thread(demo.api("requester").good, "POST", calls))["participant"]
    viewer, camera = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    async with ClientSession(demo.url, headers=outside.headers) as http:
        for kind in ("audio", "video"):
            viewer.addTransceiver(kind, direction="recvonly")
        await negotiated(http, viewer, f"{demo.facts['whep'].replace('{room}', room)}?publisher={publisher}")
        track = next(one.receiver.track for one in viewer.getTransceivers() if one.kind == "video")
        picture: Any = await asyncio.wait_for(track.recv(), 60)
        assert picture.width > 0
        await viewer.close()

        camera.addTrack(AudioStreamTrack())
        camera.addTrack(VideoStreamTrack())
        session = await negotiated(http, camera, demo.facts["whip"].replace("{room}", room))
        await shows(names, doctor, [SPECIALIST])
        before = (await received(doctor)).frames
        await soon(lambda: _more_frames(doctor, before))
        assert (await asyncio.to_thread(figures, demo))["media_codec_contexts"] == 0
        async with http.delete(session) as answer:
            assert answer.status == 200
        await shows(names, doctor, [])
        await camera.close()


# ---------------------------------------------------------------- the right to be there
def accepted(demo: County) -> str:
    """A consult of its own: other tests need theirs as it is."""
    doctor, specialist = demo.api("requester"), demo.api("specialist")
    _, consult = draft(doctor)
    move(doctor, consult, "submit", reason="其余检查本院无条件完成。")
    move(demo.api("coordinator"), consult, "assign", specialist_id=specialist.good("GET", "/api/v1/me")["id"])
    move(specialist, consult, "accept")
    return consult


def reassign(demo: County, consult: str) -> None:
    """Give it to somebody else of the same hospital."""
    coordinator = demo.api("coordinator")
    everybody = coordinator.good("GET", "/api/v1/specialists")["items"]
    me = next(one for one in everybody if one["name"] == SPECIALIST)
    other = next(one for one in everybody if one["institution"] == me["institution"] and one["id"] != me["id"])
    move(coordinator, consult, "reassign", specialist_id=other["id"], reason="出差")


async def test_whoever_loses_the_case_is_out_of_the_call_at_once_and_the_record_says_so(
    demo: County, callers: Callers
) -> None:
    consult = await asyncio.to_thread(accepted, demo)
    doctor, specialist = await callers("requester", language="en"), await callers("specialist")
    await join(doctor, consult)
    await join(specialist, consult)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    calls = f"/api/v1/consults/{consult}/calls"

    async def measured() -> bool:
        told = await asyncio.to_thread(demo.api("requester").good, "GET", calls)
        return {"joined", "quality"} <= {event["kind"] for event in told["items"][0]["events"]}

    await soon(measured)
    await asyncio.to_thread(reassign, demo, consult)
    await specialist.locator(".call-after").wait_for()
    await shows(phase, specialist, "removed")
    await shows(names, doctor, [])
    await shows(phase, doctor, "in")
    await specialist.goto(f"/consults/{consult}/call")
    assert await specialist.locator("[data-call-join]").count() == 0

    await doctor.locator("[data-call-leave]").click()
    say = Person(doctor, "en").say
    await doctor.goto(f"/consults/{consult}")
    timeline = doctor.locator(".timeline")  # a list for each day
    for line in ("{who} came into the call", "{who} was taken out of the call"):
        await timeline.get_by_text(say(line, who=SPECIALIST)).first.wait_for()
    await timeline.get_by_text(
        say("The line: {loss} % lost on the way, {ms} ms there and back").partition("{")[0]
    ).first.wait_for()


# ---------------------------------------------------------------- one camera in several sizes
SOCKETS = """(() => {
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(...given) { super(...given); window.socket = this; }
  };
})()"""
ASKED = """window.socket.dispatchEvent(new MessageEvent('message', {data: '{"type": "layers", "on": true}'}))"""
SIZES = """async () => {
  const sizes = [];
  for (const line of (await window.connections.at(-1).getStats()).values())
    if (line.type === 'outbound-rtp' && line.kind === 'video' && line.framesPerSecond) sizes.push(line.frameWidth);
  return sizes.sort((one, other) => one - other);
}"""


async def test_a_camera_is_sent_in_several_sizes_when_asked_and_in_one_again(demo: County, callers: Callers) -> None:
    """The exchange asks where lines differ; here the word is put into its mouth, and it takes it back by itself."""
    consult = demo.facts["samples"]["consult"]
    doctor, specialist = await callers("requester"), await callers("specialist")
    await doctor.add_init_script(SOCKETS)
    await join(doctor, consult)
    await join(specialist, consult)
    await hears_and_sees(specialist)
    await doctor.evaluate(ASKED)
    several: list[int] = []

    async def sent_in_several() -> bool:
        several[:] = await doctor.evaluate(SIZES)
        return len(several) > 1

    await soon(sent_in_several)
    assert several[0] * 2 <= several[-1]
    await hears_and_sees(specialist)

    async def sent_in_one() -> bool:
        return len(await doctor.evaluate(SIZES)) == 1

    await soon(sent_in_one)
    await hears_and_sees(specialist)
