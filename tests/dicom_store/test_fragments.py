"""Frames are told apart, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import FilmRefused
from dicom_store.fragments import Fragment, frame_fragments, pack_fragments, unpack_fragments


def test_frames_are_told_apart_by_the_offset_table() -> None:
    places = [Fragment(108, 10), Fragment(126, 10), Fragment(144, 10)]
    assert frame_fragments(places, 2, [0, 36]) == [places[:2], places[2:]]


def test_frames_without_a_table_are_one_fragment_each() -> None:
    places = [Fragment(108, 10), Fragment(126, 10)]
    assert frame_fragments(places, 2, []) == [places[:1], places[1:]]


def test_frames_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(FilmRefused):
        frame_fragments([Fragment(8, 1), Fragment(17, 1), Fragment(26, 1)], 2, [])


@given(st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 2**32 - 1)), max_size=50))
def test_fragments_survive_packing(pairs: list[tuple[int, int]]) -> None:
    places = [Fragment(start, length) for start, length in pairs]
    assert unpack_fragments(pack_fragments(places)) == places
