from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.labs.analytes import ANALYTES, find
from dicom_store.labs.units import convert, ucum


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("10*9/L", "10*9/L"), ("10^9/L", "10*9/L"), ("×10⁹/L", "10*9/L"), ("x10^9/L", "10*9/L"), ("X10^9/L", "10*9/L"),
        ("10E9/L", "10*9/L"), ("giga.l-1", "10*9/L"), ("×10^12／L", "10*12/L"), ("µmol/L", "umol/L"),
        ("μmol/L", "umol/L"), ("IU/L", "[IU]/L"), ("μIU/mL", "u[IU]/mL"), ("mg/dl", "mg/dL"), ("％", "%"),
        ("个/HP", "/[HPF]"), ("K/µL", "10*3/uL"), ("秒", "s"), ("mmHg", "mm[Hg]"), (" g / L ", "g/L"),
    ],
)  # fmt: skip
def test_a_known_spelling_is_read_as_ucum(spelling: str, code: str) -> None:
    assert ucum(spelling) == code


@pytest.mark.parametrize("spelling", ["", "G/L", "MMOL/L", "Mg/dL", "单位", "x" * 10_000, "g/l-1", "10*/L"])
def test_an_unknown_or_doubtful_spelling_is_not_guessed(spelling: str) -> None:
    assert ucum(spelling) == ""


@given(st.text(max_size=80))
def test_no_spelling_breaks_the_reader(spelling: str) -> None:
    assert isinstance(ucum(spelling), str)


def test_every_unit_of_the_analyte_table_is_read_as_itself() -> None:
    assert {each.unit for each in ANALYTES if each.unit and ucum(each.unit) != each.unit} == set()


@pytest.mark.parametrize(
    ("number", "have", "want", "loinc", "converted"),
    [
        ("105600", "{cells}/uL", "10*9/L", None, "105.6"),
        ("13.5", "g/dL", "g/L", None, "135"),
        ("90", "mg/dL", "mmol/L", "14749-6", "4.9957"),
        ("1", "mg/dL", "umol/L", "14682-9", "88.40"),
        ("4.2", "meq/L", "mmol/L", "2823-3", "4.2"),
        ("4.6", "meq/L", "mmol/L", "2000-8", "2.3"),
        ("40", "[IU]/L", "U/L", "1742-6", "40"),
        ("0.5", "ug/mL{FEU}", "mg/L{FEU}", "48065-7", "0.5"),
    ],
)
def test_numbers_convert_where_there_is_a_sure_way(
    number: str, have: str, want: str, loinc: str | None, converted: str
) -> None:
    found = convert(Decimal(number), have, want, find(loinc, "LN") if loinc else None)
    assert found is not None
    assert abs(found - Decimal(converted)) <= Decimal("0.001") * Decimal(converted)


@pytest.mark.parametrize(
    ("have", "want", "loinc"),
    [("mg/dL", "mmol/L", None), ("mg/dL", "mmol/L", "1751-7"), ("U/L", "[IU]/L", "3016-3"), ("g/L", "%", "718-7"),
     ("", "g/L", "718-7"), ("nonsense", "g/L", "718-7")],
)  # fmt: skip
def test_there_is_no_conversion_without_the_facts(have: str, want: str, loinc: str | None) -> None:
    assert convert(Decimal(5), have, want, find(loinc, "LN") if loinc else None) is None


@given(st.decimals(min_value="0.0001", max_value=10**6, places=4), st.sampled_from(["mg/dL", "ug/L", "g/L", "ng/mL"]))
def test_converting_there_and_back_gives_the_same_number(number: Decimal, unit: str) -> None:
    there = convert(number, unit, "g/L")
    assert there is not None
    back = convert(there, "g/L", unit)
    assert back is not None
    assert abs(back - number) <= number * Decimal("1e-20")
