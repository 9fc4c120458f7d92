"""axe finds nothing on any page of the sample county: WCAG 2.2 AA, both languages, desk and phone, films loaded."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.builders.county import County
from tests.builders.rounds import DESKTOP, PHONE, somebody, stops, visit, wider_than_the_screen
from tests.web.conftest import REPOSITORY

AXE = REPOSITORY / "web" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm ci in web/frontend)"),
]


async def violations(tab: Page) -> list[str]:
    """What axe says against the page as it stands."""
    await tab.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = await tab.evaluate(
        f"axe.run({{runOnly: {json.dumps(TAGS)}}}).then((result) => result.violations)"
    )
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_no_page_has_a_fault(demo: County, browser: Browser, size: tuple[int, int], language: str) -> None:
    told: list[str] = []
    people: dict[str, Page] = {}
    for stop in stops(demo):
        if stop.role not in people:
            people[stop.role] = await somebody(browser, demo, stop.role, size, language)
        tab = people[stop.role]
        await visit(tab, stop)
        told += [f"{stop.name}: {line}" for line in await violations(tab)]
        if (wide := await wider_than_the_screen(tab)) > 0:
            told.append(f"{stop.name}: {wide} px wider than the screen")
    for tab in people.values():
        await tab.context.close()
    assert told == []
