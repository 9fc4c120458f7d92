"""Searches are understood or refused, and always bounded."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store import query
from dicom_store.errors import QueryRefused
from dicom_store.model import Level, Match, MatchKind


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        (0x00100020, "P1", Match(0x00100020, MatchKind.EXACT, ("p1",))),
        (0x00100020, "P*", Match(0x00100020, MatchKind.WILDCARD, ("p*",))),
        (0x00080020, "2026.03.01", Match(0x00080020, MatchKind.EXACT, ("20260301",))),
        (0x00080020, "20260301-", Match(0x00080020, MatchKind.RANGE, ("20260301", ""))),
        (0x00080030, "10-11", Match(0x00080030, MatchKind.RANGE, ("10", "11~"))),
        (0x0020000D, "1.2\\1.3", Match(0x0020000D, MatchKind.ONE_OF, ("1.2", "1.3"))),
        (0x00200013, "007", Match(0x00200013, MatchKind.EXACT, ("7",))),
        (0x00080061, "ct\\mr", Match(0x00080061, MatchKind.ONE_OF, ("CT", "MR"))),
        (0x00100010, "", None),
        (0x00100010, "*", None),
    ],
)
def test_conditions_are_understood(tag: int, value: str, expected: Match | None) -> None:
    assert query.match(tag, value) == expected


@pytest.mark.parametrize("word", ["PatientName", "00100010", "ScheduledProcedureStepSequence.PatientName"])
def test_attributes_are_named_by_keyword_tag_or_path(word: str) -> None:
    assert query.attribute(word) == 0x00100010


def test_unknown_attributes_are_ignored_and_named() -> None:
    found = query.from_parameters([("Nonsense", "1"), ("PatientComments", "x"), ("accept", "y")], Level.STUDY)
    assert found.ignored == ("Nonsense", "PatientComments")
    assert found.search.matches == ()


def test_limits_hold() -> None:
    assert query.from_parameters([("limit", "999999999")], Level.STUDY).search.limit == query.MAX_LIMIT
    with pytest.raises(QueryRefused):
        query.from_parameters([("PatientID", "x")] * 40, Level.STUDY)
    with pytest.raises(QueryRefused):
        query.from_parameters([("StudyInstanceUID", ",".join(["1.2"] * 2000))], Level.STUDY)


NAMES = ["PatientName", "StudyDate", "StudyTime", "SeriesNumber", "limit", "offset", "StudyInstanceUID", "includefield"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text())))
def test_anything_is_understood_or_refused(parameters: list[tuple[str, str]]) -> None:
    with contextlib.suppress(QueryRefused):
        query.from_parameters([*parameters, ("fuzzymatching", "true")], Level.INSTANCE)
