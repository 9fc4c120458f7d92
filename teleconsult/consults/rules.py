"""Decides who somebody is for a consult, what they may do now, and whether a request is complete.

Pure: judges records it is handed and never looks anything up. What only the database knows comes as `Facts`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from teleconsult.actor import Actor, ActorKind
from teleconsult.consults.state import FINISHED, Condition, Kind, Mode, Move, NeedKind, Party, Priority, Room, State
from teleconsult.consults.table import RETURNED_FROM, Need, Row, rows_from
from teleconsult.http.bodies import N_
from teleconsult.people.state import Role

if TYPE_CHECKING:
    from teleconsult.consults.models import Consult, Seat

_UNSEEN_BY_TARGET = frozenset({State.DRAFT, State.APPROVAL})


@dataclass(frozen=True, slots=True)
class Facts:
    """What must be looked up before moves can be judged.

    Attributes:
        approval_asked: The requester's institution wants its own approval first.
        on_duty: In an emergency, somebody is on duty where the request goes.
        consent: The patient's consent is recorded, or written into the draft.
        complete: Nothing that this kind of consult needs is missing.
        small_child: The patient is under six: a guardian must be present at a live session.
    """

    approval_asked: bool = False
    on_duty: bool = False
    consent: bool = False
    complete: bool = False
    small_child: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A move that this person may make now, and what it asks for."""

    move: Move
    needs: tuple[Need, ...]
    target: State
    room: Room


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the completeness list.

    Attributes:
        word: Machine word.
        label: What it is, a msgid.
        present: Whether it is there.
    """

    word: str
    label: str
    present: bool


@dataclass(frozen=True, slots=True)
class Case:
    """What completeness looks at.

    Attributes:
        modalities: DICOM modalities of the films that are attached.
        labs: Number of lab reports.
        documents: Number of other documents.
    """

    patient: bool = False
    question: bool = False
    history: bool = False
    allergies: bool = False
    local_conclusion: bool = False
    anticoagulants: bool = False
    modalities: frozenset[str] = frozenset()
    labs: int = 0
    documents: int = 0


_PICTURES = frozenset({"CT", "MR", "DX", "CR", "DR", "RF", "XA", "MG", "US", "PT", "NM", "PX", "IO", "OT", "SC", "XC"})
_TRACINGS = frozenset({"ECG", "HD", "EPS", "DOC", "OT", "XC", "SC"})


def completeness(kind: Kind, case: Case) -> tuple[Item, ...]:
    """What a request of this kind should hold, and what of it is there."""
    items = [
        Item("patient", N_("Patient with sex and date of birth"), case.patient),
        Item("question", N_("The question to the specialist"), case.question),
        Item("history", N_("History and findings"), case.history),
        Item("allergies", N_("Allergies, or that they are unknown"), case.allergies),
    ]
    if kind is Kind.IMAGING:
        items += [
            Item("films", N_("Films"), bool(case.modalities & _PICTURES)),
            Item("local_conclusion", N_("Conclusion of your own institution's report"), case.local_conclusion),
        ]
    if kind is Kind.ECG:
        items.append(Item("tracing", N_("ECG tracing"), bool(case.modalities & _TRACINGS) or case.documents > 0))
    if kind in {Kind.CLINICAL, Kind.MDT}:
        items += [
            Item("materials", N_("Films, results or documents"), bool(case.modalities or case.labs or case.documents)),
            Item("anticoagulants", N_("Whether the patient takes anticoagulants"), case.anticoagulants),
        ]
    if kind is Kind.MDT:
        items.append(Item("labs", N_("Lab results"), case.labs > 0))
    return tuple(items)


def parties_of(actor: Actor, consult: "Consult", departments: frozenset[str] = frozenset()) -> frozenset[Party]:
    """Who the actor is for this consult; nobody at all for most.

    Args:
        actor: Whoever asks, with the roles they hold at this moment.
        consult: With its seats and levels.
        departments: Where the actor works: a department may hold the lead's seat.
    """
    if actor.kind is ActorKind.SYSTEM:
        return frozenset({Party.SYSTEM})
    if actor.kind is not ActorKind.STAFF:
        return frozenset()
    return frozenset((*_asking(actor, consult), *_answering(actor, consult, departments)))


def _asking(actor: Actor, consult: "Consult") -> Iterable[Party]:
    if actor.institution != consult.institution_id:
        return
    if Role.REQUESTER in actor.roles and actor.id == consult.requester_id:
        yield Party.REQUESTER
    if consult.submitted_at is None:
        return
    if Role.APPROVER in actor.roles:
        yield Party.APPROVER
    if Role.COORDINATOR in actor.roles:
        yield Party.COORDINATOR if consult.state is State.APPROVAL else Party.OBSERVER
    if Role.AUDITOR in actor.roles:
        yield Party.OBSERVER


def _answering(actor: Actor, consult: "Consult", departments: frozenset[str]) -> Iterable[Party]:
    here = [level for level in consult.levels if level.institution_id == actor.institution]
    if not here or consult.state in _UNSEEN_BY_TARGET:
        return
    if all(level.ended_at is not None for level in here):
        if Role.COORDINATOR in actor.roles:
            yield Party.OBSERVER
        return
    if Role.COORDINATOR in actor.roles:
        yield Party.COORDINATOR
    if Role.AUDITOR in actor.roles:
        yield Party.OBSERVER if actor.id == consult.author_id else Party.AUDITOR
    if Role.SPECIALIST in actor.roles:
        for seat in seats_of(actor, consult, departments):
            yield from _sitting(seat)
    if actor.id == consult.signer_id and actor.roles & {Role.SPECIALIST, Role.AUDITOR}:
        yield Party.SIGNER


def _sitting(seat: "Seat") -> Iterable[Party]:
    yield Party.SPECIALIST if seat.lead else Party.MEMBER
    if not seat.lead and seat.accepted_at is None:
        yield Party.INVITED


def seats_of(actor: Actor, consult: "Consult", departments: frozenset[str] = frozenset()) -> "tuple[Seat, ...]":
    """The seats that this person holds now, by name or by department."""
    return tuple(
        seat
        for seat in consult.seats
        if seat.left_at is None
        and seat.institution_id == actor.institution
        and (seat.user_id == actor.id or (seat.user_id is None and seat.department_id in departments))
    )


def lead_of(consult: "Consult") -> "Seat | None":
    """The lead's seat, where there is one."""
    return next((seat for seat in consult.seats if seat.lead and seat.left_at is None), None)


