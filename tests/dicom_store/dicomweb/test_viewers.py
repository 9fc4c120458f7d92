"""Cornerstone's image loaders work unchanged: what their code asks for, word for word, is answered as they read it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from tests.builders import films
from tests.dicom_store.dicomweb.wire import parts_of, post

MODULES = Path(__file__).parents[3] / "web" / "frontend" / "node_modules"
# dicom-image-loader, wadors/loadImage.js: `mediaType` and its `transferSyntax` by default.
WADORS = {"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"}
# wadouri/dataSetCacheManager.js sends an XMLHttpRequest without an Accept header of its own.
WADOURI = {"Accept": "*/*"}


def uri(film: bytes, **more: str) -> dict[str, str]:
    study, series, instance = films.uids(film)
    return {"requestType": "WADO", "studyUID": study, "seriesUID": series, "objectUID": instance, **more}


def compressed() -> tuple[bytes, np.ndarray]:
    values = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32)
    data = films.dataset(32, PixelRepresentation=0)
    packed = bytes(imagecodecs.jpeg2k_encode(values, level=0, codecformat="J2K", reversible=True))
    data.PixelData = encapsulate([packed])
    data["PixelData"].is_undefined_length = True
    return films.encode(data, JPEG2000Lossless), values


async def test_wadors_reads_frames_as_they_are_stored(client: Any) -> None:
    plain, (packed, values) = films.film(), compressed()
    await post(client, [plain, packed])
    for film in (plain, packed):
        study, series, instance = films.uids(film)
        path = f"/dicomweb/studies/{study}/series/{series}/instances/{instance}"
        meta = await (await client.get(f"{path}/metadata")).json(content_type="application/dicom+json")
        assert meta[0]["00280010"]["Value"][0] in {16, 32}
        answer = await client.get(f"{path}/frames/1", headers=WADORS)
        assert answer.headers["Content-Type"].startswith("multipart/related")
        kind, frame = (await parts_of(answer))[0]
        # The loader reads the transfer syntax from the part's own type, and without quotes.
        syntax = kind.partition("transfer-syntax=")[2]
        if film is plain:
            assert (syntax, frame) == ("1.2.840.10008.1.2.1", pydicom.dcmread(io.BytesIO(film)).PixelData)
        else:
            assert syntax == str(JPEG2000Lossless)
            assert np.array_equal(imagecodecs.jpeg2k_decode(frame), values)


async def test_wadouri_reads_whole_films(client: Any) -> None:
    film = compressed()[0]
    await post(client, [film])
    answer = await client.get("/dicomweb/wado", params=uri(film, contentType="application/dicom"), headers=WADOURI)
    assert (answer.status, answer.content_type) == (200, "application/dicom")
    assert await answer.read() == film
    study, series, instance = films.uids(film)
    direct = f"/dicomweb/studies/{study}/series/{series}/instances/{instance}?accept=application/dicom"
    assert await (await client.get(direct, headers=WADOURI)).read() == film
    part = await client.get(
        "/dicomweb/wado", params=uri(film, contentType="application/dicom"), headers={"Range": "bytes=128-131"}
    )
    assert (part.status, await part.read()) == (206, b"DICM")


@pytest.mark.skipif(
    not shutil.which("node") or not (MODULES / "dicom-parser").is_dir(), reason="needs node and the front end's modules"
)
async def test_the_loaders_own_parser_reads_what_wadouri_fetched(client: Any, tmp_path: Path) -> None:
    film = films.film()
    await post(client, [film])
    answer = await client.get("/dicomweb/wado", params=uri(film, contentType="application/dicom"), headers=WADOURI)
    (tmp_path / "film").write_bytes(await answer.read())
    script = (
        "const p=require(process.argv[1]);const b=require('fs').readFileSync(process.argv[2]);"
        "const d=p.parseDicom(new Uint8Array(b));"
        "console.log(JSON.stringify([d.uint16('x00280010'),d.string('x00080018'),d.elements.x7fe00010.length]))"
    )
    command = ["node", "-e", script, str(MODULES / "dicom-parser"), str(tmp_path / "film")]
    said = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(said.stdout) == [16, films.uids(film)[2], 512]


async def test_wado_uri_shows_pictures(client: Any) -> None:
    film = films.film(32)
    await post(client, [film])
    asked = uri(film, contentType="image/png", rows="8", columns="8", windowCenter="40", windowWidth="400")
    answer = await client.get("/dicomweb/wado", params=asked)
    assert (answer.status, answer.content_type) == (200, "image/png")
    assert Image.open(io.BytesIO(await answer.read())).size == (8, 8)
    again = await client.get("/dicomweb/wado", params=asked, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    assert (await client.get("/dicomweb/wado", params=uri(film))).content_type == "image/jpeg"
    plain = uri(film, contentType="application/dicom", transferSyntax="1.2.840.10008.1.2.4.201")
    changed = pydicom.dcmread(io.BytesIO(await (await client.get("/dicomweb/wado", params=plain)).read()))
    assert changed.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.201"


async def test_wado_uri_refuses_what_it_cannot_do(client: Any) -> None:
    film = films.film()
    await post(client, [film])
    for change, status in (
        ({"requestType": "X"}, 400),
        ({"objectUID": ""}, 400),
        ({"objectUID": "../x"}, 400),
        ({"objectUID": "1.2.3"}, 404),
        ({"frameNumber": "x"}, 400),
        ({"windowCenter": "x"}, 400),
        ({"contentType": "text/html"}, 406),
        ({"contentType": "application/dicom", "transferSyntax": "1.2.840.10008.1.2.4.50"}, 406),
    ):
        answer = await client.get("/dicomweb/wado", params={**uri(film), **change})
        assert answer.status == status, change
    west = {"Authorization": "Bearer west"}
    assert (await client.get("/dicomweb/wado", params=uri(film), headers=west)).status == 404
