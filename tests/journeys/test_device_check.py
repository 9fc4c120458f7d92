"""The page that tries a device before a call, with a made-up camera; and the load that measures its line."""

import pytest

from tests.builders.county import County
from tests.journeys.callers import Callers


@pytest.mark.asyncio(loop_scope="session")
async def test_every_step_is_tried_and_ones_own_picture_comes_back(callers: Callers) -> None:
    tab = await callers("requester", phone=True)
    await tab.goto("/check")
    await tab.locator("[data-begin]").click()
    await tab.locator("[data-answer=true]").click()
    await tab.locator("[data-whole]:not([hidden])").wait_for()
    grades = await tab.locator("[data-step]").evaluate_all(
        "(all) => all.map((one) => [one.dataset.step, one.dataset.grade])"
    )
    tried = dict(grades)
    assert list(tried) == ["browser", "camera", "microphone", "speaker", "line", "media"]
    assert {tried[name] for name in ("browser", "camera", "microphone", "speaker")} == {"good"}
    # A busy machine may lose packets or answer late; what may not be is that nothing comes back.
    assert {tried["line"], tried["media"]} <= {"good", "weak"}


@pytest.mark.asyncio(loop_scope="session")
async def test_without_camera_and_microphone_the_way_on_is_said(callers: Callers) -> None:
    tab = await callers("specialist", allow=(), language="en")
    await tab.goto("/check")
    await tab.locator("[data-begin]").click()
    await tab.locator("[data-answer=false]").click()
    await tab.locator("[data-whole]:not([hidden])").wait_for()
    assert await tab.locator("[data-step=camera]").get_attribute("data-grade") == "bad"
    assert "allow" in (await tab.locator("[data-step=camera] [data-text]").inner_text()).lower()
    assert "red lines" in await tab.locator("[data-whole]").inner_text()


def test_so_many_bytes_come_as_were_asked_for(demo: County) -> None:
    doctor = demo.api("requester")
    for size in (0, 1, 65_536, 65_537, 2 * 1024 * 1024):
        answer = doctor.get("/check/bytes", params={"size": str(size)})
        assert (answer.status_code, len(answer.content)) == (200, size)
        assert "no-store" in answer.headers["Cache-Control"]


def test_what_is_sent_is_thrown_away_and_too_much_is_refused(demo: County) -> None:
    doctor = demo.api("requester")
    assert doctor.call("POST", "/check/bytes", data=b"x" * 100_000).status_code == 204
    assert doctor.call("POST", "/check/bytes", data=b"x" * (2 * 1024 * 1024 + 1)).status_code == 413


def test_wrong_sizes_are_refused_with_a_reason(demo: County) -> None:
    for size in ("-1", "2097153", "x", "1e9", "99999999999999999999"):
        answer = demo.api("requester").get("/check/bytes", params={"size": size})
        assert answer.status_code == 422, size
        assert answer.json()["detail"]