def may_see(actor: Actor, consult: "Consult", departments: frozenset[str] = frozenset()) -> bool:
    """Whether the consult exists for this person."""
    return bool(parties_of(actor, consult, departments))


def last_level(actor: Actor, consult: "Consult", parties: frozenset[Party]) -> int:
    """Up to which level of the chain somebody reads: who passed a request on sees their own part of it."""
    if parties != {Party.OBSERVER} or actor.institution == consult.institution_id:
        return consult.level
    return max((level.number for level in consult.levels if level.institution_id == actor.institution), default=-1)


def is_addressed(consult: "Consult", facts: Facts) -> bool:
    """Whether the request goes straight to somebody. A multidisciplinary one never does: its members must be found."""
    if consult.kind is Kind.MDT:
        return False
    return consult.target_specialist_id is not None or (consult.priority is Priority.EMERGENCY and facts.on_duty)


def conditions(consult: "Consult", facts: Facts, now: datetime) -> frozenset[Condition]:
    """All conditions of the table that hold for this consult now."""
    held = {
        Condition.APPROVAL_ASKED if facts.approval_asked else Condition.NO_APPROVAL,
        Condition.ADDRESSED if is_addressed(consult, facts) else Condition.UNADDRESSED,
        Condition.LIVE if consult.mode is Mode.LIVE else Condition.ASYNCHRONOUS,
        Condition.AUDIT_ASKED if consult.audit_asked else Condition.NO_AUDIT,
    }
    if consult.due_at is not None and now >= consult.due_at:
        held.add(Condition.TIME_PASSED)
    if consult.reopenable_until is not None and now <= consult.reopenable_until:
        held.add(Condition.REOPENABLE)
    if consult.report_version > consult.answered_version:
        held.add(Condition.ANSWER_DUE)
    if consult.returned_from is not None:
        held.add(RETURNED_FROM[consult.returned_from])
    return frozenset(held)


def moves_for(consult: "Consult", parties: frozenset[Party], facts: Facts, now: datetime) -> tuple[Offer, ...]:
    """Exactly the moves that somebody may make now, each with what it asks for, in the table's order.

    A person who is several parties gets each move once, by the first row that fits.
    """
    offers: dict[Move, Offer] = {}
    for row in rows_from(consult.state, parties, conditions(consult, facts, now)):
        offers.setdefault(row.move, Offer(row.move, _needs(row, consult, facts), row.target, row.room))
    return tuple(offers.values())


def _needs(row: Row, consult: "Consult", facts: Facts) -> tuple[Need, ...]:
    dropped = set()
    if row.move is Move.SUBMIT:
        dropped |= {"consent"} if facts.consent else set()
        dropped |= {"reason"} if facts.complete else set()
    if consult.kind is not Kind.MDT:
        dropped.add("member_ids")
    elif row.move is Move.ASSIGN:
        dropped.add("department_id")
    if not facts.small_child:
        dropped.add("guardian_present")
    return tuple(need for need in row.needs if need.name not in dropped)


