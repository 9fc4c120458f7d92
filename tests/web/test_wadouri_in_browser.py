"""Cornerstone's wadouri loader in a real Chromium, at the archive's own WADO-URI door: the film's pixels arrive."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import imagecodecs
import numpy as np
import pydicom
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import JPEG2000Lossless

from dicom_store.app import create_app, open_archive
from tests.builders import films
from tests.builders.archives import Porter, origin, plain, settings
from tests.web.conftest import REPOSITORY
from tools.frontend import machine_node

pytestmark = pytest.mark.asyncio(loop_scope="session")
FRONTEND = REPOSITORY / "web" / "frontend"
VITE = FRONTEND / "node_modules" / "vite" / "bin" / "vite.js"


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loader on a page of its own, built as the real pages are."""
    node = machine_node()
    if node is None or not VITE.exists():
        pytest.skip("The front end's modules are not installed: the loader cannot be built.")
    out = tmp_path_factory.mktemp("loader")
    command = [str(node[0]), str(VITE), "build", "--config", str(FRONTEND / "tests" / "loader" / "vite.config.mjs")]
    environment = {**os.environ, "LOADER_OUT": str(out)}
    done = subprocess.run(command, cwd=FRONTEND, env=environment, capture_output=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr.decode()[-800:]
    return out


def jpeg2000() -> bytes:
    data = pydicom.dcmread(io.BytesIO(films.film(32)))
    data.PixelData = encapsulate([bytes(imagecodecs.jpeg2k_encode(data.pixel_array, level=0, reversible=True))])
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data["PixelData"].VR = "OB"
    kept = io.BytesIO()
    data.save_as(kept, enforce_file_format=True)
    return kept.getvalue()


async def test_the_loader_gets_the_pixels_of_the_films(loader: Path, browser: Browser, tmp_path: Path) -> None:
    wanted = [films.film(32), jpeg2000()]
    async with open_archive(settings(tmp_path)) as archive:
        for film in wanted:
            await archive.ingest.accept(film, origin())
        app = create_app(archive, Porter(), plain)
        script = json.loads((loader / ".vite" / "manifest.json").read_text())["tests/loader/wadouri.ts"]["file"]

        async def page(_: web.Request) -> web.Response:
            return web.Response(
                text=f'<!doctype html><script type="module" src="/loader/{script}"></script>', content_type="text/html"
            )

        app.router.add_get("/page", page)
        app.router.add_static("/loader", loader)
        async with TestServer(app) as server:
            found = await _loaded(browser, str(server.make_url("/page")), wanted)
    for film, one in zip(wanted, found, strict=True):
        data = pydicom.dcmread(io.BytesIO(film))
        # The loader hands out what the modality means: here Hounsfield units.
        values = apply_modality_lut(data.pixel_array, data)
        assert (one["rows"], one["columns"]) == values.shape
        assert np.array_equal(np.array(one["pixels"]).reshape(values.shape), values)


async def _loaded(browser: Browser, page: str, wanted: list[bytes]) -> Any:
    """What the page says of the films that it loaded."""
    addresses = []
    for film in wanted:
        study, series, instance = films.uids(film)
        names = {"studyUID": study, "seriesUID": series, "objectUID": instance, "contentType": "application/dicom"}
        addresses.append(("film", f"/dicomweb/wado?{urlencode({'requestType': 'WADO', **names})}"))
    tab = await browser.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    await tab.goto(f"{page}?{urlencode([('token', 'east'), *addresses])}")
    for _ in range(600):
        said = await tab.evaluate("document.documentElement.dataset.found ?? ''")
        if said or errors:
            break
        await asyncio.sleep(0.1)
    await tab.close()
    assert errors == []
    found = json.loads(said)
    assert isinstance(found, list), found
    return found
