"""Two Chromium pages talk through the exchange over a bad network; counts the frames that the viewer decodes."""

import asyncio
import importlib.util
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from bench.rtc.impair import Impairment, Link
from bench.rtc.machine import HOST

_CHROMIUM = Path("/usr/bin/chromium")
_PAGE_PORT, _PROXY_PORT, _WEAK_PORT, _SERVER_UDP = 8195, 40195, 40196, 40190
_FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--allow-loopback-in-peer-connection",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    f"--unsafely-treat-insecure-origin-as-secure=http://{HOST}:{_PAGE_PORT}",
]  # fmt: skip

LINKS: dict[str, tuple[Link, float]] = {
    "clean": (Link(), 19),
    "5 % loss": (Link(loss=0.05), 19),
    "300 ms RTT": (Link(delay_ms=150), 19),
    "300 kbit/s": (Link(rate_bps=300_000), 15),
    "all three": (Link(loss=0.05, delay_ms=150, rate_bps=300_000), 15),
    "80 kbit/s": (Link(rate_bps=80_000), 0),
}
_CUT_S = 3.0
_WEAK = Link(rate_bps=150_000)
_CUT, _ONE_WEAK = "3 s cut", "150 kbit/s for one"


def missing() -> str:
    """Why no browser can run here; "" if one can."""
    if not _CHROMIUM.exists():
        return f"there is no {_CHROMIUM} (Debian: apt install chromium)"
    return "" if importlib.util.find_spec("playwright") else "playwright is not installed"


async def over_bad_networks(
    exchange: Callable[[str], AbstractContextManager[Any]], names: list[str] | None, seconds: float
) -> dict[str, Any]:
    """Run all links, or the named ones, and a cut."""
    from playwright.async_api import async_playwright

    found: dict[str, Any] = {"links": {}}
    with exchange(f"{HOST}:{_PROXY_PORT}") as server:
        proxy = Impairment((HOST, _SERVER_UDP))
        await proxy.open(HOST, _PROXY_PORT)
        pages = await _serve_pages(server.door[1])
        try:
            async with async_playwright() as playwright:
                chromium = await playwright.chromium.launch(executable_path=str(_CHROMIUM), args=_FLAGS)
                found["browser"] = chromium.version
                exchange_url = server.door[1].replace("http", "ws")
                url = f"http://{HOST}:{_PAGE_PORT}/?token={server.door[2]}&exchange={exchange_url}"
                for name in names or [*LINKS, _CUT]:
                    if name != _ONE_WEAK:
                        found["links"][name] = await _one(chromium, url, proxy, name, seconds)
                        print(f"{name:12} {found['links'][name]}", file=sys.stderr, flush=True)
                if not names or _ONE_WEAK in names:
                    proxy.link = Link()
                    found["one_weak"] = await _one_weak(chromium, url, seconds)
                    print(f"{_ONE_WEAK} {found['one_weak']}", file=sys.stderr, flush=True)
                await chromium.close()
        finally:
            await pages.cleanup()
            proxy.close()
    return found


async def _one(chromium: Any, url: str, proxy: Impairment, name: str, seconds: float) -> dict[str, Any]:
    link, aim = LINKS.get(name, (Link(), 19))
    proxy.link = link
    sender, viewer = await chromium.new_page(), await chromium.new_page()
    room = "".join(filter(str.isalnum, name)) + f"{time.monotonic_ns() % 10**6}"
    try:
        for page in (sender, viewer):
            await page.goto(url)
        await sender.evaluate("room => publish(room)", room)
        await asyncio.sleep(1)
        first_ms = await viewer.evaluate("room => play(room)", room)
        if name == _CUT:
            return await _cut(viewer, proxy)
        await asyncio.sleep(6)  # a call is longer than its first seconds: let the estimate settle
        before, start = await viewer.evaluate("look()"), time.monotonic()
        await asyncio.sleep(seconds)
        after, took = await viewer.evaluate("look()"), time.monotonic() - start
        sent = await sender.evaluate("look()")
        target = f"target {sent.get('target', 0) / 1000:.0f} kbit/s, ladder: {sent['steps'] or 'untouched'}"
        samples = max(1, after["samples"] - before["samples"])
        return {
            "fps": round((after["frames"] - before["frames"]) / took, 1),
            "aim": f"≥ {aim}" if aim else "voice stays",
            "concealed_percent": round(100 * (after["concealed"] - before["concealed"]) / samples, 1),
            "note": f"first frame {first_ms:.0f} ms, {after['width']} px wide, {target}",
            "more": {**{key: after[key] - before[key] for key in ("keys", "plis", "freezes", "in_bytes")}, **sent},
        }
    finally:
        await sender.close()
        await viewer.close()


