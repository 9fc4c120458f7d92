"""What each page really loads into an empty cache, beside the budgets: bytes as they cross the line, compressed."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.builders.county import County, start
from tests.builders.rounds import DESKTOP, PHONE, Stop, somebody, stops, visit

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.asyncio(loop_scope="session"),
]

KB = 1000
PAGE = 100 * KB
PREVIEW = 10 * KB
BUDGETS: dict[str, int] = {
    "patient's door": 60 * KB,
    "consult": 150 * KB,
    "specialist's consult": 150 * KB,
    "specialist's delivered consult": 150 * KB,
    "reading room": 900 * KB,
    "report": 900 * KB,
}
"""Without pictures; consults have 10 kB more for each preview, the viewer's films are counted apart."""


@dataclass
class Load:
    """What came over the line for one page."""

    code: int = 0
    pictures: list[int] = field(default_factory=list)
    films: int = 0

    def add(self, url: str, kind: str, size: int) -> None:
        if kind == "Image" and "/dicomweb/" in url:
            self.pictures.append(size)
        elif "/dicomweb/" in url:
            self.films += size
        else:
            self.code += size


def budget(stop: Stop, load: Load) -> int:
    """Bytes that the page may cost, its pictures included where they are counted."""
    allowed = BUDGETS.get(stop.name, PAGE)
    return allowed + (0 if stop.has_films else PREVIEW * len(load.pictures))


def cost(stop: Stop, load: Load) -> int:
    """Bytes that count against the budget."""
    return load.code + (0 if stop.has_films else sum(load.pictures))


async def measured(browser: Browser, demo: County, stop: Stop) -> Load:
    """Open a page with an empty cache and add up what crosses the line."""
    tab = await somebody(browser, demo, stop.role, DESKTOP if stop.has_films else PHONE, "zh_CN")
    line = await tab.context.new_cdp_session(tab)
    await line.send("Network.enable")
    await line.send("Network.clearBrowserCache")
    asked: dict[str, tuple[str, str]] = {}
    load = Load()

    def answered(told: dict[str, Any]) -> None:
        asked[told["requestId"]] = (told["response"]["url"], told["type"])

    def finished(told: dict[str, Any]) -> None:
        url, kind = asked.get(told["requestId"], ("", ""))
        load.add(url, kind, int(told["encodedDataLength"]))

    line.on("Network.responseReceived", answered)
    line.on("Network.loadingFinished", finished)
    await visit(tab, stop)
    await tab.context.close()
    return load


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def loads(
    browser: Browser, county: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[tuple[Stop, Load]]]:
    # A county of its own: what other tests book and write would make its pages longer.
    untouched = start(county, tmp_path_factory.mktemp("untouched") / "data")
    try:
        yield [(stop, await measured(browser, untouched, stop)) for stop in stops(untouched)]
    finally:
        untouched.stop()


async def test_no_page_costs_more_than_its_budget(
    loads: list[tuple[Stop, Load]], pytestconfig: pytest.Config, record_property: Any
) -> None:
    rows = [(stop.name, cost(stop, load), budget(stop, load), load.films) for stop, load in loads]
    table = [f"{name:24} {spent / KB:7.1f} kB of {allowed / KB:6.0f}" for name, spent, allowed, _ in rows]
    record_property("page_bytes", json.dumps({name: spent for name, spent, _, _ in rows}))
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("")
        for line in table:
            reporter.write_line(line)
    over = [line for line, (_, spent, allowed, _) in zip(table, rows, strict=True) if spent > allowed]
    assert not over, "over budget:\n" + "\n".join(over)
