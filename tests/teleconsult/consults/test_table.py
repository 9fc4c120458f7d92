"""The table of states and moves, line by line and as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.consults.state import ENDS_OF_LIFE, Condition, Move, NeedKind, Party, Room, State
from teleconsult.consults.table import RETURNABLE, RETURNED_FROM, TABLE, after, row_for, rows_from
from teleconsult.deadlines.rules import ANY, DEFAULTS
from teleconsult.errors import StepRefused

PAIRS = (
    {Condition.APPROVAL_ASKED, Condition.NO_APPROVAL},
    {Condition.ADDRESSED, Condition.UNADDRESSED},
    {Condition.LIVE, Condition.ASYNCHRONOUS},
    {Condition.AUDIT_ASKED, Condition.NO_AUDIT},
    set(RETURNED_FROM.values()),
)
FREE = (Condition.TIME_PASSED, Condition.REOPENABLE, Condition.ANSWER_DUE)


@st.composite
def circumstances(draw) -> frozenset[Condition]:
    """One of each pair, as they hold in life: never both, never neither."""
    chosen = {draw(st.sampled_from(sorted(pair))) for pair in PAIRS}
    return frozenset(chosen | draw(st.sets(st.sampled_from(FREE))))


# What the design says, written a second time by hand: move, sources, target, parties.
DESIGN = """
submit draft approval,triage,assigned requester
approve approval triage,assigned approver
refuse_approval approval draft approver
assign triage assigned coordinator
redirect triage,assigned triage coordinator
reject triage rejected coordinator
accept assigned accepted,assigned specialist,invited
decline assigned,accepted,scheduled triage,assigned,accepted,scheduled specialist,member
reassign assigned,accepted,scheduled,reporting assigned coordinator
hand_over accepted,scheduled,in_session,reporting assigned specialist
return_for_material triage,assigned,accepted,scheduled,reporting returned coordinator,specialist,member
resubmit returned triage,assigned,accepted,scheduled,reporting requester
schedule accepted scheduled coordinator,specialist
reschedule scheduled scheduled coordinator,specialist,requester
start scheduled,accepted in_session requester,specialist,member
no_show scheduled accepted coordinator,requester,specialist
fail_over scheduled,in_session,accepted reporting requester,specialist,system
end_session in_session reporting specialist
begin_report accepted reporting specialist
submit_for_audit reporting audit specialist
reject_audit audit reporting auditor
sign reporting,audit signed specialist,auditor
deliver signed delivered system
answer delivered,answered,closed answered,closed requester
close answered,delivered closed requester,system
amend delivered,answered,closed delivered,answered,closed signer
record_final_diagnosis answered,closed answered,closed requester
reopen closed accepted requester,specialist
withdraw draft,approval,triage,assigned,accepted,scheduled,returned withdrawn requester
cancel approval,triage,assigned,accepted,scheduled,in_session,reporting,returned cancelled coordinator
expire draft,returned expired system
"""
LINES = [line.split() for line in DESIGN.strip().splitlines()]


@pytest.mark.parametrize("line", LINES, ids=[line[0] for line in LINES])
def test_the_table_says_what_the_design_says(line):
    move, sources, targets, parties = line
    rows = [row for row in TABLE if row.move == move]
    assert {row.source for row in rows} == set(sources.split(","))
    assert {row.target for row in rows} == set(targets.split(","))
    assert {party for row in rows for party in row.by} == set(parties.split(","))


def test_every_move_is_in_the_table():
    assert {line[0] for line in LINES} == set(Move) == {row.move for row in TABLE}


@pytest.mark.parametrize(
    "row", TABLE, ids=lambda row: f"{row.move}-{row.source}-{row.target}-{'-'.join(sorted(row.when))}"
)
def test_every_row_leads_where_it_says_for_each_of_its_parties(row):
    usual = {
        Condition.NO_APPROVAL, Condition.UNADDRESSED, Condition.LIVE, Condition.NO_AUDIT, Condition.FROM_TRIAGE,
    }  # fmt: skip
    held = row.when | {it for it in usual if not any(it in pair and pair & row.when for pair in PAIRS)}
    for party in row.by:
        assert after(row.source, row.move, party, frozenset(held)) is row.target


@given(st.sampled_from(State), st.sampled_from(Move), st.sampled_from(Party), circumstances())
def test_a_step_is_taken_exactly_when_a_row_fits(state, move, party, held):
    fitting = [
        row for row in TABLE if row.source is state and row.move is move and party in row.by and row.when <= held
    ]
    if fitting:
        assert after(state, move, party, held) is fitting[0].target
        assert len({row.target for row in fitting}) == 1
    else:
        with pytest.raises(StepRefused):
            after(state, move, party, held)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("party", Party)
def test_every_step_outside_of_the_table_is_refused(state, party):
    everything = frozenset(Condition)
    known = {row.move for row in TABLE if row.source is state and party in row.by}
    for move in set(Move) - known:
        with pytest.raises(StepRefused):
            row_for(state, move, party, everything)


def test_every_state_is_reached_from_a_draft():
    reached, edge = {State.DRAFT}, {State.DRAFT}
    while edge:
        edge = {row.target for row in TABLE if row.source in edge} - reached
        reached |= edge
    assert reached == set(State)


def test_ends_are_final_and_nothing_else_is():
    assert {state for state in State if not any(row.source is state for row in TABLE)} == ENDS_OF_LIFE


def test_what_was_returned_goes_back_to_where_it_came_from():
    for state in RETURNABLE:
        assert after(State.RETURNED, Move.RESUBMIT, Party.REQUESTER, frozenset({RETURNED_FROM[state]})) is state


def test_an_observer_moves_nothing():
    assert not any(Party.OBSERVER in row.by for row in TABLE)


def test_side_moves_ask_for_their_reason():
    for move in (
        Move.REFUSE_APPROVAL, Move.REJECT, Move.DECLINE, Move.REASSIGN, Move.HAND_OVER, Move.REDIRECT, Move.CANCEL,
        Move.FAIL_OVER, Move.RESCHEDULE, Move.AMEND, Move.REJECT_AUDIT,
    ):  # fmt: skip
        for row in TABLE:
            if row.move is move:
                assert "reason" in {need.name for need in row.needs}, move


def test_passwords_are_asked_only_in_the_reports_room():
    for row in TABLE:
        asks = any(need.kind is NeedKind.PASSWORD for need in row.needs)
        assert not asks or row.room is Room.REPORTS


def test_rows_from_gives_all_that_the_parties_may_walk():
    held = frozenset({Condition.LIVE})
    rows = rows_from(State.ACCEPTED, frozenset({Party.SPECIALIST, Party.COORDINATOR}), held)
    assert {row.move for row in rows} == {
        Move.DECLINE, Move.REASSIGN, Move.HAND_OVER, Move.RETURN_FOR_MATERIAL, Move.SCHEDULE, Move.START,
        Move.FAIL_OVER, Move.CANCEL,
    }  # fmt: skip


def test_policies_name_states_that_exist():
    assert {state for state, _, _ in DEFAULTS} <= set(State)


def test_every_state_in_which_somebody_is_awaited_has_a_clock():
    awaited = set(State) - ENDS_OF_LIFE - {State.CLOSED}
    assert {state for state, _, _ in DEFAULTS} | {ANY} >= awaited
