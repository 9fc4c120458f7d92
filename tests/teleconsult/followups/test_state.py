"""The table of a visit's life."""

import pytest

from teleconsult.errors import StepRefused
from teleconsult.followups.state import OPEN, TABLE, VisitMove, VisitState, after, rows_from


def test_every_state_is_reached_and_every_move_stands_in_the_table():
    assert {row.target for row in TABLE} | {VisitState.BOOKED} == set(VisitState)
    assert {row.move for row in TABLE} == set(VisitMove)


def test_ends_are_final():
    assert not rows_from(VisitState.DONE)
    assert not rows_from(VisitState.CANCELLED)
    with pytest.raises(StepRefused):
        after(VisitState.DONE, VisitMove.CANCEL)


def test_who_did_not_come_gets_a_new_time():
    assert after(VisitState.MISSED, VisitMove.REBOOK) is VisitState.BOOKED


def test_patients_come_in_while_it_is_booked_or_runs():
    assert {VisitState.BOOKED, VisitState.IN_SESSION} == OPEN
