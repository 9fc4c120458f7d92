"""A film written from its JSON is the film that the JSON was read from."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store import description, tagwalk, wrapdataset
from dicom_store.dicomjson import Encoder
from dicom_store.errors import FilmRefused
from dicom_store.wrapdataset import EXPLICIT_LITTLE, film_of
from tests.builders import films


def addresses(data_set: dict[str, Any]) -> set[str]:
    found = {str(value["BulkDataURI"]) for value in data_set.values() if "BulkDataURI" in value}
    for value in data_set.values():
        for item in value.get("Value", []) if value["vr"] == "SQ" else []:
            found |= addresses(item)
    return found


@pytest.mark.parametrize("path", films.real_films(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_real_film_survives_being_written_from_its_json(path: Path) -> None:
    try:
        described = description.describe(path.read_bytes())
    except FilmRefused:
        return
    data_set = json.loads(b"{" + described.header + b"}")
    bulk = dict.fromkeys(addresses(data_set), b"\1\2\3\4" * 16400)
    data_set.pop("7FE00010", None)
    try:
        film = film_of(data_set, EXPLICIT_LITTLE, bulk)
    except FilmRefused as refused:
        # Values that a device wrote outside of their representation, such as a number that is none.
        assert refused.code == "metadata"
        assert refused.fields.get("tag")
        return
    walk = tagwalk.walk(film)
    again = json.loads(b"{" + Encoder(walk).dataset(walk.elements).inside() + b"}")
    plain = {tag: value for tag, value in data_set.items() if not addresses({tag: value})}
    for tag, value in plain.items():
        if value["vr"] not in {"DS", "FL", "FD"}:
            assert again.get(tag) == value or _as_read(value) == _as_read(again[tag])


def _as_read(value: dict[str, Any]) -> str:
    """Without what a value's own representation cannot hold: numbers of too many digits, spaces at the end."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False).replace(" ", "").replace(".0", "")


def test_pydicom_reads_what_was_written() -> None:
    data_set = json.loads(films.dataset().to_json())
    data_set["00400275"] = {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["x"]}}, {}]}
    data_set["00081140"] = {"vr": "SQ"}
    film = pydicom.dcmread(io.BytesIO(film_of(data_set, EXPLICIT_LITTLE, {})))
    assert film.file_meta.TransferSyntaxUID == EXPLICIT_LITTLE
    assert film.PatientName.ideographic == "王^芳"
    assert (film.RescaleIntercept, film.ImagePositionPatient) == (-1024, [0, 0, 0])
    assert film.PixelData == films.dataset().PixelData
    assert film.RequestAttributesSequence[0].CodeValue == "x"


@pytest.mark.parametrize("count", [1, 3])
def test_frames_are_told_apart(count: int) -> None:
    data_set = json.loads(films.dataset(NumberOfFrames=count).to_json())
    frames = [b"\xff\xd8" + bytes([number]) * (9 + number) for number in range(count)]
    film = film_of(data_set, "1.2.840.10008.1.2.4.50", {}, frames)
    walk = tagwalk.walk(film)
    assert walk.fragments is not None
    assert [
        bytes(film[item.start : item.start + len(frames[n])]) for n, item in enumerate(walk.fragments[1:])
    ] == frames
    assert pydicom.dcmread(io.BytesIO(film)).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"


@pytest.mark.parametrize(
    "data_set",
    [
        {"zz": {}},
        {"00100020": "P1"},
        {"00100020": {"vr": "LO", "Value": "P1"}},
        {"00100020": {"vr": "LO", "Value": [{}]}},
        {"00100020": {"vr": "??", "Value": ["x"]}},
        {"00100020": {"vr": ["LO"], "Value": ["x"]}},
        {"00280010": {"vr": "US", "Value": [70000]}},
        {"00280010": {"vr": "US", "Value": ["many"]}},
        {"00281050": {"vr": "DS", "Value": [float("inf")]}},
        {"00420011": {"vr": "OB", "InlineBinary": "%%%"}},
        {"00420011": {"vr": "OB", "InlineBinary": 7}},
        {"00420011": {"vr": "OB", "BulkDataURI": "elsewhere"}},
        {"00420011": {"vr": "OB", "BulkDataURI": ["x"]}},
        {"00400275": {"vr": "SQ", "Value": [7]}},
        {"00204000": {"vr": "LT", "Value": ["x" * 70000]}},
        {"00209165": {"vr": "AT", "Value": ["x"]}},
    ],
)
def test_what_is_no_data_set_is_refused(data_set: dict[str, Any]) -> None:
    with pytest.raises(FilmRefused):
        film_of(data_set, EXPLICIT_LITTLE, {})


def test_nesting_is_bounded() -> None:
    data_set: dict[str, Any] = {}
    for _ in range(500):
        data_set = {"00400275": {"vr": "SQ", "Value": [data_set]}}
    with pytest.raises(FilmRefused):
        film_of(data_set, EXPLICIT_LITTLE, {})


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
VRS = st.sampled_from(["LO", "PN", "DS", "IS", "US", "FL", "AT", "SQ", "OB", "UT", "UI", "XX"])


@given(st.dictionaries(st.sampled_from(["00100010", "00280010", "00420011"]),
                       st.fixed_dictionaries({}, optional={"vr": VRS | ANY, "Value": ANY, "InlineBinary": ANY,
                                                           "BulkDataURI": ANY}) | ANY))  # fmt: skip
def test_any_json_makes_a_film_or_a_refusal(data_set: dict[str, Any]) -> None:
    try:
        film = film_of(data_set, EXPLICIT_LITTLE, {})
    except FilmRefused as refused:
        assert refused.failure_reason == 0xC000
    else:
        assert all(len(element.vr) == 2 for element in tagwalk.walk(film).elements)


@given(st.floats(-1e300, 1e300))
def test_decimals_fit_and_stay_close(value: float) -> None:
    text = wrapdataset._decimal(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-8)
