from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.deadlines.holidays import HOLIDAYS, WORKED_WEEKENDS
from teleconsult.deadlines.rules import Calendar, Policy, Running, warning_at

CHINA = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar(CHINA)
POLICY = Policy(CALENDAR)
STATES = ["triage", "assigned", "accepted", "scheduled", "in_session", "reporting", "audit", "signed"]
DAYS = st.integers(0, 1000 * 24 * 60)
MOMENTS = DAYS.map(lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


def china(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 2, 13), True),
        (date(2026, 2, 14), True),
        (date(2026, 2, 15), False),
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),
        (date(2026, 3, 1), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),
        (date(2025, 10, 8), False),
        (date(2025, 9, 28), True),
        (date(2027, 10, 1), False),
        (date(2027, 10, 4), True),
    ],
)
def test_holidays_and_worked_weekends_count_as_the_state_council_says(day, worked):
    assert CALENDAR.is_worked(day) is worked


def test_worked_weekends_are_weekends_and_no_holidays():
    for year, days in WORKED_WEEKENDS.items():
        assert all(day.weekday() >= 5 and day.year == year for day in days)
        assert not days & HOLIDAYS[year]


def test_an_institution_may_have_days_of_its_own():
    own = Calendar(CHINA, days_off=frozenset({date(2026, 11, 20)}), worked=frozenset({date(2026, 11, 21)}))
    assert not own.is_worked(date(2026, 11, 20))
    assert own.is_worked(date(2026, 11, 21))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (china(2026, 11, 18, 10, 30), china(2026, 11, 23, 10, 30)),
        (china(2026, 11, 20, 17, 0), china(2026, 11, 25, 17, 0)),
        (china(2026, 11, 21, 22, 0), china(2026, 11, 26, 8, 0)),
        (china(2026, 2, 13, 9, 0), china(2026, 2, 25, 9, 0)),
        (china(2026, 9, 30, 9, 0), china(2026, 10, 10, 9, 0)),
    ],
)
def test_three_working_days_skip_weekends_and_holidays(start, end):
    assert CALENDAR.after_working_days(start, 3) == end


@given(MOMENTS, st.integers(1, 15))
def test_working_days_end_on_a_working_day_and_more_never_end_sooner(start, count):
    end = CALENDAR.after_working_days(start, count)
    assert CALENDAR.is_worked(end.astimezone(CHINA).date())
    assert end > start
    assert CALENDAR.after_working_days(start, count + 1) > end


@pytest.mark.parametrize(
    ("priority", "state", "span"),
    [
        ("emergency", "triage", timedelta(minutes=3)),
        ("emergency", "reporting", timedelta(minutes=10)),
        ("urgent", "accepted", timedelta(hours=12)),
        ("routine", "assigned", timedelta(hours=48)),
    ],
)
def test_the_usual_policies(priority, state, span):
    at = china(2026, 11, 18, 10, 0)
    deadline = POLICY.deadline(Running(state, "clinical", priority, at, at))
    assert deadline.due_at == at + span


@given(st.sampled_from(STATES), st.sampled_from(["emergency", "urgent"]), MOMENTS, st.integers(0, 10**6))
def test_a_pause_gives_back_exactly_what_it_took(state, priority, began, seconds):
    pause = timedelta(seconds=seconds)
    without = POLICY.deadline(Running(state, "ecg", priority, began, began))
    paused = POLICY.deadline(Running(state, "ecg", priority, began, began, pause))
    assert paused.due_at - without.due_at == pause


@given(
    st.sampled_from([*STATES, "draft", "approval", "returned", "delivered", "answered", "closed", "rejected"]),
    st.sampled_from(["clinical", "imaging", "ecg", "mdt"]),
    st.sampled_from(["emergency", "urgent", "routine"]),
    MOMENTS,
    st.integers(0, 10**6),
)
def test_the_same_state_kind_priority_and_pause_give_the_same_deadline(state, kind, priority, at, paused):
    running = Running(state, kind, priority, at, at, timedelta(seconds=paused))
    deadline = POLICY.deadline(running)
    assert deadline == POLICY.deadline(running)
    if deadline is not None:
        assert at <= deadline.warn_at <= deadline.due_at == deadline.steps[0]
        assert list(deadline.steps) == sorted(deadline.steps)


@given(st.sampled_from(["emergency", "urgent", "routine"]), MOMENTS)
def test_arranging_is_due_before_answering(priority, at):
    arrange = POLICY.deadline(Running("triage", "clinical", priority, at, at))
    answer = POLICY.deadline(Running("accepted", "clinical", priority, at, at))
    assert arrange.due_at <= answer.due_at


def test_nothing_is_due_at_the_end_or_before_it_was_sent():
    at = china(2026, 11, 18, 10, 0)
    assert POLICY.deadline(Running("closed", "clinical", "routine", at, at)) is None
    assert POLICY.deadline(Running("triage", "clinical", "routine", at, None)) is None


def test_a_reminder_comes_with_a_quarter_left_at_most_a_day_before():
    at = china(2026, 11, 18, 10, 0)
    assert warning_at(at, at + timedelta(hours=12)) == at + timedelta(hours=9)
    assert warning_at(at, at + timedelta(days=30)) == at + timedelta(days=29)
