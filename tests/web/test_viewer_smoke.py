"""The viewer in a real Chromium, under the strict policy: pixels are drawn, windowed, measured and chosen."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Page

from tests.web.conftest import PACKED, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenPage = Callable[..., Awaitable[Page]]
SECONDS = 15.0
GAP = "\u2002"


async def state(tab: Page) -> str:
    # `wait_for_function` evaluates text, which the policy forbids: ask again instead.
    return str(await tab.evaluate("document.documentElement.dataset.viewer ?? ''"))


async def until(tab: Page, *wanted: str) -> str:
    for _ in range(int(SECONDS / 0.1)):
        now = await state(tab)
        if now in wanted:
            return now
        await asyncio.sleep(0.1)
    raise AssertionError(f"the viewer is {await state(tab)!r}, not {wanted}")


async def until_true(ask: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(int(SECONDS / 0.1)):
        if await ask():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never became true")


async def film(tab: Page, pane: int = 0) -> np.ndarray:
    """What is drawn in a pane, without the words around it: the middle of the canvas, as grey values."""
    box = await tab.locator(".viewer .film").nth(pane).bounding_box()
    assert box is not None
    part = {
        "x": box["x"] + box["width"] * 0.25,
        "y": box["y"] + box["height"] * 0.25,
        "width": box["width"] * 0.5,
        "height": box["height"] * 0.5,
    }
    picture = Image.open(io.BytesIO(await tab.screenshot(clip=part)))
    return np.asarray(picture.convert("L"), dtype=np.float64)


async def drag(tab: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the primary button, in shares of the first film's box."""
    box = await tab.locator(".viewer .film").first.bounding_box()
    assert box is not None

    def at(share: tuple[float, float]) -> tuple[float, float]:
        return box["x"] + box["width"] * share[0], box["y"] + box["height"] * share[1]

    await tab.mouse.move(*at(start))
    await tab.mouse.down()
    for step in range(1, 6):
        part = step / 5
        await tab.mouse.move(
            *at((start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)), steps=2
        )
    await tab.mouse.up()


