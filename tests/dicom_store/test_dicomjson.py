"""The JSON of films says what pydicom's says, and stays JSON whatever the film holds."""

from __future__ import annotations

import io
import json
import math
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom_store import dicomjson, elements
from dicom_store.description import describe
from dicom_store.errors import FilmRefused
from tests.builders import films


def header_of(film: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"{" + describe(film).header + b"}")
    return found


def plain(value: Any) -> Any:
    """Without what both may write differently: numbers as texts, empty members, the character set."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value.strip()
    return float(value) if isinstance(value, int | float) else value


@pytest.mark.parametrize("path", films.real_films(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_json_says_what_pydicom_says(path: Path) -> None:
    data = path.read_bytes()
    try:
        ours = header_of(data)
    except FilmRefused:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = pydicom.dcmread(io.BytesIO(data), force=True).to_json_dict(
                bulk_data_threshold=1, bulk_data_element_handler=lambda _element: "x"
            )
        except Exception:  # noqa: BLE001  what pydicom cannot say is not compared
            return
    for tag, value in expected.items():
        if (
            tag.endswith("0000")
            or tag in {"00080005", "0020000D", "0020000E"}
            or value["vr"] in {"SQ", "UN", "PN", "DT"}
        ):
            continue
        mine = ours[tag]
        if mine["vr"] == "UN" or "BulkDataURI" in value or "BulkDataURI" in mine or "InlineBinary" in value:
            continue
        theirs = plain(value.get("Value", []))
        if not path.name.startswith(("chr", "GH1301")) and all(entry not in ("", None) for entry in theirs):
            assert plain(mine.get("Value", [])) == theirs, tag


def test_numbers_that_json_does_not_know_are_texts() -> None:
    film = films.film(EventTimeOffset=math.inf)
    assert header_of(film)["00082134"]["Value"] == ["inf"]


def test_strange_numbers_stay_as_they_were_written() -> None:
    film = films.film(RescaleIntercept="-10240").replace(b"-10240", b"1e9999")
    assert header_of(film)["00281052"]["Value"] == ["1e9999"]


def test_long_values_are_left_out_and_short_ones_inlined() -> None:
    found = header_of(films.film(ICCProfile=b"\1" * 2000, EncapsulatedDocument=b"ab"))
    assert found["00282000"]["BulkDataURI"] == "{bulk}/00282000"
    assert found["00420011"]["InlineBinary"] == "YWI="
    assert found["7FE00010"]["BulkDataURI"] == "{bulk}/7FE00010"


def test_big_endian_words_are_turned() -> None:
    assert dicomjson.swapped(b"\1\2\3\4", "OW") == b"\2\1\4\3"
    assert dicomjson.swapped(b"\1\2\3\4", "OL") == b"\4\3\2\1"
    assert dicomjson.swapped(b"\1\2\3\4", "OB") == b"\1\2\3\4"


def test_dictionary_knows_overlays_and_private_creators() -> None:
    assert elements.dictionary_vr(0x60023000) == "OB or OW"
    assert elements.dictionary_vr(0x00090010) == "LO"
    assert elements.dictionary_vr(0x00091001) == "UN"
