"""What kinds of files become: through the whole door."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from dicom_store.uploads.kinds import FileKind, kind_of
from tests.builders.pictures import film
from tests.dicom_store.uploads.test_routes import Client, become, begin, send


def photo() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(out, "JPEG")
    return out.getvalue()


async def uploaded(client: Client, data: bytes, **words: str) -> list[dict[str, str]]:
    url = await begin(client, len(data), **words)
    assert (await send(client, url, 0, data)).status == 204
    files: list[dict[str, str]] = (await become(client, url))["files"]
    return files


async def test_a_photo_becomes_a_film_of_the_named_study(client: Client) -> None:
    (file,) = await uploaded(client, photo(), filename="wound.jpg", patient_name="王芳", study_uid="1.2.3.4")
    assert (file["fate"], file["study_uid"]) == ("verified", "1.2.3.4")


async def test_a_pdf_becomes_a_film(client: Client) -> None:
    (file,) = await uploaded(client, b"%PDF-1.7\n%%EOF\n", filename="ecg.pdf")
    assert file["fate"] == "verified"


async def test_a_zip_gives_a_result_for_each_member(client: Client) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (("IM1", film()), ("IM2", film()), ("readme.txt", b"hello"), ("DICOMDIR", film())):
            archive.writestr(name, data)
    fates = {file["name"]: file["fate"] for file in await uploaded(client, out.getvalue(), filename="disc.zip")}
    assert fates == {"IM1": "verified", "IM2": "verified", "readme.txt": "refused", "DICOMDIR": "skipped"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(100), "kind"),
        (b"Rar!\x1a\x07" + bytes(100), "kind"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "unreadable"),
        (b"%PDF-1.7 torn", "unreadable"),
        (b"\0\0\0\x18ftypmp42" + bytes(100), "unreadable"),
        (b"PK\x03\x04" + bytes(100), "broken_zip"),
    ],
)
async def test_other_kinds_and_broken_ones_say_why(client: Client, data: bytes, code: str) -> None:
    (file,) = await uploaded(client, data, filename="x")
    assert (file["fate"], file["code"]) == ("refused", code)
    assert file["reason"].endswith(".")


async def test_a_header_that_does_not_fit_is_refused(client: Client) -> None:
    (file,) = await uploaded(client, photo(), study_uid="../../etc")
    assert (file["fate"], file["code"]) == ("refused", "header")


def test_a_films_preamble_may_look_like_anything() -> None:
    for disguise in (b"PK\x03\x04", b"%PDF-", b"\xff\xd8\xff", b"MZ"):
        assert kind_of(disguise.ljust(128, b"\0") + b"DICM") is FileKind.FILM
