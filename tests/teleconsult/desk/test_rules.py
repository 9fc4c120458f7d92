from datetime import UTC, datetime, timedelta
from itertools import chain, combinations

import pytest

from teleconsult.consults.rules import Offer
from teleconsult.consults.state import Move, Party, Room, State
from teleconsult.consults.table import TABLE, rows_from
from teleconsult.consults.timeleft import TimeLeft
from teleconsult.consults.views import EntryView, Named
from teleconsult.desk.rules import counts, days, most_pressing, move_forms, path_of
from teleconsult.desk.views import Row
from tests.builders.consults import CHINA

NOW = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)


def _offers(state: State, parties: frozenset[Party]) -> list[Offer]:
    every = frozenset(chain.from_iterable(row.when for row in TABLE))
    return [Offer(row.move, row.needs, row.target, row.room) for row in rows_from(state, parties, every)]


@pytest.mark.parametrize("state", list(State))
def test_no_page_has_two_primary_buttons(state: State) -> None:
    for parties in combinations([Party.REQUESTER, Party.SPECIALIST, Party.COORDINATOR, Party.AUDITOR], 2):
        forms = move_forms("c1", _offers(state, frozenset(parties)))
        assert sum(form.is_primary for form in forms) <= 1


@pytest.mark.parametrize("move", [move for move in Move if move not in {Move.DELIVER, Move.EXPIRE}])
def test_every_move_of_a_person_has_its_button(move: Move) -> None:
    row = next(row for row in TABLE if row.move is move)
    forms = move_forms("c1", [Offer(row.move, row.needs, row.target, row.room)])
    assert len(forms) == 1
    assert bool(forms[0].path) == (row.room is Room.REPORTS)


def test_what_the_report_room_makes_leads_to_the_editor_once() -> None:
    sign = next(row for row in TABLE if row.move is Move.SIGN)
    audit = next(row for row in TABLE if row.move is Move.SUBMIT_FOR_AUDIT)
    forms = move_forms("c1", [Offer(row.move, row.needs, row.target, row.room) for row in (sign, audit)])
    assert [(form.move, form.path) for form in forms] == [("write", "/consults/c1/report")]


def test_a_draft_opens_in_the_form() -> None:
    assert path_of("c1", State.DRAFT) == "/consults/c1/edit/patient"
    assert path_of("c1", State.TRIAGE) == "/consults/c1"


def _row(state: State, hours: float | None, *, paused: bool = False) -> Row:
    clock = None if hours is None else TimeLeft(NOW + timedelta(hours=hours), NOW, 50, paused=paused)
    return Row(state, "", "", "routine", "clinical", state, "", "", None, "", "", "", clock)


def test_what_only_wants_closing_is_never_the_first_case_of_the_day() -> None:
    closing, asked, due = _row(State.ANSWERED, 1), _row(State.RETURNED, 9, paused=True), _row(State.DELIVERED, 3)
    assert most_pressing([closing, asked, due]) == due
    assert most_pressing([closing, asked]) == asked
    assert most_pressing([]) is None
    assert [one.state for one in counts([closing, asked, due])] == [State.DELIVERED, State.RETURNED, State.ANSWERED]


def _entry(number: int, kind: str, at: datetime, *, mine: bool = False) -> EntryView:
    who = Named("u1", "李文")
    return EntryView(number, kind, at, who, who, mine, "", "", "", "", None, f"text {number}", {})


def test_the_timeline_is_newest_first_with_the_unread_alone_on_top() -> None:
    yesterday = NOW.replace(day=22)
    entries = [
        _entry(1, "move", yesterday),
        _entry(2, "message", NOW),
        _entry(3, "message", NOW, mine=True),
        _entry(4, "message", NOW),
    ]
    groups = days(entries, 1, CHINA)
    assert [(group.is_new, [entry.text for entry in group.entries]) for group in groups] == [
        (True, ["text 4"]),
        (False, ["text 3", "text 2"]),
        (False, ["text 1"]),
    ]
