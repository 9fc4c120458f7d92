"""The short way to a picture is taken only where it leads to the same picture as the long way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import NotRenderable
from dicom_store.render import header, pixels, plain, work
from dicom_store.render.look import Look, Window
from tests.builders import films
from tests.builders.pictures import film


def long_way(data: bytes, look: Look) -> tuple[np.ndarray, float]:
    parsed, syntax = work.parse(data)
    decoded = pixels.decode(parsed, syntax, 1)
    return pixels.to_display(parsed, decoded, 1, look), header.pixel_height(parsed, 1)


@pytest.mark.parametrize("path", films.real_films(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_both_ways_lead_to_the_same_picture(path: Path) -> None:
    data = path.read_bytes()
    for window in (None, Window(100, 300)):
        quick = plain.show(data, window)
        if quick is not None:
            shown, height = long_way(data, Look(window=window))
            assert np.array_equal(quick[0], shown)
            assert quick[1] == height


ODD: list[dict[str, Any]] = [
    {"PhotometricInterpretation": "RGB"},
    {"VOILUTFunction": "SIGMOID"},
    {"PresentationLUTShape": "INVERSE"},
    {"RescaleSlope": 0},
    {"WindowWidth": 0},
    {"NumberOfFrames": 2},
    {"BitsStored": 4, "HighBit": 3},
    {"HighBit": 6},
    {"Rows": 1000},
    {"PixelSpacing": [100, 1]},
]


@pytest.mark.parametrize("change", ODD, ids=str)
def test_anything_out_of_the_ordinary_goes_the_long_way(change: dict[str, Any]) -> None:
    usual = {"WindowCenter": 100, "WindowWidth": 50, "RescaleSlope": 1, "RescaleIntercept": 0}
    assert plain.show(film(**usual), None) is not None
    assert plain.show(film(**(usual | change)), None) is None


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=4))
def test_damaged_films_show_the_same_or_nothing(place: int, damage: bytes) -> None:
    whole = film(WindowCenter=100, WindowWidth=50)
    place %= len(whole)
    data = whole[:place] + damage + whole[place + len(damage) :]
    quick = plain.show(data, None)
    if quick is None:
        return
    try:
        shown = long_way(data, Look())[0]
    except NotRenderable:
        return
    assert np.array_equal(quick[0], shown)
