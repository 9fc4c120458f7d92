"""What is measured of a page: what axe says against it, sizes for old eyes and hands, and what it weighs."""

from collections.abc import Sequence
from typing import Any

from playwright.async_api import Page, Request

from tests.builders.county import REPOSITORY
from tests.journeys.callers import Callers

AXE = REPOSITORY / "web" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


async def axe_finds_nothing(tab: Page) -> None:
    if not AXE.exists():
        return
    await tab.evaluate(AXE.read_text())
    found: list[Any] = await tab.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then((result) => result.violations.map((one) => [one.id, one.nodes[0].html]))"
    )
    assert found == []


async def is_large_enough(tab: Page) -> None:
    """Text of at least 18 px, and nothing to touch below 60 px."""
    small: list[Any] = await tab.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((one) => {
          const box = one.getBoundingClientRect(), style = getComputedStyle(one);
          if (!box.width || style.visibility === 'hidden') return false;
          if (one.closest('[hidden], noscript, .only-read-aloud')) return false;
          const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
          if (text && parseFloat(style.fontSize) < 18) return true;
          return one.matches('a, button, input:not([type=hidden]), select, summary') && box.height < 60;
        }).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert small == []


async def weight(callers: Callers, url: str, cookies: Sequence[Any] = ()) -> int:
    """What a browser that was never here receives for a page, headers and all."""
    tab = await callers(phone=True, cookies=cookies)
    finished: list[Request] = []
    tab.on("requestfinished", lambda request: finished.append(request))
    await tab.goto(url, wait_until="networkidle")
    sizes = [await request.sizes() for request in finished if not request.url.endswith("/favicon.svg")]
    await tab.context.close()
    return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
