"""What people do on the pages, one function a step, in either language: words are looked up, never written here."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page

from dicom_store import phantoms
from teleconsult.http.i18n import translate
from tests.builders.films import SHARED

SPECIALIST = "陈景和"
HOSPITAL = "云川市第一人民医院"


@dataclass(frozen=True)
class Person:
    """Somebody in front of a browser."""

    tab: Page
    language: str = "zh_CN"

    def say(self, message: str, **fields: object) -> str:
        """A text as it stands on the page."""
        return translate(message, self.language, **fields)

    def button(self, message: str, **fields: object) -> Locator:
        return self.tab.get_by_role("button", name=self.say(message, **fields), exact=True)

    def link(self, message: str, **fields: object) -> Locator:
        return self.tab.get_by_role("link", name=self.say(message, **fields), exact=True)

    async def choose(self, name: str, value: str) -> None:
        """A radio button, by the words beside it, as a finger does."""
        await self.tab.locator(f"label:has(input[name={name}][value={value}])").first.click()

    async def go_on(self) -> None:
        """The step's button."""
        await self.tab.locator("button[name=go][value=next]").click()


async def until(true: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
    """Ask again and again; under the pages' policy no text may be evaluated, so the test does the waiting."""
    for _ in range(int(seconds / 0.1)):
        found = await true()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it never became true")


async def new_patient(doctor: Person, name: str, born: str = "1961-04-09") -> str:
    """Begin a request with a patient whom nobody knows yet. Returns the consult's id."""
    tab = doctor.tab
    await tab.goto("/consults/new")
    await tab.locator("#name").fill(name)
    await tab.locator("#sex").select_option("female")
    await tab.locator("#birth_date").fill(born)
    await doctor.choose("allergies_known", "none")
    await doctor.button("Enter this patient and continue").click()
    await tab.wait_for_url("**/edit/question")
    return tab.url.split("/")[4]


async def ask(doctor: Person, question: str, history: str) -> None:
    """The second step."""
    await doctor.tab.locator("#question").fill(question)
    await doctor.tab.locator("#history").fill(history)
    await doctor.go_on()
    await doctor.tab.wait_for_url("**/edit/materials*")


async def type_labs(doctor: Person, title: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """A lab report by hand, from the step of materials and back to it."""
    tab = doctor.tab
    await doctor.link("Enter a lab report").click()
    await tab.wait_for_url("**/labs/new")
    await tab.locator("#title").fill(title)
    for place, row in enumerate(rows):
        for cell, text in zip(("name", "value", "unit", "range"), row, strict=True):
            await tab.locator(f"[name='results.{place}.{cell}']").fill(text)
    await doctor.button("Save the lab report").click()
    await tab.wait_for_url("**/edit/materials*")


async def finish(doctor: Person, *, kind: str = "clinical", conclusion: str = "") -> None:
    """Materials, whom and consent, then submit."""
    await finish_until_consent(doctor, kind=kind, conclusion=conclusion)
    await doctor.tab.locator("button[name=go][value=submit]").click()
    await doctor.tab.wait_for_url("**?done=submitted")


async def finish_until_consent(doctor: Person, *, kind: str = "clinical", conclusion: str = "") -> None:
    """Materials, whom and consent: the last button is left."""
    tab = doctor.tab
    if conclusion:
        await tab.locator("#local_conclusion").fill(conclusion)
    await doctor.choose("anticoagulants", "no")
    await doctor.go_on()
    await tab.wait_for_url("**/edit/whom*")
    await doctor.choose("kind", kind)
    await tab.locator("#target_institution_id").select_option(label=HOSPITAL)
    await doctor.go_on()
    await tab.wait_for_url("**/edit/consent*")
    await doctor.choose("consent_how", "paper")
    await doctor.choose("consent_by", "patient")
    reason = tab.locator("#incomplete_reason")
    if await reason.count():
        await reason.fill("其余检查本院无条件完成。")


async def assign(coordinator: Person, consult: str) -> None:
    """The coordinator gives it to the specialist."""
    tab = coordinator.tab
    await tab.goto(f"/consults/{consult}")
    await tab.locator("a[href='#move-assign']").first.click()
    form = tab.locator("form#move-assign")
    value = await form.locator("option", has_text=SPECIALIST).first.get_attribute("value")
    await form.locator("[name=specialist_id]").select_option(value)
    await form.locator("button[type=submit]").click()
    await tab.wait_for_url("**?done=moved")


async def bare_move(person: Person, consult: str, move: str) -> None:
    """A move that asks for nothing: its button."""
    await person.tab.goto(f"/consults/{consult}")
    await person.tab.locator(f"form[action$='/moves/{move}'] button[type=submit]").first.click()


async def state_of(person: Person) -> str:
    """The state as the consult's page says it."""
    return await person.tab.locator(".case-strip h1").inner_text()


async def drawn(tab: Page, seconds: float = 90.0) -> None:
    """Until the viewer shows the whole quality."""

    async def full() -> bool:
        word = await tab.evaluate("document.documentElement.dataset.viewer ?? ''")
        assert word != "error", "the viewer says that it cannot show the films"
        return bool(word == "full")

    await until(full, seconds)


def a_series(folder: Path) -> list[Path]:
    """A real series where there is one beside the repository, else a painted chest CT."""
    real = sorted((SHARED / "dcm4che").glob("MR*.dcm"))
    if real:
        return [*real, SHARED / "dicomParser" / "CT1_UNC.explicit_little_endian.dcm"]
    from datetime import date

    folder.mkdir(parents=True, exist_ok=True)
    subject = phantoms.Subject("Wu^Guilan=吴^桂兰", "J1", "F", date(1961, 4, 9))
    taken = phantoms.Taken(date(2026, 11, 20), "100000", "青石镇中心卫生院", "journey")
    made = []
    for number, film in enumerate(phantoms.chest_ct(subject, taken, slices=16, size_px=256), start=1):
        path = folder / f"{number:03}.dcm"
        path.write_bytes(film)
        made.append(path)
    return made
