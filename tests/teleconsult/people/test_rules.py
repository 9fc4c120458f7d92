from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.errors import FieldsRefused
from teleconsult.people import rules
from teleconsult.people.state import Sex
from tests.builders.people import an_id_number

TODAY = date(2026, 11, 20)
EXAMPLE = "11010519491231002X"  # the standard's own example


def test_the_standards_example_is_read():
    number = rules.read_id_number(EXAMPLE, TODAY)
    assert (number.text, number.birth_date, number.sex) == (EXAMPLE, date(1949, 12, 31), Sex.FEMALE)


def test_a_small_x_blanks_and_wide_digits_are_taken():
    assert rules.read_id_number(" １１０105 19491231 002x ", TODAY).text == EXAMPLE


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("110105194912310021", "last character"),
        ("11010519491213002X", "last character"),
        ("11010519491331002X", "date of birth"),
        ("11010520991231002X", "date of birth"),
        ("110105491231002", "18 characters"),
        ("", "18 characters"),
        ("abcdefghijklmnopqr", "18 characters"),
        ("11010519491231002X'; DROP TABLE patients", "18 characters"),
    ],
)
def test_a_wrong_identity_number_is_refused_with_a_hint(text: str, hint: str):
    with pytest.raises(FieldsRefused) as refused:
        rules.read_id_number(text, TODAY)
    assert hint in refused.value.errors["id_number"]


@given(born=st.dates(date(1900, 1, 1), TODAY), serial=st.integers(0, 999))
def test_every_right_number_gives_its_birth_and_sex(born: date, serial: int):
    number = rules.read_id_number(an_id_number(born, serial), TODAY)
    assert number.birth_date == born
    assert number.sex == (Sex.MALE if serial % 2 else Sex.FEMALE)


@given(place=st.integers(0, 16), digit=st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(place: int, digit: int):
    right = an_id_number(date(1961, 3, 8), 123)
    wrong = right[:place] + str((int(right[place]) + digit) % 10) + right[place + 1 :]
    with pytest.raises(FieldsRefused):
        rules.read_id_number(wrong, TODAY)


@given(st.text())
def test_no_text_breaks_the_readers(text: str):
    for read in (lambda: rules.read_id_number(text, TODAY), lambda: rules.normal_phone(text)):
        try:
            read()
        except FieldsRefused:
            continue
    rules.name_grams(text)
    rules.query_grams(text)
    rules.name_fits(text, text)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("王芳", "王芳"),
        ("王芳", "芳"),
        ("王芳", "wf"),
        ("王芳", "wang"),
        ("王芳", "WangFang"),
        ("王秀英", "秀英"),
        ("王秀英", "wxy"),
        ("阿依古丽·买买提", "买买提"),
        ("John Smith", "john"),
    ],
)
def test_a_name_is_found_by_its_pieces_pinyin_and_initials(name: str, query: str):
    held = rules.name_grams(name)
    assert any(way <= held for way in rules.query_grams(query))
    assert rules.name_fits(name, query)


@pytest.mark.parametrize(("name", "query"), [("王芳", "张"), ("王芳", "芳王"), ("王芳", "fw"), ("王芳", "")])
def test_another_name_is_not_found(name: str, query: str):
    assert not rules.name_fits(name, query)


@given(st.text(alphabet="王秀英芳伟张李娜abc", min_size=1, max_size=6), st.integers(0, 5), st.integers(1, 6))
def test_every_piece_of_a_name_finds_it(name: str, start: int, length: int):
    piece = name[start : start + length]
    if piece:
        assert any(way <= rules.name_grams(name) for way in rules.query_grams(piece))


def test_age_counts_whole_years():
    born = date(2020, 11, 21)
    assert rules.age_on(born, date(2026, 11, 20)) == 5
    assert rules.age_on(born, date(2026, 11, 21)) == 6
    assert rules.age_on(date(2024, 2, 29), date(2025, 2, 28)) == 0


@pytest.mark.parametrize(
    ("text", "kept"), [("138 0013 8000", "13800138000"), ("+86 13800138000", "13800138000"), ("0377-6310", "03776310")]
)
def test_a_phone_is_kept_in_one_form(text: str, kept: str):
    assert rules.normal_phone(text) == kept
