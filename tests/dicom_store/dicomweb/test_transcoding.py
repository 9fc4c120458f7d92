"""Films in the transfer syntax that is asked for: the same values, laid out anew."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from tests.builders import films
from tests.dicom_store.dicomweb.wire import parts_of, post

LITTLE, HTJ2K = str(ExplicitVRLittleEndian), str(HTJ2KLossless)
PIXELS = (np.arange(3 * 40 * 40, dtype="<i2").reshape(3, 40, 40) * 7) - 9000


def made(syntax: str) -> bytes:
    data = films.dataset(40, NumberOfFrames=3)
    if syntax == JPEG2000Lossless:
        packed = [imagecodecs.jpeg2k_encode(frame, level=0, codecformat="J2K", reversible=True) for frame in PIXELS]
        data.PixelData = encapsulate([bytes(frame) for frame in packed])
        data["PixelData"].is_undefined_length = True
    else:
        data.PixelData = PIXELS.astype(">i2" if syntax == ExplicitVRBigEndian else "<i2").tobytes()
    return films.encode(data, syntax)


def address(film: bytes) -> str:
    study, series, instance = films.uids(film)
    return f"/dicomweb/studies/{study}/series/{series}/instances/{instance}"


SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    ExplicitVRLittleEndian,
]


@pytest.mark.parametrize("syntax", SYNTAXES)
async def test_the_same_values_in_another_form(client: Any, syntax: str) -> None:
    film = made(syntax)
    await post(client, [film])
    for target in (LITTLE, HTJ2K):
        accept = {"Accept": f"application/dicom; transfer-syntax={target}"}
        answer = await client.get(address(film), headers=accept)
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={target}"
        body = await answer.read()
        found = pydicom.dcmread(io.BytesIO(body))
        assert found.file_meta.TransferSyntaxUID == target
        assert found.SOPInstanceUID == films.uids(film)[2]
        assert found.PatientName.ideographic == "王^芳"
        if target == LITTLE:
            assert found.PixelData == PIXELS.tobytes()
        frames = list(pydicom.encaps.generate_frames(found.PixelData, number_of_frames=3)) if target == HTJ2K else []
        assert all(np.array_equal(imagecodecs.htj2k_decode(one), PIXELS[n]) for n, one in enumerate(frames))
        part = await client.get(address(film), headers={**accept, "Range": "bytes=100-199"})
        assert (part.status, await part.read()) == (206, body[100:200])


@pytest.mark.parametrize("syntax", SYNTAXES)
async def test_frames_in_another_form(client: Any, syntax: str) -> None:
    film = made(syntax)
    await post(client, [film])
    plain = await client.get(
        f"{address(film)}/frames/3,1",
        headers={"Accept": f'multipart/related; type="application/octet-stream"; transfer-syntax={LITTLE}'},
    )
    assert [frame for _, frame in await parts_of(plain)] == [PIXELS[2].tobytes(), PIXELS[0].tobytes()]
    for accept in (f"image/jphc; transfer-syntax={HTJ2K}", "image/jphc"):
        answer = await client.get(f"{address(film)}/frames/2", headers={"Accept": accept})
        assert answer.headers["Content-Type"] == f"image/jphc; transfer-syntax={HTJ2K}"
        assert np.array_equal(imagecodecs.htj2k_decode(await answer.read()), PIXELS[1])
    for number in ("4", "0"):
        missing = await client.get(f"{address(film)}/frames/{number}", headers={"Accept": "image/jphc"})
        assert missing.status == 404


async def test_a_series_in_another_form_keeps_what_cannot_be_decoded_as_it_is(client: Any) -> None:
    shared = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}
    good = films.encode(films.dataset(InstanceNumber=1, **shared), ImplicitVRLittleEndian)
    data = films.dataset(InstanceNumber=2, **shared)
    data.PixelData = encapsulate([b"broken!!"])
    data["PixelData"].is_undefined_length = True
    broken = films.encode(data, JPEG2000Lossless)
    await post(client, [good, broken])
    accept = {"Accept": f'multipart/related; type="application/dicom"; transfer-syntax={LITTLE}'}
    answer = await client.get("/dicomweb/studies/1.2.3/series/1.2.3.4", headers=accept)
    parts = await parts_of(answer)
    assert [kind.rpartition("=")[2] for kind, _ in parts] == [LITTLE, str(JPEG2000Lossless)]
    assert parts[1][1] == broken
    assert (await client.get(address(broken), headers=accept)).status == 406
    assert (await client.get(address(broken), headers={"Accept": "application/dicom"})).status == 200


async def test_of_what_weighs_the_same_the_stored_form_is_sent(client: Any) -> None:
    film = made(JPEG2000Lossless)
    await post(client, [film])
    both = f"application/dicom; transfer-syntax={LITTLE}, application/dicom; transfer-syntax={JPEG2000Lossless}"
    assert await (await client.get(address(film), headers={"Accept": both})).read() == film
    rather = f"application/dicom; transfer-syntax={LITTLE}, application/dicom; q=0.5"
    assert await (await client.get(address(film), headers={"Accept": rather})).read() != film


async def test_a_browser_gets_a_file_and_not_parts(client: Any) -> None:
    film = films.film()
    await post(client, [film])
    answer = await client.get(address(film), headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert await answer.read() == film


async def test_a_film_without_pixels_is_laid_out_anew(client: Any) -> None:
    film = films.encode(films.dataset(PixelData=None), ImplicitVRLittleEndian)
    await post(client, [film])
    answer = await client.get(address(film), headers={"Accept": f"application/dicom; transfer-syntax={LITTLE}"})
    assert pydicom.dcmread(io.BytesIO(await answer.read())).file_meta.TransferSyntaxUID == LITTLE
    answer = await client.get(address(film), headers={"Accept": f"application/dicom; transfer-syntax={HTJ2K}"})
    assert answer.status == 406