async def _one_weak(chromium: Any, url: str, seconds: float) -> dict[str, Any]:
    """One who sends and two who watch, one of them behind a narrow link of its own."""
    weak_link = Impairment((HOST, _SERVER_UDP))
    await weak_link.open(HOST, _WEAK_PORT)
    weak_link.link = _WEAK
    pages = [await chromium.new_page() for _ in range(3)]
    sender, good, weak = pages
    room = f"three{time.monotonic_ns() % 10**6}"
    try:
        for page in pages:
            await page.goto(url)
        await sender.evaluate("room => publish(room)", room)
        await good.evaluate("room => play(room)", room)
        await asyncio.sleep(5)
        began = time.monotonic()
        first_ms = await weak.evaluate("([room, port]) => play(room, port)", [room, _WEAK_PORT])
        rows = []
        while time.monotonic() - began < 12 + seconds:
            if time.monotonic() - began < 12:  # the estimate settles, the layers come
                before, start = [await page.evaluate("look()") for page in (good, weak)], time.monotonic()
            await asyncio.sleep(1)
            rows.append([await page.evaluate("look()") for page in (good, weak)])
        after, took = [await page.evaluate("look()") for page in (good, weak)], time.monotonic() - start
        sent = await sender.evaluate("look()")
    finally:
        for page in pages:
            await page.close()
        weak_link.close()
    told = [
        {
            "fps": round((now["frames"] - then["frames"]) / took, 1),
            "width": statistics.mode(row[at]["width"] for row in rows[-int(seconds) :]),
            "kbps": round(8 * (now["in_bytes"] - then["in_bytes"]) / took / 1000),
            "concealed_percent": round(
                100 * (now["concealed"] - then["concealed"]) / max(1, now["samples"] - then["samples"]), 1
            ),
            "freezes": now["freezes"] - then["freezes"],
            "least_fps": min(
                later[at]["frames"] - earlier[at]["frames"]
                for earlier, later in itertools.pairwise(rows[-int(seconds) :])
            ),
        }
        for at, (then, now) in enumerate(zip(before, after, strict=True))
    ]
    return {"other": told[0], "weak": told[1], "first_ms": round(first_ms), "steps": sent["steps"]}


async def _cut(viewer: Any, proxy: Impairment) -> dict[str, Any]:
    await asyncio.sleep(5)
    proxy.cut = True
    await asyncio.sleep(_CUT_S)
    before = (await viewer.evaluate("look()"))["frames"]
    proxy.cut = False
    start = time.monotonic()
    while (await viewer.evaluate("look()"))["frames"] < before + 5 and time.monotonic() - start < 15:
        await asyncio.sleep(0.05)
    healed = time.monotonic() - start
    await asyncio.sleep(2)
    seen, start = await viewer.evaluate("look()"), time.monotonic()
    await asyncio.sleep(4)
    after = await viewer.evaluate("look()")
    fps = (after["frames"] - seen["frames"]) / (time.monotonic() - start)
    return {
        "fps": round(fps, 1),
        "aim": "back ≤ 2 s",
        "concealed_percent": 0.0,
        "note": f"pictures again after {healed:.2f} s",
    }


async def _serve_pages(exchange: str) -> web.AppRunner:
    """The page, and the exchange's doors on the page's own origin."""
    page = (Path(__file__).parent / "page.html").read_text()
    http = ClientSession()

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def pass_on(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in ("Content-Type", "Authorization")}
        async with http.post(exchange + request.path_qs, data=await request.read(), headers=headers) as answer:
            return web.Response(status=answer.status, text=await answer.text(), content_type=answer.content_type)

    async def close(_: web.Application) -> None:
        await http.close()

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_post("/{door:tickets|whep}/{room}", pass_on)
    app.on_cleanup.append(close)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, _PAGE_PORT).start()
    return runner
