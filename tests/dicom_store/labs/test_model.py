from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import LabRefused
from dicom_store.labs.model import Absent, Attachment, LabPatient, LabReport, check
from dicom_store.labs.reading import clean, number
from tests.dicom_store.labs.conftest import observation


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"patient": LabPatient("")}, "no_patient"),
        ({"observations": ()}, "no_results"),
        ({"observations": (observation(),) * 2_001}, "too_many"),
        ({"observations": (observation(code="", name="", value=Absent()),)}, "unnamed_result"),
        ({"collected_at": datetime(2026, 3, 10)}, "no_time_zone"),  # noqa: DTZ001 - that is the point
        ({"observations": (observation(value=Attachment("x", "y", b"0" * (13 << 20))),)}, "attachments_too_large"),
    ],
)
def test_a_report_that_cannot_be_kept_says_why(
    report: Callable[..., LabReport], changes: dict[str, object], code: str
) -> None:
    with pytest.raises(LabRefused) as refused:
        check(report(**changes))
    assert refused.value.code == code


def test_a_refusal_never_tells_of_the_patient(report: Callable[..., LabReport]) -> None:
    with pytest.raises(LabRefused) as refused:
        check(report(observations=()))
    assert "王芳" not in str(refused.value)


@given(st.text(max_size=60))
def test_a_number_is_finite_and_written_in_ascii_or_none(text: str) -> None:
    found = number(text)
    assert found is None or (found.is_finite() and text.isascii())


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "1e99", "0x10", "1_000", "1,5", "--1", "9" * 41, "٣"])
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert number(text) is None


def test_control_characters_are_taken_out_and_long_texts_refused() -> None:
    assert clean(" a\x00b\x1b[31m\r\nc\x85 ") == "ab[31m\nc"
    with pytest.raises(LabRefused):
        clean("x" * 513)
