"""One film in several wordings is one film; whatever differs in what it says makes it another."""

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian

from dicom_store.archive import Archive
from dicom_store.errors import FilmRefused
from dicom_store.sameness import same_film
from tests.builders import films
from tests.builders.archives import origin

NAMES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "rtplan.dcm",
    "JPEG2000.dcm",
    "examples_palette.dcm",
    "MR_small_RLE.dcm",
    "reportsi.dcm",
)


def read(name: str) -> bytes:
    found = get_testdata_file(name)
    assert isinstance(found, str)
    return Path(found).read_bytes()


def written(dataset: pydicom.Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def otherwise(data: bytes) -> bytes:
    """The same film as another program writes it: its own meta information, no padding."""
    film = pydicom.dcmread(BytesIO(data))
    film.file_meta.ImplementationVersionName = "OTHER"
    film.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
    film.pop(0xFFFCFFFC, None)
    return written(film)


@pytest.mark.parametrize("name", NAMES)
def test_other_meta_information_and_padding_say_the_same(name: str) -> None:
    data = read(name)
    other = otherwise(data)
    assert data != other
    assert same_film(data, other)


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_value_is_another_film(name: str) -> None:
    film = pydicom.dcmread(BytesIO(read(name)))
    film.PatientID = "somebody else"
    assert not same_film(read(name), written(film))


def test_one_changed_pixel_is_another_film() -> None:
    film = pydicom.dcmread(BytesIO(read("CT_small.dcm")))
    pixels = bytearray(film.PixelData)
    pixels[1000] ^= 1
    film.PixelData = bytes(pixels)
    assert not same_film(read("CT_small.dcm"), written(film))


def test_explicit_and_implicit_say_the_same() -> None:
    film = films.dataset()
    assert same_film(films.encode(film), films.encode(film, ImplicitVRLittleEndian))


@pytest.mark.parametrize("noise", [b"", b"DICM", b"\x00" * 500, b"\xff" * 500])
def test_what_cannot_be_read_is_not_the_same(noise: bytes) -> None:
    assert not same_film(read("CT_small.dcm"), noise)


async def test_the_same_film_by_another_door_is_no_other_film(archive: Archive) -> None:
    data = read("CT_small.dcm")
    first = await archive.ingest.accept(data, origin())
    again = await archive.ingest.accept(otherwise(data), origin())
    assert (first.duplicate, again.duplicate) == (False, True)
    changed = pydicom.dcmread(BytesIO(data))
    changed.PatientID = "somebody else"
    with pytest.raises(FilmRefused) as refused:
        await archive.ingest.accept(written(changed), origin())
    assert refused.value.failure_reason == 0x0111
