from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.labs.analytes import ANALYTES, find
from dicom_store.labs.flags import is_critical, judge, limits_of, years_at
from dicom_store.labs.model import Flag, LabPatient, Observation, Sex
from dicom_store.labs.reading import reading

AT = datetime(2026, 3, 10, tzinfo=UTC)
MAN = LabPatient("甲", sex=Sex.MALE, birth_date="1965-01-02")
CHILD = LabPatient("乙", sex=Sex.MALE, birth_date="2020")
ANYBODY = LabPatient("丙")


def result(code: str, value: str, ucum: str = "", range_text: str = "") -> Observation:
    limits = limits_of(range_text)
    return Observation(
        code=code, name="x", system="LN", value=reading(value), ucum=ucum, range_text=range_text,
        range_low=limits.low if limits else None, range_high=limits.high if limits else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-9.5", "3.5", "9.5"), ("0.0 - 5.6", "0.0", "5.6"), ("4300 to 10800", "4300", "10800"),
        ("3.5～9.5", "3.5", "9.5"), ("3.5--9.5", "3.5", "9.5"), ("-2-2", "-2", "2"), ("<85", None, "85"),
        ("≤5", None, "5"), (">=1.22", "1.22", None), ("＞50", "50", None),
    ],
)  # fmt: skip
def test_a_plain_range_is_read(text: str, low: str | None, high: str | None) -> None:
    limits = limits_of(text)
    assert limits == (Decimal(low) if low else None, Decimal(high) if high else None)


@pytest.mark.parametrize(
    "text", ["", "阴性", "130-175(男)", "9.5-3.5", "-3--1", "70_105", "<9 mcg/dL: acceptable", "1-2-3", "9" * 200, "-"]
)
def test_a_range_with_any_doubt_is_not_read(text: str) -> None:
    assert limits_of(text) is None


@given(st.text(max_size=70))
def test_no_range_breaks_the_reader(text: str) -> None:
    limits = limits_of(text)
    assert limits is None or limits.low is None or limits.high is None or limits.low <= limits.high


@pytest.mark.parametrize(
    ("observation", "patient", "flag", "source"),
    [
        (result("6690-2", "12.3", "10*9/L", "3.5-9.5"), MAN, Flag.HIGH, "range"),
        (result("6690-2", "9.5", "10*9/L", "3.5-9.5"), MAN, Flag.NORMAL, "range"),
        (result("6690-2", "45", "10*9/L", "3.5-9.5"), MAN, Flag.VERY_HIGH, "typical"),
        (result("718-7", "40", "g/L", "130-175"), MAN, Flag.VERY_LOW, "typical"),
        (result("718-7", "4.0", "g/dL"), MAN, Flag.VERY_LOW, "typical"),
        (result("2823-3", ">7.0", "mmol/L", "3.5-5.3"), MAN, Flag.VERY_HIGH, "typical"),
        (result("2823-3", "5.0", "mmol/L"), MAN, Flag.NORMAL, "typical"),
        (result("local", "5.0", "mmol/L", "1-4"), ANYBODY, Flag.HIGH, "range"),
        (result("1988-5", "<0.5", "mg/L", "<10"), ANYBODY, Flag.NORMAL, "range"),
        (result("5196-1", "阳性(+)"), MAN, Flag.ABNORMAL, "typical"),
        (result("local", "阴性", range_text="阴性"), ANYBODY, Flag.NORMAL, "range"),
        (result("local", "Positive", range_text="Negative"), ANYBODY, Flag.ABNORMAL, "range"),
    ],
)
def test_a_result_is_judged(observation: Observation, patient: LabPatient, flag: Flag, source: str) -> None:
    assert judge(observation, patient, AT) == (flag, source)


@pytest.mark.parametrize(
    ("observation", "patient"),
    [
        (result("718-7", "120", "g/L"), CHILD),  # typical ranges are for adults
        (result("718-7", "120", "g/L"), ANYBODY),  # nobody knows how old
        (result("718-7", "120", "g/L"), LabPatient("丁", birth_date="1965")),  # the range differs by sex
        (result("718-7", "120", ""), MAN),  # no unit, no comparison
        (result("718-7", "120", "mmol/L"), MAN),  # no sure conversion
        (result("local", "<5", "mmol/L", "3-9"), MAN),  # may be low or not
        (result("local", "弱", range_text="阴性"), MAN),
        (result("local", "*****", "mmol/L", "3-9"), MAN),
        (result("local", "5", "mmol/L"), MAN),
    ],
)
def test_what_cannot_be_said_for_sure_is_not_said(observation: Observation, patient: LabPatient) -> None:
    assert judge(observation, patient, AT) == (None, "")


def test_the_laboratorys_own_range_wins_over_the_typical_critical_limits() -> None:
    assert judge(result("2823-3", "6.8", "mmol/L", "3.5-7.5"), MAN, AT) == (Flag.NORMAL, "range")


def test_either_voice_makes_a_result_critical() -> None:
    assert is_critical(("LL",), None)
    assert is_critical(("N",), Flag.VERY_HIGH)
    assert is_critical(("A", "AA"), Flag.NORMAL)
    assert not is_critical(("H", "A"), Flag.HIGH)


def test_ages_count_by_the_least_exact_reading() -> None:
    assert years_at("1965-03-11", AT) == 60
    assert years_at("1965-03-10", AT) == 61
    assert years_at("2008", AT) == 17
    assert years_at("", AT) is None
    assert years_at("2008-13", AT) is None
    assert years_at("1800", AT) is None
    assert years_at("1965", None) is None


def test_codes_of_other_systems_are_never_taken_for_loinc() -> None:
    assert find("718-7", "LN") is not None
    assert find("718-7", "99MRC") is None
    assert find("WBC", "") is None


def test_the_analyte_table_is_whole() -> None:
    assert len(ANALYTES) >= 60
    assert len({each.loinc for each in ANALYTES}) == len(ANALYTES)
    for each in ANALYTES:
        assert each.zh
        assert each.en
        assert each.abbreviation
        for limits in (each.male, each.female, each.critical):
            assert limits is None or limits.low is None or limits.high is None or limits.low < limits.high
        digits = each.loinc.replace("-", "")
        assert _luhn(digits), each.loinc


def _luhn(digits: str) -> bool:
    """LOINC's last digit checks the others (mod 10)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if place % 2 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


@given(st.text(max_size=40), st.text(max_size=20))
def test_no_value_breaks_the_judge(value: str, range_text: str) -> None:
    judge(result("2823-3", value, "mmol/L", range_text), MAN, AT)
