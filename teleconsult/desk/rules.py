"""Decides how a case is drawn: which move is the usual next one and where the case stands on its way.

Pure: takes the rooms' views and the present moment, gives plain values for the templates. Words are the templates'.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo

from teleconsult.consults.rules import Offer
from teleconsult.consults.state import FINISHED, Mode, Move, NeedKind, Room, State
from teleconsult.consults.timeleft import TimeLeft, time_left
from teleconsult.consults.views import ConsultView, EntryView, RowView
from teleconsult.desk.views import Count, Day, Entry, MoveForm, Row, Step
from teleconsult.people.banner import age

_USUAL = (
    Move.SUBMIT,
    Move.APPROVE,
    Move.ASSIGN,
    Move.ACCEPT,
    Move.BEGIN_REPORT,
    Move.START,
    Move.SCHEDULE,
    Move.END_SESSION,
    Move.SIGN,
    Move.SUBMIT_FOR_AUDIT,
    Move.RESUBMIT,
    Move.ANSWER,
    Move.CLOSE,
)
"""The step that usually comes next, first fit wins: the page's one primary button."""

_ENDINGS = frozenset({Move.REJECT, Move.WITHDRAW, Move.CANCEL, Move.DECLINE})
_WRITING = frozenset({Move.SIGN, Move.SUBMIT_FOR_AUDIT})

_WAY = ("request", "assign", "accept", "session", "write", "sign", "deliver", "answer")
_PLACE: dict[State, str] = {
    State.DRAFT: "request",
    State.APPROVAL: "request",
    State.TRIAGE: "assign",
    State.ASSIGNED: "accept",
    State.ACCEPTED: "write",
    State.SCHEDULED: "session",
    State.IN_SESSION: "session",
    State.REPORTING: "write",
    State.AUDIT: "sign",
    State.SIGNED: "deliver",
    State.DELIVERED: "answer",
}
_REACHED_BY: dict[str, frozenset[str]] = {
    "request": frozenset({Move.SUBMIT}),
    "assign": frozenset({Move.ASSIGN, Move.REASSIGN}),
    "accept": frozenset({Move.ACCEPT}),
    "session": frozenset({Move.END_SESSION}),
    "write": frozenset({Move.SUBMIT_FOR_AUDIT}),
    "sign": frozenset({Move.SIGN}),
    "deliver": frozenset({Move.DELIVER}),
    "answer": frozenset({Move.ANSWER}),
}


def row(found: RowView, now: datetime, today: date) -> Row:
    """A case as a line of a list. A draft's line leads to the form, all others to the case."""
    patient = found.patient
    return Row(
        id=found.id,
        path=path_of(found.id, found.state),
        number=found.number,
        priority=found.priority,
        kind=found.kind,
        state=found.state,
        patient_name=patient.name if patient else "",
        sex=patient.sex if patient else "unknown",
        age=age(patient.birth_date, today) if patient else None,
        question=found.question,
        from_institution=found.institution.name,
        requester_name=found.requester.name,
        clock=time_left(found.clock, now),
        unread=found.unread,
        submitted_at=found.submitted_at,
        changed_at=found.changed_at,
        starts_at=found.starts_at,
        adoption=found.adoption,
    )


def path_of(consult: str, state: State) -> str:
    """Where a case is opened."""
    return f"/consults/{consult}/edit/patient" if state is State.DRAFT else f"/consults/{consult}"


def most_pressing(rows: Sequence[Row]) -> Row | None:
    """The case to open first: the one due first, but what only wants closing or stands still comes after the rest."""
    return min(rows, key=lambda one: _pressure(one.state, one.clock), default=None)


def _pressure(state: str, clock: TimeLeft | None) -> tuple[bool, bool, float]:
    due = clock.due_at.timestamp() if clock is not None and not clock.paused else float("inf")
    return state == State.ANSWERED, due == float("inf") and state != State.RETURNED, due


def counts(rows: Iterable[Row]) -> tuple[Count, ...]:
    """How many of the cases that wait stand in each state, the one due first on top."""
    groups: dict[str, list[Row]] = {}
    for one in rows:
        groups.setdefault(one.state, []).append(one)
    made = [
        Count(state, len(group), f"/worklist?show=waiting_for_me&state={state}", _first_clock(group))
        for state, group in groups.items()
    ]
    return tuple(sorted(made, key=lambda count: _pressure(count.state, count.clock)))


