"""A browser at the doors of the running sample county."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.builders.county import County

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--use-angle=swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
]
PATIENCE_MS = 60_000
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}

OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("There is no Chromium on this machine: nobody walks through the pages.")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield chromium
        await chromium.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console said against the pages of a test; empty at its end unless the test says otherwise."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def page(demo: County, browser: Browser, complaints: list[str]) -> AsyncIterator[OpenPage]:
    """`await page("specialist", phone=True, language="en")`: a new browser, logged in as a role ("" for a stranger)."""
    contexts: list[BrowserContext] = []

    async def opened(role: str = "", *, phone: bool = False, language: str = "zh_CN", **more: Any) -> Page:
        shape: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if phone else {}
        context = await browser.new_context(
            **{"viewport": DESKTOP, "locale": "en-GB" if language == "en" else "zh-CN", "base_url": demo.url}
            | shape
            | more
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        tab = await context.new_page()
        tab.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        tab.on("console", lambda line: complaints.append(f"{line.type}: {line.text}") if line.type == "error" else None)
        if role:
            await tab.goto(demo.link(role))
        # The log-in brings the person's own language; what a test asks for comes after it.
        await context.add_cookies([{"name": "lang", "value": language, "url": demo.url}])
        if role:
            await tab.goto("/")
        return tab

    yield opened
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cameras() -> AsyncIterator[tuple[Browser, Browser]]:
    from tests.journeys.callers import cameras_of_chromium

    async with cameras_of_chromium() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def callers(demo: County, cameras: tuple[Browser, Browser]) -> AsyncIterator[Any]:
    """`await callers("specialist", phone=True, allow=["camera"])`: a new browser with devices, logged in as a role."""
    from tests.journeys.callers import Callers

    made = Callers(demo, *cameras)
    yield made
    await made.close()
