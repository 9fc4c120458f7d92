"""The tag walk reads what pydicom reads, and refuses in bounded time what nobody should read."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dicom_store import elements, tagwalk
from dicom_store.elements import PIXEL_DATA, Element
from dicom_store.errors import FilmRefused
from dicom_store.tagwalk import Walk
from tests.builders import films

# pydicom reads these; they are refused here, and why.
REFUSED = {
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    "no_meta.dcm": "not_dicom",
    "meta_missing_tsyntax.dcm": "not_dicom",
}


def compare(walk: Walk, elements: list[Element], expected: Dataset) -> None:
    ours = {element.tag: element for element in elements}
    assert list(ours) == [int(tag) for tag in expected._dict], "the same tags in the same order"
    for tag, raw in expected._dict.items():
        element = ours[int(tag)]
        if isinstance(raw, RawDataElement) and raw.VR != "SQ":
            if raw.VR is not None and "UN" not in {raw.VR, element.vr} and raw.length != 0xFFFFFFFF:
                assert element.vr == raw.VR
            if element.items is None and raw.length != 4294967295:
                assert walk.value(element) == (raw.value or b"")
            continue
        if raw.VR == "SQ" and not isinstance(raw, RawDataElement):
            items = raw.value
            assert len(element.items or []) == len(items)
            for inner, item in zip(element.items or [], items, strict=True):
                compare(walk, inner, item)


@pytest.mark.parametrize("path", films.real_films(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_walk_reads_what_pydicom_reads(path: Path) -> None:
    data = path.read_bytes()
    if path.name in REFUSED:
        with pytest.raises(FilmRefused) as refused:
            tagwalk.walk(data)
        assert refused.value.code == REFUSED[path.name]
        return
    walk = tagwalk.walk(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pydicom.dcmread(io.BytesIO(data), force=True)
        compare(walk, walk.elements, expected)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_native_syntax_is_read(syntax: str) -> None:
    data = films.dataset()
    data.PixelData = b"\x01\x02" * 256
    walk = tagwalk.walk(films.encode(data, syntax))
    assert walk.transfer_syntax == syntax
    pixels = walk.find(PIXEL_DATA)
    assert pixels is not None
    assert pixels.length == 512


def test_a_cut_off_film_is_refused_wherever_it_is_cut() -> None:
    data = films.film()
    for end in range(200, len(data), 7):
        # Where an element happens to end, only the missing pixels tell.
        try:
            walk = tagwalk.walk(data[:end])
        except FilmRefused as refused:
            assert refused.code in {"truncated", "not_dicom"}
        else:
            assert walk.find(PIXEL_DATA) is None


def test_deep_nesting_is_refused() -> None:
    inner = Dataset()
    for _ in range(80):
        outer = Dataset()
        outer.ContentSequence = Sequence([inner])
        inner = outer
    with pytest.raises(FilmRefused) as refused:
        tagwalk.walk(films.film(ContentSequence=Sequence([inner])))
    assert refused.value.code == "too_deep"


def test_endless_nesting_without_lengths_is_refused() -> None:
    head = films.film(PixelData=None)
    nest = (
        struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ) * 5000
    with pytest.raises(FilmRefused) as refused:
        tagwalk.walk(head + nest)
    assert refused.value.code == "too_deep"


def test_a_deflate_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagwalk, "MAX_INFLATED", 1 << 20)
    whole = films.encode(films.dataset(), DeflatedExplicitVRLittleEndian)
    start = len(whole)
    plain = tagwalk.walk(whole)
    for place in range(132, len(whole)):
        if zlib_starts(whole[place:], bytes(plain.data[:32])):
            start = place
            break
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = whole[:start] + packer.compress(b"\0" * (8 << 20)) + packer.flush()
    with pytest.raises(FilmRefused) as refused:
        tagwalk.walk(bomb)
    assert refused.value.code == "deflate_bomb"


def zlib_starts(data: bytes, expected: bytes) -> bool:
    try:
        return zlib.decompressobj(-15).decompress(data, 32) == expected
    except zlib.error:
        return False


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_ELEMENTS", 10)
    with pytest.raises(FilmRefused) as refused:
        tagwalk.walk(films.film())
    assert refused.value.code == "too_many_elements"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_films_are_read_or_refused_never_anything_else(data: st.DataObject) -> None:
    whole = bytearray(BASE[data.draw(st.integers(0, len(BASE) - 1))])
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FilmRefused):
        tagwalk.walk(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_noise_is_read_or_refused_never_anything_else(noise: bytes) -> None:
    for film in (noise, b"\0" * 128 + b"DICM" + noise, b"\x08\x00\x05\x00CS" + noise):
        with contextlib.suppress(FilmRefused):
            tagwalk.walk(film)


BASE = [
    films.film(4),
    films.encode(films.dataset(4), ImplicitVRLittleEndian),
    films.film(4, ContentSequence=Sequence([films.dataset(4)])),
]
