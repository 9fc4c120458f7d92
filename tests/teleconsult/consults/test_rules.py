"""Who is who, what may be done, what is missing: pure, without a database."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from teleconsult.actor import SYSTEM
from teleconsult.consults.models import Consult, Level, Seat
from teleconsult.consults.rules import (
    Case,
    Facts,
    completeness,
    conditions,
    last_level,
    lead_of,
    may_see,
    missing,
    moves_for,
    parties_of,
    told_of,
    waits_for,
)
from teleconsult.consults.state import (
    ENDS_OF_LIFE,
    FINISHED,
    WITH_LEAD,
    Adoption,
    Kind,
    Mode,
    Move,
    NeedKind,
    Party,
    Priority,
    State,
)
from teleconsult.consults.table import Need, row_for
from teleconsult.errors import StepRefused
from teleconsult.people.state import Role
from tests.builders.people import a_patient_actor, an_actor

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
NO_FACTS = Facts()
TARGET_SEEN = [state for state in State if state not in {State.DRAFT, State.APPROVAL}]


def a_consult(**changes) -> Consult:
    """An assigned consult of doctor `d` at `village`, led by `s` at `county`."""
    whole = {
        "id": "c", "number": "HZ20261120-0001", "version": 1, "state": State.ASSIGNED, "kind": Kind.CLINICAL,
        "mode": Mode.ASYNCHRONOUS, "priority": Priority.ROUTINE, "institution_id": "village", "requester_id": "d",
        "patient_id": "p", "target_institution_id": "county", "level": 0, "submitted_at": NOW, "audit_asked": False,
        "report_version": 0, "answered_version": 0, "paused_seconds": 0, "state_since": NOW,
        "levels": [Level(consult_id="c", number=0, institution_id="county", began_at=NOW)],
        "seats": [a_seat("s", lead=True)],
    }  # fmt: skip
    return Consult(**(whole | changes))


def a_seat(user: str | None, *, lead: bool, **changes) -> Seat:
    whole = {"lead": lead, "institution_id": "county", "user_id": user, "taken_at": NOW}
    return Seat(**(whole | changes))


def who(role: Role, user: str, institution: str):
    return an_actor(role, user=user, institution=institution)


DOCTOR = who(Role.REQUESTER, "d", "village")
SPECIALIST = who(Role.SPECIALIST, "s", "county")
COORDINATOR = who(Role.COORDINATOR, "k", "county")


def words(consult, parties, facts=NO_FACTS, now=NOW) -> set[Move]:
    return {offer.move for offer in moves_for(consult, frozenset(parties), facts, now)}


@pytest.mark.parametrize(
    ("actor", "parties"),
    [
        (DOCTOR, {Party.REQUESTER}),
        (who(Role.REQUESTER, "colleague", "village"), set()),
        (who(Role.REQUESTER, "d", "county"), set()),
        (who(Role.APPROVER, "a", "village"), {Party.APPROVER}),
        (who(Role.COORDINATOR, "vk", "village"), {Party.OBSERVER}),
        (who(Role.AUDITOR, "va", "village"), {Party.OBSERVER}),
        (who(Role.ADMINISTRATOR, "x", "village"), set()),
        (who(Role.ADMINISTRATOR, "x", "county"), set()),
        (SPECIALIST, {Party.SPECIALIST}),
        (who(Role.REQUESTER, "s", "county"), set()),
        (who(Role.SPECIALIST, "s", "city"), set()),
        (who(Role.SPECIALIST, "other", "county"), set()),
        (COORDINATOR, {Party.COORDINATOR}),
        (who(Role.AUDITOR, "q", "county"), {Party.AUDITOR}),
        (who(Role.COORDINATOR, "k", "city"), set()),
        (SYSTEM, {Party.SYSTEM}),
        (a_patient_actor("p"), set()),
    ],
)
def test_who_somebody_is_follows_from_role_place_and_seat(actor, parties):
    assert parties_of(actor, a_consult()) == parties


def test_who_loses_the_role_is_nobody_at_once():
    assert not may_see(who(Role.COORDINATOR, "s", "village"), a_consult(submitted_at=None, state=State.DRAFT))
    assert not may_see(who(Role.REQUESTER, "s", "county"), a_consult())


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REQUESTER])
def test_a_draft_is_seen_by_nobody_but_its_writer(role):
    draft = a_consult(state=State.DRAFT, submitted_at=None, levels=[], seats=[])
    for institution in ("village", "county"):
        assert not may_see(who(role, "x", institution), draft)
    assert may_see(DOCTOR, draft)


def test_the_target_sees_nothing_before_approval():
    waiting = a_consult(state=State.APPROVAL, levels=[], seats=[])
    assert not may_see(COORDINATOR, waiting)
    assert parties_of(who(Role.COORDINATOR, "vk", "village"), waiting) == {Party.COORDINATOR}


def test_a_department_holds_the_seat_until_one_of_it_accepts():
    consult = a_consult(seats=[a_seat(None, lead=True, department_id="lungs")])
    assert parties_of(SPECIALIST, consult, frozenset({"lungs"})) == {Party.SPECIALIST}
    assert parties_of(SPECIALIST, consult, frozenset({"heart"})) == frozenset()
    consult.seats[0].user_id = "other"
    assert parties_of(SPECIALIST, consult, frozenset({"lungs"})) == frozenset()


def test_who_has_left_the_seat_is_out():
    assert not may_see(SPECIALIST, a_consult(seats=[a_seat("s", lead=True, left_at=NOW)]))


def test_the_author_never_audits_their_own_opinion():
    consult = a_consult(state=State.AUDIT, audit_asked=True, author_id="s")
    both = an_actor(Role.SPECIALIST, Role.AUDITOR, user="s", institution="county")
    assert Party.AUDITOR not in parties_of(both, consult)
    assert Move.SIGN not in words(consult, parties_of(both, consult))
    assert Move.SIGN in words(consult, {Party.AUDITOR})


def test_who_passed_a_request_on_reads_their_own_part_only():
    levels = [
        Level(consult_id="c", number=0, institution_id="county", began_at=NOW, ended_at=NOW),
        Level(consult_id="c", number=1, institution_id="city", began_at=NOW),
    ]
    consult = a_consult(levels=levels, level=1, target_institution_id="city", state=State.TRIAGE, seats=[])
    parties = parties_of(COORDINATOR, consult)
    assert parties == {Party.OBSERVER}
    assert last_level(COORDINATOR, consult, parties) == 0
    assert not moves_for(consult, parties, Facts(), NOW)
    next_one = who(Role.COORDINATOR, "n", "city")
    assert last_level(next_one, consult, parties_of(next_one, consult)) == 1


def test_submitting_asks_only_for_what_is_missing():
    draft = a_consult(state=State.DRAFT, submitted_at=None, levels=[], seats=[])

    def needs(facts: Facts) -> set[str]:
        (offer,) = [it for it in moves_for(draft, frozenset({Party.REQUESTER}), facts, NOW) if it.move is Move.SUBMIT]
        return {need.name for need in offer.needs}

    assert needs(Facts()) == {"consent", "reason"}
    assert needs(Facts(consent=True)) == {"reason"}
    assert needs(Facts(consent=True, complete=True)) == set()


@pytest.mark.parametrize(
    ("changes", "facts", "target"),
    [
        ({}, Facts(), State.TRIAGE),
        ({}, Facts(approval_asked=True), State.APPROVAL),
        ({"target_specialist_id": "s"}, Facts(), State.ASSIGNED),
        ({"target_specialist_id": "s"}, Facts(approval_asked=True), State.APPROVAL),
        ({"target_specialist_id": "s", "kind": Kind.MDT}, Facts(), State.TRIAGE),
        ({"priority": Priority.EMERGENCY}, Facts(on_duty=True), State.ASSIGNED),
        ({"priority": Priority.EMERGENCY}, Facts(), State.TRIAGE),
        ({"priority": Priority.URGENT}, Facts(on_duty=True), State.TRIAGE),
    ],
)
def test_where_a_request_goes_first(changes, facts, target):
    draft = a_consult(state=State.DRAFT, submitted_at=None, levels=[], seats=[], **changes)
    row = row_for(State.DRAFT, Move.SUBMIT, Party.REQUESTER, conditions(draft, facts, NOW))
    assert row.target is target


def test_a_live_consult_is_booked_and_an_asynchronous_one_written():
    assert {Move.SCHEDULE, Move.START} <= words(a_consult(state=State.ACCEPTED, mode=Mode.LIVE), {Party.SPECIALIST})
    written = words(a_consult(state=State.ACCEPTED), {Party.SPECIALIST})
    assert Move.BEGIN_REPORT in written
    assert not {Move.SCHEDULE, Move.START, Move.FAIL_OVER} & written


def test_reopening_ends_with_its_day():
    closed = a_consult(state=State.CLOSED, reopenable_until=NOW)
    assert Move.REOPEN in words(closed, {Party.REQUESTER})
    assert Move.REOPEN not in words(closed, {Party.REQUESTER}, now=NOW + timedelta(seconds=1))


def test_what_is_missing_is_named_with_what_to_do():
    either = (
        Need("specialist_id", NeedKind.PERSON, unless=("department_id",)),
        Need("department_id", NeedKind.DEPARTMENT, unless=("specialist_id",)),
    )
    assert set(missing(either, {})) == {"specialist_id", "department_id"}
    assert missing(either, {"department_id": "x"}) == {}
    answer = (Need("reason", NeedKind.TEXT, unless=("adoption=adopted",)),)
    assert missing(answer, {"adoption": Adoption.ADOPTED}) == {}
    assert set(missing(answer, {"adoption": Adoption.PARTLY})) == {"reason"}
    assert missing((Need("x", NeedKind.TEXT, required=False),), {}) == {}


@pytest.mark.parametrize("kind", Kind)
def test_a_whole_case_is_complete_and_an_empty_one_lacks_everything(kind):
    everything = Case(True, True, True, True, True, True, frozenset({"CT", "ECG"}), 1, 1)
    assert all(item.present for item in completeness(kind, everything))
    assert not any(item.present for item in completeness(kind, Case()))


def test_imaging_wants_films_and_an_ecg_wants_its_tracing():
    def lacking(kind: Kind, *modalities: str) -> set[str]:
        return {item.word for item in completeness(kind, Case(modalities=frozenset(modalities))) if not item.present}

    assert "films" in lacking(Kind.IMAGING, "ECG")
    assert "films" not in lacking(Kind.IMAGING, "CT")
    assert "tracing" in lacking(Kind.ECG, "CT")
    assert "tracing" not in lacking(Kind.ECG, "ECG")


@given(st.sampled_from(Move), st.sampled_from(State))
def test_nobody_is_told_who_cannot_see(move, state):
    assert not told_of(move, state) & {Party.OBSERVER, Party.SYSTEM}


def test_somebody_is_awaited_in_every_open_state_but_signed():
    for state in State:
        assert bool(waits_for(state)) is (state not in FINISHED | {State.SIGNED})


ACTORS = {
    Party.REQUESTER: DOCTOR,
    Party.APPROVER: who(Role.APPROVER, "a", "village"),
    Party.COORDINATOR: COORDINATOR,
    Party.SPECIALIST: SPECIALIST,
    Party.AUDITOR: who(Role.AUDITOR, "q", "county"),
    Party.SYSTEM: SYSTEM,
}


class Life(RuleBasedStateMachine):
    """Random people try random moves; what the rules offer is done, all else must be refused."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.consult = a_consult(state=State.DRAFT, submitted_at=None, levels=[], seats=[])
        self.facts = Facts()
        self.signed: list[int] = []

    @initialize(
        kind=st.sampled_from(Kind),
        mode=st.sampled_from(Mode),
        priority=st.sampled_from(Priority),
        facts=st.builds(Facts, *[st.booleans()] * 5),
        audit=st.booleans(),
    )
    def begin(self, kind, mode, priority, facts, audit):
        self.consult.kind, self.consult.mode, self.consult.priority = kind, mode, priority
        self.consult.audit_asked = audit
        self.facts = facts

    @rule(hours=st.integers(1, 24 * 40))
    def time_goes_by(self, hours):
        self.now += timedelta(hours=hours)

    @rule(party=st.sampled_from(sorted(ACTORS)), data=st.data())
    def somebody_moves(self, party, data):
        actor = ACTORS[party]
        parties = parties_of(actor, self.consult)
        offers = moves_for(self.consult, parties, self.facts, self.now)
        assert len({offer.move for offer in offers}) == len(offers)
        if not parties:
            assert not offers
        if offers:
            self.carry_out(actor, data.draw(st.sampled_from(offers)))

    @precondition(lambda self: self.consult.state not in FINISHED)
    @rule(party=st.sampled_from(sorted(ACTORS)), move=st.sampled_from(Move))
    def what_is_not_offered_is_in_no_row(self, party, move):
        parties = parties_of(ACTORS[party], self.consult)
        offered = {offer.move for offer in moves_for(self.consult, parties, self.facts, self.now)}
        held = conditions(self.consult, self.facts, self.now)
        legal = set()
        for one in parties:
            with suppress(StepRefused):
                row_for(self.consult.state, move, one, held)
                legal.add(move)
        assert (move in offered) is bool(legal)

    def carry_out(self, actor, offer):  # noqa: C901 - a plain list of what happens
        """What the service does, as far as the rules look at it."""
        consult, source = self.consult, self.consult.state
        if offer.target is State.ASSIGNED and offer.move is not Move.ACCEPT and source is not State.RETURNED:
            for seat in consult.seats:
                seat.left_at = seat.left_at or self.now
            consult.seats.append(a_seat("s", lead=True))
        if (offer.target is State.TRIAGE and source is not State.RETURNED) or offer.target in ENDS_OF_LIFE:
            for seat in consult.seats:
                seat.left_at = seat.left_at or self.now
        if offer.move is Move.SUBMIT:
            consult.submitted_at = self.now
        if offer.target not in {State.DRAFT, State.APPROVAL} and not consult.levels:
            consult.levels.append(Level(consult_id="c", number=0, institution_id="county", began_at=self.now))
        if offer.move is Move.RETURN_FOR_MATERIAL:
            consult.returned_from = source
        if offer.move is Move.RESUBMIT:
            consult.returned_from = None
        if offer.move is Move.FAIL_OVER:
            consult.mode = Mode.ASYNCHRONOUS
        if offer.move is Move.SUBMIT_FOR_AUDIT:
            consult.author_id = actor.id
        if offer.move is Move.SIGN:
            consult.author_id = consult.author_id or actor.id
            consult.signer_id = actor.id
            assert not (source is State.AUDIT and consult.author_id == actor.id)
        if offer.move in {Move.SIGN, Move.AMEND}:
            consult.report_version += 1
            self.signed.append(consult.report_version)
        if offer.move is Move.ANSWER:
            consult.answered_version = consult.report_version
        if offer.move is Move.CLOSE:
            consult.reopenable_until = self.now + timedelta(days=30)
        consult.state = offer.target

    @invariant()
    def exactly_one_lead_from_assigned_on(self):
        leads = [seat for seat in self.consult.seats if seat.lead and seat.left_at is None]
        state = self.consult.state
        if state in WITH_LEAD or (state is State.RETURNED and self.consult.returned_from is not State.TRIAGE):
            assert len(leads) == 1
            assert lead_of(self.consult) is leads[0]
        else:
            assert not leads

    @invariant()
    def ends_are_final(self):
        if self.consult.state in ENDS_OF_LIFE:
            for actor in ACTORS.values():
                assert not moves_for(self.consult, parties_of(actor, self.consult), self.facts, self.now)

    @invariant()
    def versions_only_rise(self):
        assert self.signed == sorted(set(self.signed))

    @invariant()
    def somebody_can_always_go_on(self):
        if self.consult.state not in ENDS_OF_LIFE:
            far = self.now + timedelta(days=400)
            self.consult.due_at = self.now
            ways = [moves_for(self.consult, parties_of(it, self.consult), self.facts, far) for it in ACTORS.values()]
            assert any(ways) or self.consult.state is State.CLOSED


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