async def test_the_pixels_are_really_drawn(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    drawn = await film(tab)
    assert drawn.std() > 30
    assert await tab.evaluate("document.documentElement.dataset.imageQualityStatus") == "8"
    assert await tab.locator(".viewer .corner.ne").inner_text() == f"高守田{GAP}Male{GAP}67 years\n2026-11-20 09:12"
    assert [await tab.locator(f".viewer .at-{side}").inner_text() for side in ("left", "right", "top")] == [
        "R",
        "L",
        "A",
    ]
    assert complaints == []


@pytest.mark.parametrize("name", [*(name for name, _ in PACKED), "JPEG", "Loop", "DX"])
async def test_every_codec_draws(site: Site, open_page: OpenPage, complaints: list[str], name: str) -> None:
    tab = await open_page(site.page(series=name), 1000, 700)
    await until(tab, "full")
    assert (await film(tab)).std() > 15
    assert complaints == []


async def test_without_webgl_the_processor_draws_the_same(site: Site, open_page: OpenPage) -> None:
    by_gpu = await open_page(site.page())
    by_cpu = await open_page(site.page(cpu="1"))
    await until(by_gpu, "full")
    await until(by_cpu, "full")
    one, other = await film(by_gpu), await film(by_cpu)
    assert one.std() > 30
    assert np.abs(one - other).mean() < 8


async def test_a_window_drag_changes_the_picture(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    before = await film(tab)
    await drag(tab, (0.5, 0.5), (0.7, 0.3))
    await asyncio.sleep(0.3)
    assert np.abs(await film(tab) - before).mean() > 3
    await tab.keyboard.press("1")
    await until_true(lambda: tab.locator('.viewer .tools [data-preset="0"][aria-pressed="true"]').count())
    assert "W 1500 L −600" in await tab.locator(".viewer .corner.sw").inner_text()
    assert complaints == []


async def test_the_wheel_the_slider_and_the_keys_walk_through_the_series(site: Site, open_page: OpenPage) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    where = tab.locator(".viewer .corner.sw")
    assert (await where.inner_text()).startswith("Image 6 / 12")
    await tab.keyboard.press("ArrowDown")
    await until_true(lambda: _starts(where, "Image 7 / 12"))
    await tab.mouse.move(500, 400)
    await tab.mouse.wheel(0, -120)
    await until_true(lambda: _starts(where, "Image 6 / 12"))
    await tab.locator(".viewer .slices input").fill("12")
    await until_true(lambda: _starts(where, "Image 12 / 12"))
    await until(tab, "full")


async def _starts(place: Any, words: str) -> bool:
    return str(await place.inner_text()).startswith(words)


async def test_a_length_is_drawn_in_millimetres(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    await tab.get_by_role("button", name="Length").click()
    await drag(tab, (0.3, 0.4), (0.5, 0.4))
    mark = tab.locator(".viewer .film svg text")
    await until_true(mark.count)
    box = await tab.locator(".viewer .film").first.bounding_box()
    assert box is not None
    # 256 pixels of 1.4 mm fill the film's height.
    millimetres = 0.2 * box["width"] * (256 * 1.4) / box["height"]
    await asyncio.sleep(0.5)
    number, unit = str(await mark.first.text_content()).split()
    assert float(number) == pytest.approx(millimetres, rel=0.05)
    assert unit == "mm"
    await tab.keyboard.press("Delete")
    await until_true(lambda: _gone(mark))
    assert complaints == []


async def _gone(mark: Any) -> bool:
    return int(await mark.count()) == 0


async def test_an_area_has_mean_and_deviation(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    await tab.keyboard.press("e")
    await drag(tab, (0.49, 0.3), (0.51, 0.33))
    await until_true(tab.locator(".viewer .film svg text").count)
    await asyncio.sleep(0.5)
    mean, _, deviation, unit = str(await tab.locator(".viewer .film svg tspan").first.text_content()).split()
    assert float(mean) == pytest.approx(40, abs=5)
    assert float(deviation) == pytest.approx(12, abs=3)
    assert unit == "HU"
    assert complaints == []


async def test_a_key_image_reaches_the_server(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    await tab.keyboard.press("2")
    await tab.keyboard.press("k")
    await tab.get_by_label("Note for the report (may stay empty)").fill("nodule")
    await tab.keyboard.press("Enter")
    await until_true(lambda: _posted(site))
    await tab.get_by_text("Key image saved").wait_for()
    sixth = site.films.find(site.films.now["uid"], site.films.chosen["ct"])[5]
    assert site.posted == [
        {
            "study_uid": sixth.StudyInstanceUID,
            "series_uid": sixth.SeriesInstanceUID,
            "instance_uid": sixth.SOPInstanceUID,
            "frame": 1,
            "window_center": 40,
            "window_width": 350,
            "note": "nodule",
        }
    ]
    assert site.headers[0]["X-CSRF-Token"] == "token-of-this-page"
    await until_true(lambda: _starts(tab.locator(".viewer .corner.se"), "★ Key image"))
    assert complaints == []


async def _posted(site: Site) -> bool:
    return bool(site.posted)


async def test_measuring_waits_while_only_the_preview_is_here(site: Site, open_page: OpenPage) -> None:
    site.frames_held = True
    tab = await open_page(site.page())
    await until(tab, "preview", "error")
    await tab.get_by_text("Preview quality").wait_for()
    assert (await film(tab)).std() > 15
    await tab.get_by_role("button", name="Length").click(force=True)
    await drag(tab, (0.3, 0.4), (0.5, 0.4))
    await asyncio.sleep(0.5)
    assert await tab.locator(".viewer .film svg text").count() == 0


async def test_what_is_no_picture_gets_a_card(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(site.page(series="SR"))
    await until(tab, "plain")
    await tab.get_by_text("Structured report").wait_for()
    assert complaints == []


async def test_a_prior_hangs_beside_the_current_and_walks_with_it(site: Site, open_page: OpenPage) -> None:
    tab = await open_page(site.page(prior="1"))
    await until(tab, "full")
    badges = tab.locator(".viewer .when")
    await until_true(lambda: _both(badges))
    assert [await badges.nth(n).inner_text() for n in (0, 1)] == [f"Current{GAP}2026-11-20", f"Prior{GAP}2026-05-14"]
    await tab.keyboard.press("b")
    for _ in range(4):
        await tab.keyboard.press("ArrowUp")
    await until_true(lambda: _starts(tab.locator(".viewer .corner.sw").nth(0), "Image 2 / 12"))
    await until_true(lambda: _starts(tab.locator(".viewer .corner.sw").nth(1), "Image 2 / 6"))


async def _both(badges: Any) -> bool:
    return all([await badges.nth(n).inner_text() for n in range(2)]) if await badges.count() == 2 else False


async def test_a_loop_plays(site: Site, open_page: OpenPage) -> None:
    tab = await open_page(site.page(series="Loop"))
    await until(tab, "full")
    where = tab.locator(".viewer .corner.sw")
    assert (await where.inner_text()).startswith("Image 1 / 6")
    await tab.keyboard.press("c")
    await until_true(lambda: _starts(where, "Image 4 / 6"))
    await tab.keyboard.press("c")


async def test_turning_flipping_and_reset(site: Site, open_page: OpenPage) -> None:
    tab = await open_page(site.page())
    await until(tab, "full")
    left = tab.locator(".viewer .at-left")
    assert await left.inner_text() == "R"
    await tab.keyboard.press("h")
    await until_true(lambda: _starts(left, "L"))
    await tab.keyboard.press("0")
    await until_true(lambda: _starts(left, "R"))
    await tab.keyboard.press("r")
    await until_true(lambda: _starts(left, "P"))
    before = await film(tab)
    await tab.keyboard.press("i")
    await asyncio.sleep(0.3)
    assert np.abs(await film(tab) - before).mean() > 30


async def test_a_phone_shows_one_film_with_the_tools_in_reach(
    site: Site, open_page: OpenPage, complaints: list[str]
) -> None:
    tab = await open_page(site.page(prior="1"), 360, 740, has_touch=True, is_mobile=True)
    await until(tab, "full")
    assert await tab.locator(".viewer .view").count() == 1
    assert await tab.evaluate("document.documentElement.scrollWidth") == 360
    for name in ("Series", "Measure", "Key image", "More", "Next image"):
        box = await tab.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert box["y"] > 740 * 2 / 3
        assert min(box["width"], box["height"]) >= 44
    await tab.get_by_role("button", name="Series", exact=True).tap()
    await tab.locator(".viewer .strip .thumb", has_text="HTJ2K").tap()
    await until_true(lambda: _starts(tab.locator(".viewer .corner.sw"), "Image 1 / 2"))
    await tab.locator(".viewer .inset button").tap()
    await until_true(lambda: _starts(tab.locator(".viewer .when"), "Prior"))
    assert complaints == []