_ASKS: dict[NeedKind, str] = {
    NeedKind.TEXT: N_("Please write this; it cannot be left empty."),
    NeedKind.PERSON: N_("Please choose a person."),
    NeedKind.PEOPLE: N_("Please choose who takes part."),
    NeedKind.DEPARTMENT: N_("Please choose a department."),
    NeedKind.INSTITUTION: N_("Please choose an institution."),
    NeedKind.ITEMS: N_("Please say what is needed: at least one item."),
    NeedKind.REPLIES: N_("Please answer every item: given, or why not."),
    NeedKind.MOMENT: N_("Please choose a date and time."),
    NeedKind.CHOICE: N_("Please choose one."),
    NeedKind.CONSENT: N_("Please record the patient's consent first."),
    NeedKind.FLAG: N_("Please confirm this."),
    NeedKind.PASSWORD: N_("Please enter your password again."),
}


def missing(needs: Iterable[Need], given: Mapping[str, object]) -> dict[str, str]:
    """Which needed fields are not there: field -> what to do, as a msgid."""
    return {
        need.name: _ASKS[need.kind]
        for need in needs
        if need.required and not given.get(need.name) and not any(_holds(other, given) for other in need.unless)
    }


def _holds(other: str, given: Mapping[str, object]) -> bool:
    name, equals, value = other.partition("=")
    return given.get(name) == value if equals else bool(given.get(name))


_SIDES: dict[Move, frozenset[Party]] = {
    Move.SUBMIT: frozenset({Party.APPROVER, Party.COORDINATOR, Party.SPECIALIST}),
    Move.APPROVE: frozenset({Party.REQUESTER, Party.COORDINATOR, Party.SPECIALIST}),
    Move.REFUSE_APPROVAL: frozenset({Party.REQUESTER}),
    Move.DECLINE: frozenset({Party.COORDINATOR}),
    Move.REDIRECT: frozenset({Party.REQUESTER, Party.COORDINATOR}),
    Move.RESUBMIT: frozenset({Party.COORDINATOR, Party.SPECIALIST, Party.MEMBER}),
    Move.SUBMIT_FOR_AUDIT: frozenset({Party.AUDITOR}),
    Move.REJECT_AUDIT: frozenset({Party.SPECIALIST}),
    Move.SIGN: frozenset(),
    Move.BEGIN_REPORT: frozenset(),
    Move.WITHDRAW: frozenset({Party.COORDINATOR, Party.SPECIALIST, Party.MEMBER, Party.APPROVER}),
    Move.ANSWER: frozenset({Party.SPECIALIST, Party.MEMBER, Party.SIGNER}),
    Move.CLOSE: frozenset({Party.REQUESTER}),
    Move.RECORD_FINAL_DIAGNOSIS: frozenset({Party.SPECIALIST, Party.SIGNER}),
    Move.CANCEL: frozenset({Party.REQUESTER, Party.SPECIALIST, Party.MEMBER}),
    Move.ACCEPT: frozenset({Party.REQUESTER}),
    Move.REJECT: frozenset({Party.REQUESTER}),
    Move.RETURN_FOR_MATERIAL: frozenset({Party.REQUESTER}),
    Move.DELIVER: frozenset({Party.REQUESTER}),
    Move.AMEND: frozenset({Party.REQUESTER}),
    Move.EXPIRE: frozenset({Party.REQUESTER}),
}
_EVERYBODY = frozenset({Party.REQUESTER, Party.SPECIALIST, Party.MEMBER})

_WAITS_FOR: dict[State, frozenset[Party]] = {
    State.DRAFT: frozenset({Party.REQUESTER}),
    State.APPROVAL: frozenset({Party.APPROVER}),
    State.TRIAGE: frozenset({Party.COORDINATOR}),
    State.ASSIGNED: frozenset({Party.SPECIALIST, Party.MEMBER}),
    State.ACCEPTED: frozenset({Party.SPECIALIST}),
    State.SCHEDULED: frozenset({Party.SPECIALIST, Party.REQUESTER}),
    State.IN_SESSION: frozenset({Party.SPECIALIST, Party.REQUESTER}),
    State.REPORTING: frozenset({Party.SPECIALIST}),
    State.AUDIT: frozenset({Party.AUDITOR}),
    State.DELIVERED: frozenset({Party.REQUESTER}),
    State.ANSWERED: frozenset({Party.REQUESTER}),
    State.RETURNED: frozenset({Party.REQUESTER}),
}


def told_of(move: Move, state: State) -> frozenset[Party]:
    """Whom a move concerns beside the one who made it: they get a notice."""
    told = _SIDES.get(move, _EVERYBODY)
    # Only those for whom the new state is work: a request that waits for triage is no business of an approver yet.
    if move in {Move.SUBMIT, Move.APPROVE}:
        told = (told & waits_for(state)) | (told & {Party.REQUESTER})
    return told


def waits_for(state: State) -> frozenset[Party]:
    """Whose turn it is; nobody's where the consult is at its end."""
    return _WAITS_FOR.get(state, frozenset())


def is_open(state: State) -> bool:
    """Whether the conversation goes on and materials may be added."""
    return state not in FINISHED