def _first_clock(group: Sequence[Row]) -> TimeLeft | None:
    running = [one.clock for one in group if one.clock is not None and not one.clock.paused]
    return min(running, key=lambda clock: clock.due_at, default=None)


def move_forms(consult: str, offers: Iterable[Offer]) -> tuple[MoveForm, ...]:
    """The moves of a person as buttons and forms: exactly one is primary, where one is usual.

    What the reports room makes happens in the editor; its moves become one link there.
    """
    given = {offer.move: offer for offer in offers}
    usual = next((move for move in _USUAL if move in given), None)
    forms: list[MoveForm] = []
    editor = f"/consults/{consult}/report"
    for offer in given.values():
        primary = offer.move is usual
        if offer.room is Room.REPORTS:
            word = "write" if offer.move in _WRITING and offer.target is not State.REPORTING else offer.move
            path = f"{editor}?amend=yes" if offer.move is Move.AMEND else editor
            if not any(form.move == word for form in forms):
                forms.append(MoveForm(word, (), is_primary=primary, path=path))
            continue
        forms.append(
            MoveForm(
                offer.move,
                offer.needs,
                is_primary=primary,
                is_bare=not offer.needs,
                is_final=offer.move in _ENDINGS,
            )
        )
    return tuple(forms)


def track(view: ConsultView, entries: Sequence[EntryView]) -> tuple[Step, ...]:
    """The steps of the way with the time each was taken, and where the case stands now."""
    way = [step for step in _WAY if step != "session" or view.mode is Mode.LIVE]
    here = _place(view, way)
    taken: dict[str, datetime] = {}
    for entry in entries:
        for step in way:
            if entry.move in _REACHED_BY[step]:
                taken[step] = entry.at
    reached = way.index(here) if here else len(way)
    if view.state in FINISHED and view.state is not State.CLOSED:
        # It ended before its time: only what really happened is behind it, and nothing is under way.
        return tuple(Step(step, taken.get(step), step in taken, False) for step in way)
    return tuple(
        Step(step, taken.get(step) if place < reached else None, place < reached, place == reached)
        for place, step in enumerate(way)
    )


def _place(view: ConsultView, way: Sequence[str]) -> str:
    state = view.state
    if state is State.RETURNED:
        return "write" if view.seats else "assign"
    if state is State.ACCEPTED and "session" in way:
        return "session"
    if state in FINISHED or state is State.ANSWERED:
        return ""
    return _PLACE[state]


def days(entries: Sequence[EntryView], unread: int, zone: tzinfo) -> tuple[Day, ...]:
    """The timeline newest first, a group for each day; what the reader has not seen stands alone on top."""
    left = unread
    fresh: list[Entry] = []
    older: dict[date, list[Entry]] = {}
    for found in reversed(entries):
        is_new = left > 0 and found.kind == "message" and not found.is_mine
        left -= is_new
        entry = _entry(found, is_new=is_new)
        if is_new:
            fresh.append(entry)
        else:
            older.setdefault(found.at.astimezone(zone).date(), []).append(entry)
    groups = [Day(fresh[0].at, fresh, is_new=True)] if fresh else []
    groups += [Day(group[0].at, group) for group in older.values()]
    return tuple(groups)


def _entry(found: EntryView, *, is_new: bool) -> Entry:
    fields = dict(found.fields)
    return Entry(
        found.kind,
        found.at,
        found.actor.name,
        is_mine=found.is_mine,
        is_new=is_new,
        party=found.party,
        move=found.move,
        text=str(found.text or fields.get("reason") or ""),
        fields=fields,
        number=found.number,
        starts_at=datetime.fromisoformat(str(fields["starts_at"])) if fields.get("starts_at") else None,
    )


def has(needs: Iterable[object], kind: NeedKind) -> bool:
    """Whether a field of this sort is among what a move asks for."""
    return any(getattr(need, "kind", None) is kind for need in needs)
