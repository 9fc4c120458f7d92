"""WADO-RS gives films back byte for byte, by frame and as JSON, to nobody who may not see them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from blake3 import blake3
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from dicom_store import nativexml
from dicom_store.app import Archive
from dicom_store.errors import FilmRefused
from dicom_store.model import StudyKey
from dicom_store.ports import Action
from tests.builders import films
from tests.builders.archives import Porter, everything_of, origin
from tests.dicom_store.dicomweb.wire import parts_of, post

SINGLE = {"Accept": "application/dicom"}


def address(film: bytes) -> str:
    study, series, instance = films.uids(film)
    return f"/dicomweb/studies/{study}/series/{series}/instances/{instance}"


async def test_a_series_comes_back_byte_for_byte_with_its_length(client: Any) -> None:
    series = films.ct_series(12, size=300)
    await post(client, series)
    study, series_uid, _ = films.uids(series[0])
    for path in (f"/dicomweb/studies/{study}", f"/dicomweb/studies/{study}/series/{series_uid}"):
        answer = await client.get(path)
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(await answer.read())
        parts = await parts_of(answer)
        assert [data for _, data in parts] == series
        assert {kind for kind, _ in parts} == {"application/dicom; transfer-syntax=1.2.840.10008.1.2.1"}


async def test_one_film_comes_alone_with_headers_that_defuse_it(client: Any) -> None:
    film = films.film()
    await post(client, [film])
    answer = await client.get(address(film), headers=SINGLE)
    assert await answer.read() == film
    assert answer.content_type == "application/dicom"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["ETag"] == f'"{blake3(film).hexdigest()}"'


@pytest.mark.parametrize("path", films.real_films(), ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_every_real_film_comes_back_byte_for_byte(archive: Archive, path: Path) -> None:
    data = path.read_bytes()
    try:
        stored = await archive.ingest.accept(path, origin())
    except FilmRefused as refused:
        # Without a SOP Instance UID, cut off, or no film: and it says so.
        assert refused.code in {"no_uid", "not_dicom", "truncated", "dicomdir"}
        return
    scope = everything_of("east")
    described = await archive.index.described(scope, stored.key.study, stored.series, stored.instance)
    record = await archive.index.instance(scope, stored.key.study, stored.series, stored.instance)
    assert await archive.films.whole(record) == data
    json.loads(b"{" + described[0].header + b"}")
    for number in {1, record.frames} if record.frames else set():
        try:
            await archive.films.frames(record, [number])
        except FilmRefused as refused:
            assert refused.code == "no_frame_offsets"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=70000-140000", 70000, 140000)],
)
async def test_a_range_of_a_film(client: Any, wanted: str, start: int, end: int | None) -> None:
    film = films.film(300)
    await post(client, [film])
    answer = await client.get(address(film), headers={**SINGLE, "Range": wanted})
    assert answer.status == 206
    expected = film[start:] if end is None else film[start : end + 1]
    assert await answer.read() == expected
    assert answer.headers["Content-Range"].endswith(f"/{len(film)}")


async def test_a_range_outside_is_refused_and_nonsense_ignored(client: Any) -> None:
    film = films.film()
    await post(client, [film])
    assert (await client.get(address(film), headers={**SINGLE, "Range": "bytes=9999999-"})).status == 416
    for nonsense in ("bytes=a-b", "lines=1-2", "bytes=1-2,5-6", "bytes=-"):
        assert (await client.get(address(film), headers={**SINGLE, "Range": nonsense})).status == 200


async def test_what_the_caller_has_is_not_sent_again(client: Any) -> None:
    film = films.film()
    await post(client, [film])
    for path, headers in ((address(film), SINGLE), (address(film), {}), (address(film) + "/metadata", {})):
        etag = (await client.get(path, headers=headers)).headers["ETag"]
        answer = await client.get(path, headers={**headers, "If-None-Match": etag})
        assert answer.status == 304
        assert await answer.read() == b""


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "multipart/related",
        'multipart/related; type="application/dicom"',
        "multipart/related; type=application/dicom; transfer-syntax=*",
        'multipart/related; type="application/dicom"; transfer-syntax="1.2.840.10008.1.2.1"',
        "text/html, multipart/related;type=application/dicom;q=0.5",
    ],
)
async def test_accept_headers_that_clients_send(client: Any, accept: str) -> None:
    film = films.film()
    await post(client, [film])
    answer = await client.get(address(film), headers={"Accept": accept})
    assert answer.status == 200
    assert (await parts_of(answer))[0][1] == film


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.3']
)
async def test_what_we_do_not_have_is_not_acceptable(client: Any, accept: str) -> None:
    film = films.film()
    await post(client, [film])
    assert (await client.get(address(film), headers={"Accept": accept})).status == 406


async def test_metadata_tells_all_but_the_pixels(client: Any) -> None:
    series = films.ct_series(3)
    await post(client, series)
    study, series_uid, _ = films.uids(series[0])
    for path in (f"/dicomweb/studies/{study}", f"/dicomweb/studies/{study}/series/{series_uid}"):
        answer = await client.get(path + "/metadata")
        assert answer.content_type == "application/dicom+json"
        found = await answer.json(content_type="application/dicom+json")
        assert [item["00200013"]["Value"] for item in found] == [[1], [2], [3]]
        assert found[0]["00100010"]["Value"] == [{"Alphabetic": "Wang^Fang", "Ideographic": "王^芳"}]
        assert found[0]["00080005"]["Value"] == ["ISO_IR 192"]
        bulk = await client.get("/dicomweb" + found[0]["7FE00010"]["BulkDataURI"].split("/dicomweb")[1])
        assert (await parts_of(bulk))[0][1] == pydicom.dcmread(io.BytesIO(series[0])).PixelData


async def test_metadata_in_xml_say_the_same(client: Any) -> None:
    series = films.ct_series(2)
    await post(client, series)
    path = f"/dicomweb/studies/{films.uids(series[0])[0]}/metadata"
    told = await (await client.get(path)).json(content_type="application/dicom+json")
    answer = await client.get(path, headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    assert [nativexml.from_xml(text) for _, text in await parts_of(answer)] == told
    assert answer.headers["ETag"] != (await client.get(path)).headers["ETag"]
    one = await client.get(address(series[0]) + "/metadata", headers={"Accept": "application/dicom+xml"})
    assert one.content_type == "application/dicom+xml"
    assert nativexml.from_xml(await one.read())["7FE00010"]["BulkDataURI"] == told[0]["7FE00010"]["BulkDataURI"]


async def test_bulk_data_have_ranges_and_a_tag(client: Any) -> None:
    film = films.film()
    await post(client, [film])
    path, alone = address(film) + "/bulkdata/7FE00010", {"Accept": "application/octet-stream"}
    whole = await client.get(path, headers=alone)
    part = await client.get(path, headers={**alone, "Range": "bytes=10-19"})
    assert (part.status, await part.read()) == (206, (await whole.read())[10:20])
    assert (await client.get(path, headers={**alone, "If-None-Match": whole.headers["ETag"]})).status == 304
    assert (await client.get(path, headers={"Accept": "text/html"})).status == 406


async def test_a_value_that_looks_like_a_bulk_address_stays_a_value(client: Any) -> None:
    film = films.film(PatientName='{bulk}/x","BulkDataURI":"{bulk}/')
    await post(client, [film])
    found = await (await client.get(address(film) + "/metadata")).json(content_type="application/dicom+json")
    assert found[0]["00100010"]["Value"] == [{"Alphabetic": '{bulk}/x","BulkDataURI":"{bulk}/'}]


async def test_bulk_data_within_sequences_resolve(client: Any) -> None:
    inner = films.dataset()
    del inner.PixelData
    inner.ICCProfile = b"\x07" * 3000
    film = films.film(OpticalPathSequence=pydicom.Sequence([inner]))
    await post(client, [film])
    found = await (await client.get(address(film) + "/metadata")).json(content_type="application/dicom+json")
    uri = found[0]["00480105"]["Value"][0]["00282000"]["BulkDataURI"]
    answer = await client.get("/dicomweb" + uri.split("/dicomweb")[1], headers={"Accept": "application/octet-stream"})
    assert await answer.read() == b"\x07" * 3000
    for wrong in ("00480105", "00480105/7/00282000", "zz", "00480105/0", "00282000"):
        assert (await client.get(address(film) + "/bulkdata/" + wrong)).status == 404


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
async def test_native_frames_are_little_endian_whatever_the_film(client: Any, syntax: str | None) -> None:
    pixels = np.arange(3 * 16 * 16, dtype="<i2").reshape(3, 16, 16)
    data = films.dataset(
        NumberOfFrames=3, PixelData=pixels.astype(">i2" if syntax == ExplicitVRBigEndian else "<i2").tobytes()
    )
    film = films.encode(data, syntax or "1.2.840.10008.1.2.1")
    await post(client, [film])
    answer = await client.get(address(film) + "/frames/3,1")
    assert [frame for _, frame in await parts_of(answer)] == [pixels[2].tobytes(), pixels[0].tobytes()]
    alone = await client.get(address(film) + "/frames/2", headers={"Accept": "application/octet-stream"})
    assert await alone.read() == pixels[1].tobytes()


async def test_frames_of_single_bits_start_at_a_byte(client: Any) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (3, 5, 5), dtype=np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    data = films.dataset(5, NumberOfFrames=3, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0)
    data.PixelData = packed + b"\0" * (len(packed) % 2)
    film = films.encode(data)
    await post(client, [film])
    parts = await parts_of(await client.get(address(film) + "/frames/1,2,3"))
    for (_, frame), expected in zip(parts, bits, strict=True):
        assert frame == np.packbits(expected.reshape(-1), bitorder="little").tobytes()


@pytest.mark.parametrize("table", [True, False])
async def test_encoded_frames_come_as_they_are(client: Any, table: bool) -> None:
    frames = [bytes([number]) * (100 + 2 * number) for number in range(4)]
    data = films.dataset(NumberOfFrames=4)
    data.PixelData = encapsulate(frames, has_bot=table)
    data["PixelData"].is_undefined_length = True
    film = films.encode(data, JPEGBaseline8Bit)
    await post(client, [film])
    for accept in (
        "*/*",
        'multipart/related; type="image/jpeg"',
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
    ):
        answer = await client.get(address(film) + "/frames/2,4", headers={"Accept": accept})
        parts = await parts_of(answer)
        assert [frame for _, frame in parts] == [frames[1], frames[3]]
        assert parts[0][0] == f"image/jpeg; transfer-syntax={JPEGBaseline8Bit}"


async def test_encoded_frames_are_not_acceptable_as_plain_pixels(client: Any) -> None:
    data = films.dataset()
    data.PixelData = encapsulate([b"\1" * 50])
    data["PixelData"].is_undefined_length = True
    film = films.encode(data, RLELossless)
    await post(client, [film])
    answer = await client.get(
        address(film) + "/frames/1", headers={"Accept": 'multipart/related; type="application/octet-stream"'}
    )
    assert answer.status == 406


@pytest.mark.parametrize("frames", ["0", "2", "1,2", "x", "-1", "1.5", "1,", "99999999999"])
async def test_frames_that_are_not_there_are_not_found(client: Any, frames: str) -> None:
    film = films.film()
    await post(client, [film])
    assert (await client.get(f"{address(film)}/frames/{frames}")).status == 404


async def test_pixels_that_lie_about_their_size_have_no_frames(client: Any) -> None:
    film = films.film(Rows=30000)
    await post(client, [film])
    assert (await client.get(address(film) + "/frames/1")).status == 406


async def test_every_read_is_witnessed_before_a_byte_leaves(client: Any, porter: Porter) -> None:
    film = films.film()
    await post(client, [film])
    study = films.uids(film)[0]
    key = frozenset({StudyKey("east", study)})  # type: ignore[arg-type]
    ways = [
        (f"/dicomweb/studies/{study}", Action.READ),
        (address(film), Action.READ),
        (address(film) + "/metadata", Action.READ),
        (address(film) + "/frames/1", Action.READ),
        (address(film) + "/bulkdata/7FE00010", Action.READ),
        ("/dicomweb/studies", Action.SEARCH),
    ]
    for path, action in ways:
        porter.witnessed.clear()
        assert (await client.get(path)).status == 200
        assert porter.witnessed == [("east", action, key)]
    porter.audit_works = False
    for path, _ in ways:
        assert (await client.get(path)).status == 503


async def test_a_guest_sees_only_the_studies_of_the_scope(client: Any, porter: Porter) -> None:
    mine, other = films.film(), films.film()
    await post(client, [mine, other])
    guest = {"Authorization": "Bearer guest"}
    assert (await client.get(address(mine), headers=guest)).status == 404
    porter.readers = {StudyKey("east", films.uids(mine)[0])}  # type: ignore[arg-type]
    assert (await client.get(address(mine), headers=guest)).status == 200
    for path in ("", "/metadata", "/frames/1", "/bulkdata/7FE00010"):
        assert (await client.get(address(other) + path, headers=guest)).status == 404
    found = await (await client.get("/dicomweb/studies", headers=guest)).json(content_type="application/dicom+json")
    assert [item["0020000D"]["Value"][0] for item in found] == [films.uids(mine)[0]]


async def test_deleting_takes_films_series_and_study_along(client: Any, archive: Archive) -> None:
    series = films.ct_series(2)
    await post(client, series)
    study = films.uids(series[0])[0]
    assert (await client.delete(address(series[0]))).status == 204
    found = await (await client.get("/dicomweb/studies")).json(content_type="application/dicom+json")
    assert found[0]["00201208"]["Value"] == [1]
    assert (await client.delete(f"/dicomweb/studies/{study}")).status == 204
    assert (await client.delete(f"/dicomweb/studies/{study}")).status == 404
    assert await (await client.get("/dicomweb/studies")).json(content_type="application/dicom+json") == []
    assert (await post(client, series)).status == 200


async def test_what_is_on_a_record_is_kept_and_the_reason_said(client: Any, porter: Porter) -> None:
    series = films.ct_series(2)
    await post(client, series)
    porter.on_record = {StudyKey("east", films.uids(series[0])[0])}  # type: ignore[arg-type]
    for path in (address(series[0]), f"/dicomweb/studies/{films.uids(series[0])[0]}"):
        answer = await client.delete(path)
        assert answer.status == 403
        assert "must be kept" in (await answer.json(content_type="application/problem+json"))["detail"]
    assert (await client.get(address(series[0]), headers=SINGLE)).status == 200


async def test_nothing_is_deleted_that_could_not_be_witnessed(client: Any, porter: Porter) -> None:
    film = films.film()
    await post(client, [film])
    porter.audit_works = False
    assert (await client.delete(address(film))).status == 503
    porter.audit_works = True
    assert (await client.get(address(film), headers=SINGLE)).status == 200
    porter.witnessed.clear()
    assert (await client.delete(address(film))).status == 204
    assert [action for _, action, _ in porter.witnessed] == [Action.DELETE]
    assert (await client.get(address(film), headers=SINGLE)).status == 404


@pytest.mark.parametrize("uid", ["..%2F..%2Fetc", "1'--", "1." + "2" * 70, "%00"])
async def test_addresses_that_are_no_uids_are_refused(client: Any, uid: str) -> None:
    assert (await client.get(f"/dicomweb/studies/{uid}")).status in {400, 404}
