import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import LabRefused
from dicom_store.labs.form import report_of
from dicom_store.labs.model import Comparator, Numeric, Sex, Textual


def body(**changes: Any) -> dict[str, Any]:
    known = {
        "patient": {"name": "王芳", "identifier": "T1", "sex": "female", "birth_date": "1965-01-02"},
        "panel": {"name": "血常规", "code": "58410-2", "system": "LN"},
        "collected_at": "2026-03-10T09:30:00+08:00",
        "observations": [
            {"name": "钾", "code": "2823-3", "system": "LN", "value": ">7.0", "unit": "mmol/L", "range": "3.5-5.3"},
            {"name": "HBsAg", "value": "阳性", "range": "阴性", "flags": ["A"], "comment": "复核"},
        ],
    }
    return {**known, **changes}


def test_a_typed_report_is_read() -> None:
    report = report_of(body())
    assert (report.patient.name, report.patient.sex, report.panel_code) == ("王芳", Sex.FEMALE, "58410-2")
    assert report.collected_at is not None
    assert report.collected_at.isoformat() == "2026-03-10T01:30:00+00:00"
    potassium, antigen = report.observations
    assert potassium.value == Numeric(">7.0", Decimal("7.0"), Comparator.GREATER)
    assert (potassium.range_low, potassium.range_high) == (Decimal("3.5"), Decimal("5.3"))
    assert antigen.value == Textual("阳性")
    assert antigen.flags == ("A",)


def test_a_panel_may_be_its_name_alone() -> None:
    assert report_of(body(panel="血常规")).panel == "血常规"


def one(**changes: Any) -> dict[str, Any]:
    return body(observations=[{"name": "x", "value": "1", **changes}])


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (None, "wrong_field"), ([], "wrong_field"), ({}, "wrong_field"), (body(patient="王芳"), "wrong_field"),
        (body(observations=[]), "no_results"), (body(observations={}), "no_results"),
        (body(observations=[1]), "wrong_field"), (body(surprise=1), "unknown_field"),
        (body(patient={"name": "x", "sex": "M"}), "wrong_field"),
        (body(patient={"name": "x", "birth_date": "1965-02-30"}), "wrong_field"),
        (body(patient={"name": "x", "birth_date": "昨天"}), "wrong_field"),
        (body(patient={"name": "x" * 600}), "text_too_long"), (body(collected_at="2026-03-10T09:30"), "no_time_zone"),
        (body(collected_at="soon"), "wrong_field"), (body(collected_at=5), "wrong_field"),
        (one(name="", code=""), "wrong_field"), (one(value=None), "wrong_field"), (one(value=True), "wrong_field"),
        (one(value=[1]), "wrong_field"), (one(flags="H"), "wrong_field"), (one(flags=[1]), "wrong_field"),
        (one(critical="yes"), "wrong_field"), (one(status="done"), "wrong_field"), (one(uniit="g/L"), "unknown_field"),
        (body(observations=[{"name": "x"}] * 2001), "too_many"), (one(value="x" * 70_000), "text_too_long"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(wrong: object, code: str) -> None:
    with pytest.raises(LabRefused) as refused:
        report_of(wrong)
    assert refused.value.code == code
    assert "王芳" not in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["patient", "name", "panel", "observations", "value", "range", "flags", "collected_at", "{", "status"]
    ), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_no_json_breaks_the_form(given_body: object) -> None:
    try:
        report_of(given_body)
    except LabRefused as refused:
        assert json.dumps(str(refused))
