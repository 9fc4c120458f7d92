"""A round through all pages of the sample county: who opens what. For tests that look at every page."""

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.async_api import Browser, Page

from tests.builders.county import County

DESKTOP = (1440, 900)
PHONE = (360, 740)
WRITER = "linyuan"
"""The radiologist of the sample who is writing an opinion; has no one-tap link."""


@dataclass(frozen=True)
class Stop:
    """A page on the round.

    Attributes:
        name: What it is called in a table.
        role: Who opens it; "" for a stranger.
        path: Its address.
        has_films: The viewer is on it: the page is complete when all pixels are there.
    """

    name: str
    role: str
    path: str
    has_films: bool = False


def stops(demo: County) -> Sequence[Stop]:
    """All pages, over the sample's consults."""
    ours = demo.facts["samples"]["consult"]
    written = _of_state(demo, "coordinator", "reporting")
    delivered = _of_state(demo, "specialist", "delivered")
    draft = _of_state(demo, "requester", "draft")
    patient = demo.api("requester").good("GET", f"/api/v1/consults/{ours}")["patient"]["id"]
    steps = [Stop(f"request: {step}", "requester", f"/consults/{draft}/edit/{step}") for step in _STEPS]
    return [
        Stop("log-in", "", "/login"),
        Stop("check a report", "", "/verify"),
        Stop("patient's door", "", demo.sample["links"][_patient_words(demo)]),
        Stop("first page", "requester", "/"),
        Stop("worklist", "requester", "/worklist"),
        Stop("new request", "requester", "/consults/new"),
        *steps,
        Stop("lab form", "requester", f"/consults/{draft}/labs/new"),
        Stop("consult", "requester", f"/consults/{ours}"),
        Stop("consult's call", "requester", f"/consults/{ours}/call"),
        Stop("follow-ups", "requester", f"/consults/{ours}/followups"),
        Stop("patients", "requester", "/patients"),
        Stop("new patient", "requester", "/patients/new"),
        Stop("a patient", "requester", f"/patients/{patient}"),
        Stop("a patient's form", "requester", f"/patients/{patient}/edit"),
        Stop("notices", "requester", "/notifications"),
        Stop("account", "requester", "/account"),
        Stop("device check", "requester", "/check"),
        Stop("help", "requester", "/help/consult"),
        Stop("all help", "requester", "/help"),
        Stop("not found", "requester", "/nothing-here"),
        Stop("not allowed", "requester", "/stations"),
        Stop("specialist's first page", "specialist", "/"),
        Stop("specialist's consult", "specialist", f"/consults/{ours}"),
        Stop("reading room", "specialist", f"/consults/{ours}/viewer", has_films=True),
        Stop("report", WRITER, f"/consults/{written}/report", has_films=True),
        Stop("specialist's delivered consult", "specialist", f"/consults/{delivered}"),
        Stop("coordinator's first page", "coordinator", "/"),
        Stop("coordinator's worklist", "coordinator", "/worklist"),
        Stop("duty roster", "coordinator", "/duty"),
        Stop("unmatched", "requester", "/unmatched"),
        Stop("machines", "admin", "/stations"),
        Stop("administrator's first page", "admin", "/"),
        Stop("other clinic's first page", "other_requester", "/"),
    ]


_STEPS = ("patient", "question", "materials", "whom", "consent")


def _patient_words(demo: County) -> str:
    return next(str(words) for words in demo.sample["links"] if "patient" in words)


def _of_state(demo: County, role: str, state: str) -> str:
    page = demo.api(role).good("GET", f"/api/v1/consults?state={state}")
    return str(page["items"][0]["id"])


async def somebody(browser: Browser, demo: County, role: str, size: tuple[int, int], language: str) -> Page:
    """A new browser, logged in, that speaks the language."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, base_url=demo.url, locale="en-GB" if language == "en" else "zh-CN"
    )
    context.set_default_timeout(60_000)
    tab = await context.new_page()
    if role == WRITER:
        await tab.goto("/login")
        await tab.locator("#login").fill(role)
        await tab.locator("#password").fill(demo.password)
        await tab.locator("main button.primary").click()
        await tab.wait_for_url(demo.url + "/")
    elif role:
        await tab.goto(demo.link(role))
    await context.add_cookies([{"name": "lang", "value": language, "url": demo.url}])
    return tab


async def visit(tab: Page, stop: Stop, seconds: float = 90.0) -> None:
    """Open a page and wait until everything on it is there."""
    await tab.goto(stop.path, wait_until="load")
    for _ in range(int(seconds / 0.25) if stop.has_films else 0):
        if await tab.evaluate("document.documentElement.dataset.viewer ?? ''") == "full":
            break
        await tab.wait_for_timeout(250)
    else:
        assert not stop.has_films, f"{stop.name}: the films never came"
    await tab.wait_for_timeout(400)


async def wider_than_the_screen(tab: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    return int(await tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
