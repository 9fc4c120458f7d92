"""Overlays lie where the film says, on the frames it says, and a broken one costs nothing but itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_store.render import pixels, work
from dicom_store.render.look import Look
from tests.builders.pictures import dataset, film, written


def overlay(mask: np.ndarray, group: int = 0x6000, **changes: Any) -> Dataset:
    """The elements of one overlay."""
    packed = np.packbits(mask.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    values = {
        "rows": (0x10, "US", mask.shape[-2]),
        "columns": (0x11, "US", mask.shape[-1]),
        "type": (0x40, "CS", "G"),
        "origin": (0x50, "SS", [1, 1]),
        "allocated": (0x100, "US", 1),
        "position": (0x102, "US", 0),
        "data": (0x3000, "OW", packed + b"\0" * (len(packed) % 2)),
    }
    made = Dataset()
    for name, (word, vr, value) in values.items():
        if (given := changes.get(name, value)) is not None:
            made.add_new((group, word), vr, given)
    for (word, vr), value in changes.get("more", {}).items():
        made.add_new((group, word), vr, value)
    return made


def shown(data: bytes, frame: int = 1) -> np.ndarray:
    parsed, syntax = work.parse(data)
    return pixels.to_display(parsed, pixels.decode(parsed, syntax, frame), frame, Look())


BLACK = np.zeros((10, 12), np.uint8)
MASK = np.eye(5, dtype=bool)


def with_overlay(*overlays: Dataset, values: np.ndarray = BLACK, **attributes: Any) -> bytes:
    made = dataset(values, **attributes)
    for one in overlays:
        for element in one:
            made.add(element)
    return written(made, ExplicitVRLittleEndian)


@pytest.mark.parametrize("origin", [(1, 1), (3, 4), (0, -1), (8, 10), (11, 13), (-9, 1), (100, 100)])
def test_an_overlay_lies_where_it_says_and_is_cut_to_the_picture(origin: tuple[int, int]) -> None:
    found = shown(with_overlay(overlay(MASK, origin=list(origin))))
    expected = np.zeros((40, 40), np.uint8)
    top, left = origin[0] - 1 + 14, origin[1] - 1 + 14
    if max(origin) < 20:
        expected[top : top + 5, left : left + 5][MASK] = 255
    assert np.array_equal(found, expected[14:24, 14:26])


def test_several_overlays_are_drawn() -> None:
    found = shown(with_overlay(overlay(MASK), overlay(MASK, 0x6002, origin=[6, 6])))
    assert (found == 255).sum() == 10


def test_frames_of_an_overlay_lie_on_frames_of_the_film() -> None:
    three = np.stack([BLACK] * 3)
    drawings = np.zeros((2, 10, 12), bool)
    drawings[0, 1, 1] = drawings[1, 5, 5] = True
    data = with_overlay(overlay(drawings, more={(0x15, "IS"): 2, (0x51, "US"): 2}), values=three, NumberOfFrames=3)
    assert [tuple(np.argwhere(shown(data, number) == 255).ravel()) for number in (1, 2, 3)] == [(), (1, 1), (5, 5)]
    everywhere = with_overlay(overlay(drawings[0]), values=three, NumberOfFrames=3)
    assert [(shown(everywhere, number) == 255).sum() for number in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    "change", [{"rows": 0}, {"rows": 9999}, {"data": b""}, {"origin": None, "data": b"x"}, {"origin": [1]}], ids=str
)
def test_a_broken_overlay_is_left_out(change: dict[str, Any]) -> None:
    assert shown(with_overlay(overlay(MASK, **change))).max() == 0


def test_the_film_builder_without_overlays_shows_the_same_as_before() -> None:
    assert shown(film(BLACK)).max() == 0
