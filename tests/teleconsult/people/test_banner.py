from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from teleconsult.people.banner import Age, age

TODAY = date(2026, 11, 23)


def test_ages_are_told_in_years_months_and_days():
    assert age(date(1959, 3, 8), TODAY) == Age(67, 8, 0)
    assert age(date(2022, 9, 23), TODAY) == Age(4, 2, 0)
    assert age(date(2026, 11, 20), TODAY) == Age(0, 0, 3)
    assert age(date(2025, 11, 24), TODAY) == Age(0, 11, 0)


def test_nobody_knows_or_it_lies_ahead():
    assert age(None, TODAY) is None
    assert age(TODAY + timedelta(days=1), TODAY) is None


@given(st.dates(min_value=date(1900, 1, 1), max_value=TODAY))
def test_no_part_of_an_age_is_below_zero(born):
    told = age(born, TODAY)
    assert told is not None
    assert told.years >= 0
    assert 0 <= told.months < 12
    assert 0 <= told.days <= 31
