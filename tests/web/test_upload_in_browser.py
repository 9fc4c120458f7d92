"""Uploading in a real Chromium: pieces with checksums, on after a broken line and a reload, every file judged."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from tests.web.conftest import DIST, STATIC, page

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenPage = Callable[..., Awaitable[Page]]
BODY = """<body><main class="content"><h1>Materials</h1>
<div data-module="upload" data-endpoint="/uploads" data-reference="C1">
<p data-upload-fallback>Needs a script</p></div></main></body>"""


@dataclass
class Tus:
    """A tus server in memory that can break, and that refuses what is called bad."""

    lengths: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, bytearray] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    pieces: list[int] = field(default_factory=list)
    created: int = 0
    broken_after: int | None = None
    url: str = ""

    async def create(self, request: web.Request) -> web.Response:
        assert request.headers["X-CSRF-Token"] == "token-of-this-page"
        self.created += 1
        upload = str(self.created)
        pairs = [pair.partition(" ") for pair in request.headers["Upload-Metadata"].split(",")]
        self.metadata[upload] = {key: base64.b64decode(value).decode() for key, _, value in pairs}
        self.lengths[upload], self.bytes[upload] = int(request.headers["Upload-Length"]), bytearray()
        return web.Response(status=201, headers={"Location": f"/uploads/{upload}", "Tus-Resumable": "1.0.0"})

    async def head(self, request: web.Request) -> web.Response:
        upload = request.match_info["upload"]
        return web.Response(
            headers={
                "Upload-Offset": str(len(self.bytes[upload])),
                "Upload-Length": str(self.lengths[upload]),
                "Tus-Resumable": "1.0.0",
                "Cache-Control": "no-store",
            }
        )

    async def patch(self, request: web.Request) -> web.Response:
        upload = request.match_info["upload"]
        body = await request.read()
        if self.broken_after is not None and len(self.pieces) >= self.broken_after:
            return web.Response(status=503)
        kind, _, digest = request.headers["Upload-Checksum"].partition(" ")
        assert kind == "sha256"
        assert base64.b64decode(digest) == hashlib.sha256(body).digest()
        assert int(request.headers["Upload-Offset"]) == len(self.bytes[upload])
        self.pieces.append(len(body))
        self.bytes[upload] += body
        return web.Response(
            status=204, headers={"Upload-Offset": str(len(self.bytes[upload])), "Tus-Resumable": "1.0.0"}
        )

    async def show(self, request: web.Request) -> web.Response:
        name = self.metadata[request.match_info["upload"]]["filename"]
        if "bad" in name:
            return web.json_response({"files": [{"name": name, "state": "refused", "reason": "This is no film."}]})
        return web.json_response({"files": [{"name": name, "state": "verified", "study_uid": "1.2"}]})


@pytest_asyncio.fixture(loop_scope="session")
async def tus() -> AsyncIterator[Tus]:
    made = Tus()

    async def materials(_request: web.Request) -> web.Response:
        return page(BODY, ("tokens", "components"))

    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.add_routes(
        [
            web.get("/", materials),
            web.post("/uploads", made.create),
            web.head("/uploads/{upload}", made.head),
            web.get("/uploads/{upload}", made.show, allow_head=False),
            web.patch("/uploads/{upload}", made.patch),
            web.static("/dist", DIST),
            web.static("/static", STATIC),
        ]
    )
    async with TestServer(app) as server:
        made.url = str(server.make_url("/"))
        yield made


def film(name: str, size: int, seed: int = 1) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/dicom", "buffer": bytes((seed + n) % 251 for n in range(size))}


async def count(tab: Page, words: str) -> None:
    await tab.locator("[data-upload-count]", has_text=words).wait_for(timeout=20_000)


async def test_files_are_sent_in_checked_pieces_and_judged(
    tus: Tus, open_page: OpenPage, complaints: list[str]
) -> None:
    tab = await open_page(tus.url)
    await tab.evaluate("addEventListener('upload:verified', (event) => (window.last = event.detail))")
    assert await tab.get_by_text("Needs a script").count() == 0
    await tab.locator("[data-upload-input=files]").set_input_files(
        [film("a.dcm", 700_000), film("b.dcm", 1000, 2), film("bad.txt", 10, 3), film("empty.dcm", 0)]
    )
    await count(tab, "2 of 4 verified")
    await tab.get_by_text("This is no film.").wait_for()
    await tab.get_by_text("The file is empty.").wait_for()
    assert sorted(bytes(data) for data in tus.bytes.values()) == sorted(
        [film("", 700_000)["buffer"], film("", 1000, 2)["buffer"], film("", 10, 3)["buffer"]]
    )
    assert len(tus.pieces) > 3
    assert all(words["reference"] == "C1" for words in tus.metadata.values())
    assert (await tab.evaluate("window.last"))["study_uid"] == "1.2"
    assert complaints == []


async def test_what_was_verified_is_not_sent_twice(tus: Tus, open_page: OpenPage) -> None:
    tab = await open_page(tus.url)
    await tab.evaluate("window.same = new File(['abc'], 'same.dcm', {lastModified: 1})")
    put = """() => { const list = new DataTransfer(); list.items.add(window.same);
        const input = document.querySelector('[data-upload-input=files]');
        input.files = list.files; input.dispatchEvent(new Event('change')); }"""
    await tab.evaluate(put)
    await count(tab, "1 of 1 verified")
    await tab.reload()
    await tab.locator(".upload-zone").wait_for()
    await tab.evaluate("window.same = new File(['abc'], 'same.dcm', {lastModified: 1})")
    await tab.evaluate(put)
    await count(tab, "1 of 1 verified")
    assert tus.created == 1


async def test_after_a_broken_line_and_a_reload_it_goes_on_where_it_stopped(tus: Tus, open_page: OpenPage) -> None:
    tus.broken_after = 2
    make = "window.big = new File([new Uint8Array(1500000).fill(7)], 'big.dcm', {lastModified: 1})"
    put = """() => { const list = new DataTransfer(); list.items.add(window.big);
        const input = document.querySelector('[data-upload-input=files]');
        input.files = list.files; input.dispatchEvent(new Event('change')); }"""
    tab = await open_page(tus.url)
    await tab.evaluate(make)
    await tab.evaluate(put)
    for _ in range(100):
        if len(tus.pieces) == 2:
            break
        await asyncio.sleep(0.1)
    tab.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await tab.reload()
    await tab.get_by_text("Cut off before the end: 1.").wait_for()
    tus.broken_after = None
    await tab.evaluate(make)
    await tab.evaluate(put)
    await count(tab, "1 of 1 verified")
    assert tus.created == 1
    assert bytes(tus.bytes["1"]) == bytes([7]) * 1_500_000
    assert sum(tus.pieces) == 1_500_000
