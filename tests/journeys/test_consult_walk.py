"""A consult, from draft to signed opinion: through the pages, in both languages, on a desk and on a phone."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest

from tests.builders.county import County, environment
from tests.journeys import steps
from tests.journeys.conftest import OpenPage
from tests.journeys.steps import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")
FINDINGS = "双肺纹理增多，右下肺见斑片状渗出影，边界不清。"
OPINION = "社区获得性肺炎，轻中度，可在本院治疗。"
SUGGESTION = "阿莫西林克拉维酸钾口服七天，三天后复查血常规。"


@pytest.mark.parametrize(("language", "phone"), [("zh_CN", False), ("en", True)])
async def test_a_consult_goes_from_draft_to_signed_opinion_and_answer(
    demo: County, page: OpenPage, complaints: list[str], tmp_path: Path, language: str, phone: bool
) -> None:
    name = {"zh_CN": "吴桂兰", "en": "何秀英"}[language]
    doctor = Person(await page("requester", phone=phone, language=language), language)
    consult = await steps.new_patient(doctor, name)
    await steps.ask(doctor, "右下肺炎症，是否需要转院？", "发热三天，最高 39 ℃，咳黄痰。\nSpO2 95 %，R 20 次/分。")
    await steps.type_labs(
        doctor, "血常规", [("白细胞", "14.2", "10*9/L", "3.5-9.5"), ("血红蛋白", "128", "g/L", "115-150")]
    )
    await steps.finish(doctor)
    assert await steps.state_of(doctor) == doctor.say("To be assigned")
    row = doctor.tab.locator("table.lab tr", has_text="14.2")
    assert "H" in await row.inner_text()
    assert "3.5-9.5" in (await row.inner_text()).replace("–", "-")

    coordinator = Person(await page("coordinator", language=language), language)
    await steps.assign(coordinator, consult)
    specialist = Person(await page("specialist", language=language), language)
    await specialist.tab.goto("/worklist")
    await specialist.tab.get_by_text(name).first.wait_for()
    await steps.bare_move(specialist, consult, "accept")
    await specialist.tab.wait_for_url("**?done=moved")
    await write_opinion(specialist, consult)
    await specialist.tab.locator("#password").fill("not the password at all")
    await specialist.tab.locator("button[value=sign]").click()
    await specialist.tab.locator("#password-error").wait_for()
    assert await specialist.tab.locator("#findings").input_value() == FINDINGS
    await specialist.tab.locator("#password").fill(demo.password)
    await specialist.tab.locator("button[value=sign]").click()
    await specialist.tab.wait_for_url("**?done=signed")

    await doctor.tab.goto("/notifications")
    await doctor.tab.locator(f"a[href*='{consult}']").first.wait_for()
    await doctor.tab.goto(f"/consults/{consult}")
    assert OPINION in await doctor.tab.locator("#opinion").inner_text()
    path = await doctor.tab.locator("#opinion a[href*='report.pdf']").get_attribute("href")
    assert path is not None
    pdf = await (await doctor.tab.request.get(path)).body()
    text = re.sub(r"\s", "", "".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(pdf)).pages))
    for words in (name, FINDINGS, OPINION, SUGGESTION, steps.SPECIALIST, steps.HOSPITAL):
        assert re.sub(r"\s", "", words) in text
    await judged(doctor, demo, pdf, tmp_path)

    await doctor.tab.goto(f"/consults/{consult}")
    await doctor.tab.locator("a[href='#move-answer']").first.click()
    form = doctor.tab.locator("form#move-answer")
    await form.locator("label:has(input[value=adopted])").click()
    await form.locator("button[type=submit]").click()
    await doctor.tab.wait_for_url("**?done=moved")
    assert await steps.state_of(doctor) == doctor.say("Answered")
    assert [line for line in complaints if "422" not in line] == []


async def write_opinion(specialist: Person, consult: str) -> None:
    """Begin, write, and let the form save itself."""
    await steps.bare_move(specialist, consult, "begin_report")
    await specialist.tab.wait_for_url("**/report")
    for name, text in (("findings", FINDINGS), ("opinion", OPINION), ("suggestion", SUGGESTION)):
        await specialist.tab.locator(f"#{name}").fill(text)
    await specialist.tab.get_by_text(specialist.say("Saved automatically {time}", time="").strip()).first.wait_for()


async def judged(doctor: Person, demo: County, pdf: bytes, folder: Path) -> None:
    """Anybody may check the file: on the page and on the command line; one flipped byte is no longer the opinion."""
    broken = bytearray(pdf)
    broken[len(pdf) // 2] ^= 1
    for content, genuine in ((pdf, True), (bytes(broken), False)):
        file = folder / "opinion.pdf"
        file.write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-m", "teleconsult", "verify-report", str(file)],
            env=environment(TELECONSULT_DATA_DIR=str(demo.data)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is genuine, done.stdout + done.stderr
    await doctor.tab.goto("/verify")
    await doctor.tab.locator("input[type=file]").set_input_files(
        {"name": "opinion.pdf", "mimeType": "application/pdf", "buffer": bytes(broken)}
    )
    await doctor.tab.locator("main form button[type=submit]").last.click()
    await doctor.tab.get_by_text(doctor.say("This file was changed after it was signed. Do not rely on it.")).wait_for()
