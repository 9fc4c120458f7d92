from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.results.ports import Analyte, KeptReport, KeptResult, NewResult
from teleconsult.results.rules import coded, printed, shown_flag, tables

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
POTASSIUM = Analyte("2823-3", "K", "钾", "Potassium", "mmol/L", "3.5–5.3")
SODIUM = Analyte("2951-2", "Na", "钠", "Sodium", "mmol/L", "137–147")
ANALYTES = (POTASSIUM, SODIUM)


def a_result(value: str = "6.9", **more: object) -> KeptResult:
    made = KeptResult(
        name="钾",
        value=value,
        unit="mmol/L",
        code="2823-3",
        system="LN",
        number=Decimal(value),
        range="3.5-5.3",
        low=Decimal("3.5"),
        high=Decimal("5.3"),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def a_report(number: int, *results: KeptResult, **more: object) -> KeptReport:
    at = NOON + timedelta(days=number)
    return replace(KeptReport(f"r{number}", "village", "电解质", at, at, results), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "computed", "shown"),
    [
        ((), "", ""),
        ((), "N", ""),
        ((), "H", "H"),
        (("H",), "HH", "H"),
        (("N",), "H", "H"),
        (("H", "HH"), "", "HH"),
        (("↓",), "", "L"),
        (("L*",), "", "LL"),
        (("???",), "L", "L"),
        (("A",), "", "A"),
    ],
)
def test_the_senders_flag_is_shown_else_the_computed(sent: tuple[str, ...], computed: str, shown: str) -> None:
    assert shown_flag(sent, computed) == shown


def test_both_flags_stand_beside_each_other_and_a_difference_is_said() -> None:
    (table,) = tables([a_report(1, a_result(flags=("N",), computed="H", computed_from="range"))], ANALYTES)
    row = table.rows[0]
    assert (row.flag, row.arrow, row.sent, row.computed, row.differs) == ("H", "↑", ("N",), "H", True)
    (table,) = tables([a_report(1, a_result(flags=("H",), computed="HH"))], ANALYTES)
    assert not table.rows[0].differs


def test_values_of_one_thing_in_one_unit_make_a_course() -> None:
    other_unit = a_result("69", unit="mg/L")
    reports = [a_report(3, a_result("5.0")), a_report(1, a_result("6.9")), a_report(2, a_result("6.0"), other_unit)]
    newest, middle, _ = tables(reports, ANALYTES)
    assert [str(point.value) for point in newest.rows[0].trend] == ["6.9", "6.0", "5.0"]
    assert [point.at for point in newest.rows[0].trend] == sorted(point.at for point in newest.rows[0].trend)
    assert middle.rows[1].trend == ()


def test_a_replaced_report_is_not_shown_and_not_in_the_course() -> None:
    (table,) = tables([a_report(1, a_result("9.9"), replaced_by="r2"), a_report(2, a_result("4.0"))], ANALYTES)
    assert (table.id, table.rows[0].trend) == ("r2", ())


def test_names_are_the_senders_with_the_english_one_beside() -> None:
    (table,) = tables([a_report(1, a_result(name="血清钾"), a_result(name="", code="X", system=""))], ANALYTES)
    assert [(row.name, row.name_en) for row in table.rows] == [("血清钾", "Potassium"), ("X", "")]


def test_the_printed_cells_hold_unit_range_arrow_letter_and_word() -> None:
    (table,) = tables([a_report(1, a_result(computed="HH", critical=True))], ANALYTES)
    assert printed(table.rows[0]) == ("钾", "6.9", "mmol/L", "3.5-5.3", "↑↑ HH 危急")
    assert (table.critical, table.abnormal) == (1, 1)


@pytest.mark.parametrize("name", ["K", "k", " 钾 ", "POTASSIUM"])
def test_a_typed_name_gets_its_code(name: str) -> None:
    assert coded(NewResult(name, "4"), ANALYTES) == NewResult(name, "4", code="2823-3", system="LN")


def test_a_doubtful_or_coded_name_is_left_alone() -> None:
    twin = replace(SODIUM, code="x", abbreviation="K")
    for result, known in ((NewResult("K", "4"), (*ANALYTES, twin)), (NewResult("钾", "4", code="own"), ANALYTES)):
        assert coded(result, known) is result


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=2), max_size=60))
def test_courses_are_bounded(values: list[Decimal]) -> None:
    reports = [a_report(number, a_result(number=value)) for number, value in enumerate(values)]
    for table in tables(reports, ANALYTES):
        assert len(table.rows[0].trend) <= 40
