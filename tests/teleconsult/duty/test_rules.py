"""When a turn of the roster runs."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.duty import rules

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Turn:
    days: str = "12345"
    from_minute: int = 8 * 60
    to_minute: int = 17 * 60
    first_day: date = date(2026, 1, 1)
    last_day: date | None = None


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


NIGHT = Turn("5", 20 * 60, 8 * 60)
WHOLE = Turn("5", 8 * 60, 8 * 60)


@pytest.mark.parametrize(
    ("turn", "moment", "until"),
    [
        (Turn(), "2026-11-20 08:00", "2026-11-20 17:00"),
        (Turn(), "2026-11-20 17:00", None),
        (Turn(), "2026-11-21 09:00", None),
        (NIGHT, "2026-11-20 23:00", "2026-11-21 08:00"),
        (NIGHT, "2026-11-21 07:59", "2026-11-21 08:00"),
        (NIGHT, "2026-11-20 07:59", None),
        (WHOLE, "2026-11-21 07:00", "2026-11-21 08:00"),
        (Turn(last_day=date(2026, 11, 19)), "2026-11-20 09:00", None),
        (Turn("5", 20 * 60, 8 * 60, last_day=date(2026, 11, 20)), "2026-11-21 07:00", "2026-11-21 08:00"),
        (Turn(first_day=date(2026, 11, 23)), "2026-11-20 09:00", None),
    ],
)
def test_a_turn_runs_on_its_days_between_its_hours(turn, moment, until):
    assert rules.runs_until(turn, at(moment)) == (at(until) if until else None)


@given(st.integers(0, 1439), st.integers(0, 60 * 24 * 14))
def test_every_day_from_an_hour_to_the_same_hour_leaves_no_gap(begin, minutes):
    turn = Turn("1234567", begin, begin)
    assert rules.runs_until(turn, at("2026-11-02 00:00") + timedelta(minutes=minutes)) is not None


@pytest.mark.parametrize(("text", "minute"), [("08:00", 480), (" 23:59 ", 1439), ("24:00", None), ("早上", None)])
def test_hours_are_read_or_not(text, minute):
    assert rules.minute_of(text) == minute


def test_days_stand_in_order_each_once():
    assert rules.normal_days("5x3,35") == "35"
