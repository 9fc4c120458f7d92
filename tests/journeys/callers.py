"""People with cameras: Chromium whose devices are made up, and what its calls have received so far."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.builders.county import County
from tests.journeys.conftest import CHROMIUM, DESKTOP, PATIENCE_MS, PHONE
from tests.journeys.steps import until

# Ten pictures a second: several browsers encode on a machine that is busy with other tests.
_FAKE = ["--no-sandbox", "--use-fake-device-for-media-stream=fps=10", "--allow-loopback-in-peer-connection"]
ALLOWED = (*_FAKE, "--use-fake-ui-for-media-stream")
DENIED = (*_FAKE, "--deny-permission-prompts")

# Every connection of the page is remembered; the page itself is not changed and offers nothing for tests.
REMEMBER = """(() => {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...given) { super(...given); window.connections.push(this); }
  };
})()"""
RECEIVED = """async () => {
  const sum = {frames: 0, energy: 0};
  for (const one of window.connections) {
    if (one.connectionState === 'closed') continue;
    (await one.getStats()).forEach((line) => {
      if (line.type !== 'inbound-rtp') return;
      if (line.kind === 'video') sum.frames += line.framesDecoded || 0;
      else sum.energy += line.totalAudioEnergy || 0;
    });
  }
  return sum;
}"""


@dataclass(frozen=True)
class Received:
    """What a page has received in its open connections."""

    frames: int
    energy: float


async def received(tab: Page) -> Received:
    """Now."""
    found = await tab.evaluate(RECEIVED)
    return Received(found["frames"], found["energy"])


async def hears_and_sees(tab: Page, seconds: float = 120.0, *, frames: int = 10) -> None:
    """Wait until pictures are decoded and sound with energy comes, both still rising."""
    deadline = asyncio.get_running_loop().time() + seconds
    before = await received(tab)
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.5)
        now = await received(tab)
        if now.frames >= before.frames + frames and now.energy > before.energy:
            return
        if now.frames < before.frames:  # a new connection counts from nothing
            before = now
    raise AssertionError(f"nothing came: {before} and then {await received(tab)}")


async def phase(tab: Page) -> str:
    """Where the page's call stands: before, joining, door, in, away, or how it ended."""
    return str(await tab.locator("[data-call-phase]").first.get_attribute("data-call-phase"))


async def is_at_door(tab: Page) -> None:
    """Wait until this page stands at the call's door."""
    await shows(phase, tab, "door")


async def is_in(tab: Page) -> None:
    """Wait until this page has its seat."""
    await shows(phase, tab, "in")


async def join(tab: Page, consult: str) -> None:
    """Into the call of a consult, by its own page."""
    await tab.goto(f"/consults/{consult}/call")
    await tab.locator("[data-call-join]").click()
    await is_in(tab)


async def seat_shown(tab: Page) -> str | None:
    """The seat of the other person, as this page knows it."""
    return await tab.locator(".tiles .video:not(.mine)").first.get_attribute("data-participant")


async def names(tab: Page) -> list[str]:
    """Whom the call shows, without oneself."""
    found = await tab.locator(".tiles .video:not(.mine) .name > span:last-child").all_inner_texts()
    return sorted(text.strip() for text in found)


async def shows(read: Callable[[Page], Awaitable[object]], tab: Page, expected: object) -> None:
    """Wait until the page says this: what somebody else did arrives a moment later."""

    async def says() -> bool:
        return bool(await read(tab) == expected)

    await until(says)


class Callers:
    """Browsers that may or may not use their made-up devices."""

    def __init__(self, demo: County, allowed: Browser, denied: Browser) -> None:
        self._demo = demo
        self._allowed = allowed
        self._denied = denied
        self._open: list[BrowserContext] = []

    async def __call__(
        self,
        role: str = "",
        *,
        phone: bool = False,
        language: str = "zh_CN",
        allow: Sequence[str] | None = None,
        cookies: Sequence[Any] = (),
    ) -> Page:
        """A new browser, logged in as a role; `allow` names what it may use when not everything."""
        shape: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if phone else {}
        browser = self._allowed if allow is None else self._denied
        context = await browser.new_context(
            **{"viewport": DESKTOP, "locale": "en-GB" if language == "en" else "zh-CN", "base_url": self._demo.url}
            | shape,
            permissions=list(allow or ()),
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(REMEMBER)
        self._open.append(context)
        tab = await context.new_page()
        if role:
            await tab.goto(self._demo.link(role))
        await context.add_cookies([*cookies, {"name": "lang", "value": language, "url": self._demo.url}])
        return tab

    async def close(self) -> None:
        """All of them."""
        for context in self._open:
            await context.close()  # one that is closed already stays closed


@asynccontextmanager
async def cameras_of_chromium() -> AsyncIterator[tuple[Browser, Browser]]:
    """One Chromium that may use its made-up devices, one that may not."""
    if not Path(CHROMIUM).exists():
        pytest.skip("There is no Chromium on this machine: nobody calls.")
    async with async_playwright() as playwright:
        allowed = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ALLOWED))
        denied = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(DENIED))
        yield allowed, denied
        await allowed.close()
        await denied.close()


@asynccontextmanager
async def callers_of(demo: County) -> AsyncIterator[Callers]:
    """Browsers for the people of a county."""
    async with cameras_of_chromium() as cameras:
        callers = Callers(demo, *cameras)
        yield callers
        await callers.close()
