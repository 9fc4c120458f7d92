from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from dicom_store.dimse.find import PAGE, Finder
from dicom_store.dimse.retrieve import wanted_of
from dicom_store.errors import QueryRefused
from dicom_store.model import Level, MatchKind
from dicom_store.storage.searching import Found

STUDY_ROOT, PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.1.1"


def identifier(**keys: Any) -> Dataset:
    made = Dataset()
    for name, value in keys.items():
        setattr(made, name, value)
    return made


def row(study: str = "1.2.3", patient: str = "P1") -> Found:
    answer = f'"00100020":{{"vr":"LO","Value":["{patient}"]}}'.encode()
    return Found("east", study, "CT\\SR", 2, 30, answer, b"")


def test_conditions_are_understood_as_in_qido() -> None:
    asked = identifier(
        QueryRetrieveLevel="STUDY", PatientName="王*", StudyDate="20260101-", ModalitiesInStudy=["CT", "MR"]
    )
    search = Finder(asked, STUDY_ROOT, "A").next_search()
    assert search is not None
    assert search.level is Level.STUDY
    assert [each.kind for each in search.matches] == [MatchKind.RANGE, MatchKind.ONE_OF, MatchKind.WILDCARD]


def test_an_answer_holds_what_was_asked_and_no_more() -> None:
    asked = identifier(
        QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientID="", ModalitiesInStudy="", BodyPartExamined="",
        NumberOfStudyRelatedSeries="",
    )  # fmt: skip
    finder = Finder(asked, STUDY_ROOT, "A")
    finder.next_search()
    (answer,) = finder.answers([row()])
    assert (answer.PatientID, answer.ModalitiesInStudy, answer.NumberOfStudyRelatedSeries) == ("P1", ["CT", "SR"], 2)
    assert not answer.BodyPartExamined
    assert "StudyDate" not in answer


def test_pages_follow_each_other_until_one_is_not_full() -> None:
    finder = Finder(identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID=""), STUDY_ROOT, "A")
    first = finder.next_search()
    finder.answers([row(f"1.{place}") for place in range(PAGE)])
    second = finder.next_search()
    assert first is not None
    assert second is not None
    assert (first.offset, second.offset) == (0, PAGE)
    finder.answers([row()])
    assert finder.next_search() is None


def test_a_patient_is_one_answer_however_many_studies() -> None:
    finder = Finder(identifier(QueryRetrieveLevel="PATIENT", PatientID=""), PATIENT_ROOT, "A")
    finder.next_search()
    assert len(finder.answers([row("1.1"), row("1.2"), row("1.3", "P2")])) == 2


TEXT = st.text(max_size=20)


@given(TEXT, TEXT, TEXT, st.lists(TEXT, max_size=3))
def test_no_identifier_breaks_the_reader(level: str, name: str, day: str, uids: list[str]) -> None:
    asked = identifier(QueryRetrieveLevel=level or "STUDY")
    asked.add_new(0x00100010, "PN", name)
    asked.add_new(0x00080020, "LO", day)
    asked.add_new(0x0020000D, "LO", uids)
    for read in (lambda: Finder(asked, STUDY_ROOT, "A"), lambda: wanted_of(asked)):
        try:
            read()
        except QueryRefused as refused:
            assert str(refused)


@pytest.mark.parametrize("keys", [{}, {"PatientID": "P*"}, {"StudyInstanceUID": ["1." + str(i) for i in range(201)]}])
def test_a_request_for_everything_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(QueryRefused):
        wanted_of(identifier(**keys))
