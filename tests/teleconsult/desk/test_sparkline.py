from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from teleconsult.desk.sparkline import HEIGHT, WIDTH, drawn


@dataclass
class Point:
    value: Decimal


@dataclass
class Row:
    trend: list[Point]
    low: Decimal | None = None
    high: Decimal | None = None


NUMBERS = st.decimals(min_value=-1000, max_value=100000, allow_nan=False, places=2)


def test_one_value_has_no_course():
    assert drawn(Row([Point(Decimal(1))])) is None


def test_a_rising_course_rises():
    told = drawn(Row([Point(Decimal(4)), Point(Decimal(9))], Decimal(0), Decimal(5)))
    assert told is not None
    assert told.words == "4, 9"
    assert told.last_y < float(told.points.split()[0].split(",")[1])


@given(st.lists(NUMBERS, min_size=2, max_size=40), st.none() | NUMBERS, st.none() | NUMBERS)
def test_a_course_stays_inside_its_picture(values, low, high):
    told = drawn(Row([Point(value) for value in values], low, high))
    assert told is not None
    for point in told.points.split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
