"""Whose an arrival may be."""

from dataclasses import dataclass
from datetime import date

import pytest

from teleconsult.people.state import Sex
from teleconsult.unmatched import rules
from teleconsult.unmatched.ports import Identity


@dataclass(frozen=True)
class Person:
    name: str = "高守田"
    record_number: str = "QS20260417"
    birth_date: date | None = date(1959, 3, 12)
    sex: Sex = Sex.MALE


def said(**changes: object) -> Identity:
    whole = {"names": ("高守田",), "number": "QS20260417", "birth_date": "1959-03-12", "sex": "male"}
    return Identity(**(whole | changes))  # type: ignore[arg-type]


def test_number_and_name_together_are_certain():
    assert rules.is_certain(said(), Person())
    assert rules.is_certain(said(names=("Gao Shoutian",), birth_date="", sex=""), Person())
    assert rules.is_certain(said(names=("SHOUTIAN GAO",)), Person())


@pytest.mark.parametrize(
    "changes",
    [
        {"number": ""},
        {"number": "QS20260418"},
        {"names": ("高守天",)},
        {"names": ("Gao Shoutang",)},
        {"names": ()},
        {"birth_date": "1959-03-21"},
        {"birth_date": "1960"},
        {"sex": "female"},
    ],
)
def test_nothing_less_is(changes):
    assert not rules.is_certain(said(**changes), Person())


def test_a_year_that_fits_speaks_against_nobody():
    assert rules.is_certain(said(birth_date="1959"), Person())
    assert rules.is_certain(said(), Person(birth_date=None, sex=Sex.UNKNOWN))


def test_the_better_fit_stands_first_and_a_contradiction_is_no_fit():
    full, name, born = said(), said(number="X"), said(number="X", names=("无名",))
    scores = [rules.likeness(one, Person()) for one in (full, name, born)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] >= rules.ENOUGH
    assert rules.likeness(said(sex="female"), Person()) == 0


def test_what_does_not_fit_is_named():
    assert list(rules.differs(said(), Person())) == []
    assert list(rules.differs(said(names=("无名",), number="X", birth_date="1990", sex="female"), Person())) == [
        "name", "number", "born", "sex",
    ]  # fmt: skip
