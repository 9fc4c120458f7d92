"""Forms that save themselves, under the strict policy, and what axe says of the reading room."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from tests.web.conftest import DIST, REPOSITORY, STATIC, Site, page

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenPage = Callable[..., Awaitable[Page]]
AXE = REPOSITORY / "web" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
FORM = """<body><main class="content"><h1>Request</h1><p id="saved"></p>
<form method="post" action="/sent" data-module="autosave confirm-once" data-url="/api/draft" data-version="{version}"
 data-user="u1" data-status="#saved"><input type="hidden" name="version" value="{version}">
<label for="q">Question</label><textarea id="q" name="question">{question}</textarea>
<button class="button primary">Send</button></form></main></body>"""


@dataclass
class Draft:
    """One draft on a server that can be away."""

    version: int = 1
    question: str = ""
    away: bool = False
    saves: int = 0
    sent: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def show(self, _request: web.Request) -> web.Response:
        return page(FORM.format(version=self.version, question=self.question), ("tokens", "components"))

    async def save(self, request: web.Request) -> web.Response:
        if self.away:
            return web.Response(status=503)
        body = await request.json()
        if body["version"] != self.version:
            return web.json_response({"detail": "stale", "version": self.version}, status=409)
        self.version, self.question, self.saves = self.version + 1, body["question"], self.saves + 1
        return web.json_response({"version": self.version})

    async def send(self, request: web.Request) -> web.Response:
        self.sent.append({name: str(value) for name, value in (await request.post()).items()})
        await asyncio.sleep(1)
        return page("<body><h1>Sent</h1></body>")


@pytest_asyncio.fixture(loop_scope="session")
async def draft() -> AsyncIterator[Draft]:
    made = Draft()
    app = web.Application()
    app.add_routes(
        [
            web.get("/", made.show),
            web.put("/api/draft", made.save),
            web.post("/sent", made.send),
            web.static("/dist", DIST),
            web.static("/static", STATIC),
        ]
    )
    async with TestServer(app) as server:
        made.url = str(server.make_url("/"))
        yield made


async def until(true: Callable[[], bool]) -> None:
    for _ in range(150):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never became true")


async def test_a_form_saves_itself_and_says_so(draft: Draft, open_page: OpenPage, complaints: list[str]) -> None:
    tab = await open_page(draft.url)
    await tab.get_by_label("Question").fill("右肺结节？")
    await tab.get_by_text("Saved automatically").wait_for()
    assert (draft.question, draft.version) == ("右肺结节？", 2)
    assert await tab.locator("[name=version]").input_value() == "2"
    assert complaints == []


async def test_text_typed_while_the_server_is_away_outlives_the_page(draft: Draft, open_page: OpenPage) -> None:
    draft.away = True
    tab = await open_page(draft.url)
    await tab.get_by_label("Question").fill("kept")
    await tab.get_by_text("Your text is kept on this device").wait_for()
    await tab.reload()
    await tab.get_by_text("Your unsent text was put back.").wait_for()
    assert await tab.get_by_label("Question").input_value() == "kept"
    draft.away = False
    await until(lambda: draft.question == "kept")


async def test_a_change_made_elsewhere_is_not_overwritten_unasked(draft: Draft, open_page: OpenPage) -> None:
    tab = await open_page(draft.url)
    draft.version, draft.question = 5, "theirs"
    await tab.get_by_label("Question").fill("mine")
    await tab.get_by_text("This form was changed elsewhere").wait_for()
    assert draft.question == "theirs"
    await tab.get_by_role("button", name="Show the other text").click()
    await tab.get_by_text("On this device there is text").wait_for()
    assert await tab.get_by_label("Question").input_value() == "theirs"
    await tab.get_by_role("button", name="Use that text").click()
    await until(lambda: draft.question == "mine")


async def test_two_tabs_with_one_form_are_told(draft: Draft, open_page: OpenPage) -> None:
    one = await open_page(draft.url)
    await one.get_by_label("Question").wait_for()
    other = await one.context.new_page()
    await other.goto(draft.url)
    for tab in (one, other):
        await tab.get_by_text("This form is open in another tab too.").wait_for()
    await other.close()
    await one.get_by_text("This form is open in another tab too.").wait_for(state="detached")


async def test_a_form_goes_out_once(draft: Draft, open_page: OpenPage) -> None:
    tab = await open_page(draft.url)
    await tab.locator("[name=idempotency_key]").wait_for(state="attached")
    await tab.evaluate("for (let n = 0; n < 3; n += 1) document.querySelector('button').click()")
    await tab.get_by_text("Sent").wait_for()
    assert len(draft.sent) == 1
    assert len(draft.sent[0]["idempotency_key"]) >= 32


async def violations(tab: Page) -> list[str]:
    await tab.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = await tab.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}).then((result) => result.violations)"
    )
    return [json.dumps({"rule": one["id"], "nodes": [node["html"][:200] for node in one["nodes"]]}) for one in found]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm ci in web/frontend)")
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (360, 740)])
async def test_axe_finds_nothing_in_the_reading_room(site: Site, open_page: OpenPage, width: int, height: int) -> None:
    tab = await open_page(site.page(prior="1"), width, height)
    for _ in range(150):
        if await tab.evaluate("document.documentElement.dataset.viewer") == "full":
            break
        await asyncio.sleep(0.1)
    assert await violations(tab) == []
    await tab.keyboard.press("?")
    assert await violations(tab) == []
