"""An image, from the village to the specialist's screen: a real series, a line that breaks, pixels, a key image."""

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Page, Route

from tests.builders.county import County
from tests.journeys import steps
from tests.journeys.conftest import OpenPage
from tests.journeys.steps import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_an_image_goes_from_the_village_to_the_specialists_screen(
    demo: County, page: OpenPage, complaints: list[str], tmp_path: Path, language: str
) -> None:
    files = steps.a_series(tmp_path / "films")
    doctor = Person(await page("requester", language=language), language)
    consult = await steps.new_patient(doctor, {"zh_CN": "钱玉珍", "en": "孙兰芳"}[language])
    await steps.ask(doctor, "请会诊：影像如何诊断？", "头痛两周，神经系统查体无异常。")
    await upload_with_a_broken_line(doctor, files)
    await listed(doctor)
    await steps.finish(doctor, kind="imaging", conclusion="未见明显异常")
    shown = complaints.copy()
    complaints.clear()

    coordinator = Person(await page("coordinator", language=language), language)
    await steps.assign(coordinator, consult)
    specialist = Person(await page("specialist", language=language), language)
    await steps.bare_move(specialist, consult, "accept")
    await specialist.tab.wait_for_url("**?done=moved")
    thumbnail = specialist.tab.locator("#films img").first
    await thumbnail.scroll_into_view_if_needed()
    await steps.until(lambda: thumbnail.evaluate("(image) => image.complete && image.naturalWidth > 0"))
    await steps.bare_move(specialist, consult, "begin_report")
    await specialist.tab.wait_for_url("**/report")
    await specialist.tab.goto(f"/consults/{consult}/viewer")
    await steps.drawn(specialist.tab)
    assert (await brightness(specialist.tab)).std() > 10
    await specialist.tab.keyboard.press("k")
    note = specialist.tab.get_by_label(specialist.say("Note for the report (may stay empty)"))
    await note.fill("关键层面")
    await note.press("Enter")
    await specialist.tab.get_by_text(specialist.say("Key image saved")).wait_for()

    await specialist.tab.goto(f"/consults/{consult}/report")
    strip = specialist.tab.locator("[data-key-image-strip] a")
    await steps.until(strip.count)
    assert "关键层面" in await strip.first.inner_text()
    await specialist.tab.locator("#findings").fill("脑实质未见异常信号。")
    await specialist.tab.locator("#opinion").fill("未见明显异常。")
    await specialist.tab.locator("#password").fill(demo.password)
    await specialist.tab.locator("button[value=sign]").click()
    await specialist.tab.wait_for_url("**?done=signed")
    pdf = demo.api("requester").get(f"/api/v1/consults/{consult}/report.pdf")
    assert pdf.status_code == 200
    import pypdf

    assert sum(len(sheet.images) for sheet in pypdf.PdfReader(io.BytesIO(pdf.content)).pages) >= 1
    assert complaints == []
    assert [line for line in shown if "ERR_" not in line] == [], "only the cut line itself was complained about"


async def upload_with_a_broken_line(doctor: Person, files: list[Path]) -> None:
    """Choose the folder's files; the line breaks on the way, the page is closed, and it goes on where it stopped."""
    tab, sent, broken = doctor.tab, [0], [True]

    async def line(route: Route) -> None:
        sent[0] += 1
        if broken[0] and sent[0] > 3:
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await tab.route("**/uploads/**", line)
    await tab.locator("[data-upload-input=files]").set_input_files(files)
    await steps.until(lambda: done_by(sent, 5))
    tab.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await tab.reload()
    broken[0] = False
    words = doctor.say("{n} of {total} verified", n=len(files), total=len(files))
    await tab.locator("[data-upload-input=files]").set_input_files(files)
    await tab.locator("[data-upload-count]", has_text=words).wait_for()


async def listed(doctor: Person) -> None:
    """What was verified stands in the form's list as soon as the clinic has heard of it."""
    for _ in range(20):
        await doctor.tab.reload()
        if await doctor.tab.locator("section[aria-labelledby=films] .state.done").count():
            return
        await asyncio.sleep(1)
    raise AssertionError("the films never stood in the form's list")


async def done_by(sent: list[int], count: int) -> bool:
    return sent[0] >= count


async def brightness(tab: Page) -> np.ndarray:
    """What is drawn in the middle of the first film."""
    box = await tab.locator(".viewer .film").first.bounding_box()
    assert box is not None
    part = {name: box[name] + box[size] * 0.25 for name, size in (("x", "width"), ("y", "height"))}
    part |= {size: box[size] * 0.5 for size in ("width", "height")}
    return np.asarray(Image.open(io.BytesIO(await tab.screenshot(clip=part))).convert("L"), dtype=np.float64)
