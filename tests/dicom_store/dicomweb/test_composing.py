"""STOW-RS of metadata and bulk data: photos, documents and videos become films through the one door."""

from __future__ import annotations

import io
import json
from typing import Any

import av
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from dicom_store import nativexml
from dicom_store.archive import Archive
from tests.builders import films
from tests.builders.archives import everything_of
from tests.dicom_store.dicomweb.wire import parts_of

JSON, XML = "application/dicom+json", "application/dicom+xml"
PHOTO, PDF, VIDEO = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("77.1.4", "104.1", "77.1.4.1"))


def header(sop_class: str, **attributes: Any) -> dict[str, Any]:
    return {
        "00080016": {"vr": "UI", "Value": [sop_class]},
        "00080018": {"vr": "UI", "Value": [generate_uid()]},
        "0020000D": {"vr": "UI", "Value": [generate_uid()]},
        "0020000E": {"vr": "UI", "Value": [generate_uid()]},
        "00080060": {"vr": "CS", "Value": ["XC"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Fang", "Ideographic": "王^芳"}]},
        **attributes,
    }


def pixels(uri: str) -> dict[str, Any]:
    return {"7FE00010": {"vr": "OB", "BulkDataURI": uri}}


async def send(client: Any, metadata: list[bytes], bulk: list[tuple[str, str, bytes]], kind: str = JSON) -> Any:
    parts = [f"--b\r\nContent-Type: {kind}\r\n\r\n".encode() + text for text in metadata]
    for media, location, data in bulk:
        parts.append(f"--b\r\nContent-Type: {media}\r\nContent-Location: {location}\r\n\r\n".encode() + data)
    body = b"\r\n".join([*parts, b"--b--\r\n"])
    headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary=b', "Accept": kind}
    return await client.post("/dicomweb/studies", data=io.BytesIO(body), headers=headers)


async def send_one(client: Any, data_set: dict[str, Any], *bulk: tuple[str, str, bytes]) -> Any:
    return await send(client, [json.dumps([data_set]).encode()], list(bulk))


async def kept(archive: Archive, data_set: dict[str, Any]) -> tuple[bytes, str]:
    study, series, instance = (data_set[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    record = await archive.index.instance(everything_of("east"), study, series, instance)
    path = f"/dicomweb/studies/{study}/series/{series}/instances/{instance}"
    return await archive.films.whole(record), path


def jpeg(size: tuple[int, int] = (40, 30), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 200 if mode == "L" else (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


def mp4(frames: int = 8) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 20, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "photometric"), [("RGB", "YBR_FULL_422"), ("L", "MONOCHROME2")])
async def test_a_photo_keeps_its_bytes_and_says_its_shape(
    client: Any, archive: Archive, mode: str, photometric: str
) -> None:
    data_set, photo = header(PHOTO, **pixels("photo")), jpeg(mode=mode)
    answer = await send_one(client, data_set, ("image/jpeg", "photo", photo))
    assert answer.status == 200, await answer.text()
    data, path = await kept(archive, data_set)
    film = pydicom.dcmread(io.BytesIO(data))
    assert (film.Rows, film.Columns, film.PhotometricInterpretation) == (30, 40, photometric)
    assert film.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert film.PatientName.ideographic == "王^芳"
    frames = await client.get(f"{path}/frames/1", headers={"Accept": 'multipart/related; type="image/jpeg"'})
    assert (await parts_of(frames))[0][1].startswith(photo)
    picture = await client.get(f"{path}/rendered", headers={"Accept": "image/png"})
    assert Image.open(io.BytesIO(await picture.read())).size == (40, 30)


async def test_sent_again_it_is_the_same_film(client: Any, archive: Archive) -> None:
    data_set, photo = header(PHOTO, **pixels("photo")), jpeg()
    for _ in range(2):
        assert (await send_one(client, data_set, ("image/jpeg", "photo", photo))).status == 200
    assert len(await archive.index.arrivals_after(0)) == 1


async def test_a_document_comes_back_byte_for_byte(client: Any, archive: Archive) -> None:
    document = b"%PDF-1.4 odd%%EOF"
    uri = {"00420011": {"vr": "OB", "BulkDataURI": "/bulk/7"}}
    data_set = header(PDF, **uri, **{"00420012": {"vr": "LO", "Value": ["application/pdf"]}})
    assert (await send_one(client, data_set, ("application/pdf", "/bulk/7", document))).status == 200
    data, path = await kept(archive, data_set)
    assert pydicom.dcmread(io.BytesIO(data)).EncapsulatedDocumentLength == len(document)
    answer = await client.get(f"{path}/rendered", headers={"Accept": "text/html,image/webp,*/*;q=0.8"})
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert await answer.read() == document
    bulk = await client.get(f"{path}/bulkdata/00420011", headers={"Accept": "application/octet-stream"})
    assert (await bulk.read()).startswith(document)


async def test_a_video_plays_and_says_its_shape(client: Any, archive: Archive) -> None:
    data_set, video = header(VIDEO, **pixels("v")), mp4()
    answer = await send_one(client, data_set, ("video/mp4", "v", video))
    assert answer.status == 200, await answer.text()
    data, path = await kept(archive, data_set)
    film = pydicom.dcmread(io.BytesIO(data))
    assert (film.Rows, film.Columns, film.NumberOfFrames) == (48, 64, 8)
    assert film.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.102"
    played = await client.get(f"{path}/rendered", headers={"Accept": "video/mp4"})
    assert (played.status, played.content_type) == (200, "video/mp4")
    assert (await played.read()).startswith(video)
    part = await client.get(f"{path}/rendered", headers={"Accept": "video/mp4", "Range": "bytes=4-7"})
    assert (part.status, await part.read()) == (206, b"ftyp")
    still = await client.get(f"{path}/frames/3/rendered", headers={"Accept": "image/png"})
    assert still.status == 200


async def test_plain_pixels_and_several_frames(client: Any, archive: Archive) -> None:
    shape = json.loads(films.dataset().to_json())
    raw = bytes(range(256)) * 2
    native = {**shape, "7FE00010": {"vr": "OW", "BulkDataURI": "a"}}
    many = header(PHOTO, **pixels("c"))
    frames = [jpeg(mode="L"), jpeg(mode="L")]
    answer = await send(
        client,
        [json.dumps([native, many]).encode()],
        [("application/octet-stream", "a", raw), *(("image/jpeg", "c", frame) for frame in frames)],
    )
    assert answer.status == 200, await answer.text()
    assert pydicom.dcmread(io.BytesIO((await kept(archive, native))[0])).PixelData == raw
    data, path = await kept(archive, many)
    assert pydicom.dcmread(io.BytesIO(data)).NumberOfFrames == 2
    parts = await parts_of(await client.get(f"{path}/frames/1,2"))
    assert all(part.startswith(frame) for (_, part), frame in zip(parts, frames, strict=True))


async def test_xml_metadata_one_part_each(client: Any, archive: Archive) -> None:
    sets = [header(PHOTO, **pixels("p")), header(PHOTO, **pixels("p"))]
    texts = [nativexml.to_xml(data_set) for data_set in sets]
    answer = await send(client, texts, [("image/jpeg", "p", jpeg())], XML)
    assert (answer.status, answer.content_type) == (200, XML)
    said = nativexml.from_xml(await answer.read())
    assert len(said["00081199"]["Value"]) == 2
    for data_set in sets:
        assert (await kept(archive, data_set))[0]


@pytest.mark.parametrize(
    ("change", "bulk", "code", "words"),
    [
        (pixels("elsewhere"), ("image/jpeg", "p", jpeg()), 0xC000, "not sent along"),
        (pixels("file:///etc/passwd"), ("image/jpeg", "p", jpeg()), 0xC000, "not sent along"),
        (pixels("p"), ("image/heic", "p", b"x"), 0x0122, "image/heic"),
        (pixels("p"), ("image/jpeg", "p", b"\xff\xd8\xff"), 0x0122, "not taken"),
        ({**pixels("p"), "00280010": {"vr": "US", "Value": [7]}}, ("image/jpeg", "p", jpeg()), 0xC000, "00280010"),
        ({"0020000D": {"vr": "UI", "Value": ["../x"]}}, ("image/jpeg", "p", jpeg()), 0xA900, "Study Instance UID"),
        ({"00080018": {"vr": "UI"}}, ("image/jpeg", "p", jpeg()), 0xA900, "SOP Instance UID"),
    ],
)
async def test_a_film_that_cannot_be_made_is_refused_with_a_reason(
    client: Any, archive: Archive, change: dict[str, Any], bulk: tuple[str, str, bytes], code: int, words: str
) -> None:
    answer = await send_one(client, header(PHOTO, **change), bulk)
    assert answer.status == 409
    failed = (await answer.json(content_type=JSON))["00081198"]["Value"][0]
    assert failed["00081197"]["Value"] == [code]
    assert words in failed["00000902"]["Value"][0]
    assert await archive.index.last_arrival() == 0


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"[7]", b"{", b"[" * 100_000, b'{"x": 1}', b'{"00100010": 1}'])
async def test_hostile_metadata_are_refused(client: Any, text: bytes) -> None:
    assert (await send(client, [text], [])).status == 409


async def test_metadata_are_bounded_and_needed(client: Any) -> None:
    assert (await send(client, [b" " * (9 << 20)], [])).status == 413
    assert (await send(client, [], [("image/jpeg", "p", jpeg())])).status == 400


async def test_a_good_film_beside_a_bad_one_is_kept(client: Any, archive: Archive) -> None:
    good = header(PHOTO, **pixels("p"))
    text = json.dumps([good, header(PHOTO, **pixels("q"))]).encode()
    assert (await send(client, [text], [("image/jpeg", "p", jpeg())])).status == 202
    assert (await kept(archive, good))[0]
