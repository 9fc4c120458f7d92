"""Names of rooms and people in them, who may do what, which times can be booked."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.consults.state import Party, State
from teleconsult.errors import FieldsRefused, Refused
from teleconsult.scheduling import rules
from teleconsult.scheduling.state import Grant, Part, Seen
from tests.builders.clock import NOON

KEY = b"k" * 32


@given(st.text(max_size=80))
def test_no_name_leads_out_of_the_own_institution(name):
    try:
        room = rules.own_room("village", name)
    except Refused:
        return
    assert room == f"w.village.{name}"
    assert rules.read_consult_room(room) is None
    assert room.count(".") == 2


@given(st.text(max_size=40))
def test_only_a_consults_room_is_read_as_one(text):
    found = rules.read_consult_room(text)
    assert found is None or rules.consult_room(found.consult, found.number).split(".")[1] == found.consult


def test_a_person_is_the_same_in_all_calls_of_a_consult_and_another_elsewhere():
    first = rules.participant(KEY, rules.consult_room("a", 1), "user")
    assert first == rules.participant(KEY, rules.consult_room("a", 2), "user")
    assert first != rules.participant(KEY, rules.consult_room("b", 1), "user")
    assert first != rules.participant(KEY, rules.consult_room("a", 1), "other")
    assert "user" not in first


def test_only_who_asks_and_who_answers_speak():
    assert rules.part_of({Party.COORDINATOR, Party.OBSERVER, Party.AUDITOR}) is None
    assert rules.part_of({Party.OBSERVER, Party.REQUESTER}) is Part.REQUESTER
    assert rules.part_of({Party.SPECIALIST, Party.SIGNER}) is Part.SPECIALIST


def test_only_the_specialist_ends_a_call_for_all():
    assert [part for part in Part if Grant.HOST in rules.GRANTS[part]] == [Part.SPECIALIST]
    assert Grant.SHARE not in rules.GRANTS[Part.PATIENT]
    assert {part for part in Part if Grant.FILMS not in rules.GRANTS[part]} == {Part.PATIENT, Part.STAFF}


@pytest.mark.parametrize(
    ("part", "at_door", "must_wait", "waits"),
    [
        (Part.PATIENT, [], True, False),
        (Part.PATIENT, [Seen.KNOCKED], True, True),
        (Part.PATIENT, [Seen.KNOCKED, Seen.GAVE_UP], True, False),
        (Part.PATIENT, [Seen.KNOCKED, Seen.ADMITTED], False, False),
        (Part.PATIENT, [Seen.KNOCKED, Seen.DECLINED], True, False),
        (Part.PATIENT, [Seen.KNOCKED, Seen.ADMITTED, Seen.REMOVED], True, False),
        (Part.PATIENT, [Seen.KNOCKED, Seen.ADMITTED, Seen.REMOVED, Seen.KNOCKED, Seen.ADMITTED], False, False),
        (Part.SPECIALIST, [], False, False),
        (Part.REQUESTER, [Seen.REMOVED], False, False),
    ],
)
def test_patients_wait_until_they_were_let_in(part, at_door, must_wait, waits):
    assert (rules.must_wait(part, at_door), rules.waits(at_door)) == (must_wait, waits)


def test_a_consult_takes_calls_from_being_asked_to_its_end():
    taking = {state for state in State if rules.takes_calls(state)}
    assert {State.ASSIGNED, State.IN_SESSION, State.REPORTING, State.RETURNED, State.DELIVERED} <= taking
    assert taking.isdisjoint({State.DRAFT, State.TRIAGE, State.CLOSED, State.WITHDRAWN})


@pytest.mark.parametrize(
    ("starts", "lasts", "field"),
    [
        (timedelta(hours=-1), None, "starts_at"),
        (timedelta(days=400), None, "starts_at"),
        (timedelta(hours=1), timedelta(0), "ends_at"),
        (timedelta(hours=1), timedelta(hours=-1), "ends_at"),
        (timedelta(hours=1), timedelta(hours=9), "ends_at"),
    ],
)
def test_a_time_that_cannot_be_booked_says_which_field(starts, lasts, field):
    begins = NOON + starts
    with pytest.raises(FieldsRefused) as refusal:
        rules.slot_of(begins, None if lasts is None else begins + lasts, NOON)
    assert list(refusal.value.errors) == [field]


def test_now_can_be_booked():
    assert rules.slot_of(NOON, None, NOON) == (NOON, NOON + rules.USUAL)


def test_a_line_is_told_by_its_means_and_not_at_all_where_nobody_measured():
    assert rules.line_of([]) == {}
    assert rules.line_of([{"loss": 0.02, "rtt_ms": 40}, {"loss": 0, "rtt_ms": 61}]) == {
        "loss_percent": 1.0,
        "rtt_ms": 50,
    }
