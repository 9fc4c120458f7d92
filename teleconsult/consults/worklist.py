"""The worklist: which cases, in what order, how many of each; one query for a page of fifty, one for all counts."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Select, and_, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import raiseload
from sqlalchemy.sql.elements import ColumnElement

from teleconsult.actor import Actor
from teleconsult.consults.lookups import cards_of, names_of
from teleconsult.consults.models import Consult, ReadMark
from teleconsult.consults.office import Office
from teleconsult.consults.rules import waits_for
from teleconsult.consults.scope import asked_by, handled_by, is_open_to, open_rows, sits_at
from teleconsult.consults.state import FINISHED, Kind, Party, Priority, State
from teleconsult.consults.viewing import clock_of
from teleconsult.consults.views import RowView, WorklistPage
from teleconsult.db import UtcTime
from teleconsult.errors import FieldsRefused
from teleconsult.notifications.ports import Caption
from teleconsult.people import rules as people_rules
from teleconsult.people.models import Patient
from teleconsult.people.sealing import view as open_patient
from teleconsult.people.state import Role

PAGE = 50
_SEARCHED = 1000
_CAPTION = 60
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_DUE = func.coalesce(Consult.due_at, literal(_NEVER, UtcTime()))
"""What has no deadline comes last."""
_OPEN_STATES = tuple(state for state in State if state not in FINISHED)
_OVERDUE_STATES = tuple(
    state for state in State if state not in FINISHED | {State.DRAFT, State.RETURNED, State.DELIVERED, State.ANSWERED}
)


class Which(StrEnum):
    """Whose cases."""

    ALL = "all"
    OPEN = "open"
    MINE = "mine"
    WAITING_FOR_ME = "waiting_for_me"
    OVERDUE = "overdue"
    FINISHED = "finished"


_MARKED = (Which.MINE, Which.WAITING_FOR_ME, Which.OVERDUE)
"""Lists that the state alone does not tell."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for.

    Attributes:
        text: Part of a number, or of a patient's name (also pinyin and initials).
        cursor: From the page before.
    """

    which: Which = Which.ALL
    state: State | None = None
    kind: Kind | None = None
    priority: Priority | None = None
    text: str = ""
    cursor: str = ""


async def worklist(office: Office, actor: Actor, wanted: Filter) -> WorklistPage:
    """A page of cases, those due first.

    Raises:
        FieldsRefused: The cursor is none of ours.
        Unavailable: The reading cannot be noted.
    """
    async with office.database.read() as session:
        now = office.database.clock.now()
        found = await _found(office, session, actor, wanted)
        groups = await _groups(session, actor, found, now)
        items, last = await _listed(office, session, actor, [*found, *_conditions(actor, wanted, now)], wanted.cursor)
    await _noted(office, actor, items)
    return WorklistPage(items, _counts(groups), _total(groups, wanted), _cursor(last) if last else "")


async def cases(office: Office, actor: Actor, wanted: Filter) -> Sequence[RowView]:
    """The same page of cases without any numbers.

    Raises:
        FieldsRefused: The cursor is none of ours.
        Unavailable: The reading cannot be noted.
    """
    async with office.database.read() as session:
        found = await _found(office, session, actor, wanted)
        held = [*found, *_conditions(actor, wanted, office.database.clock.now())]
        items, _ = await _listed(office, session, actor, held, wanted.cursor)
    await _noted(office, actor, items)
    return items


async def captions(office: Office, actor: Actor, ids: list[str]) -> dict[str, Caption]:
    """Patient and question of those of the consults that are open to somebody.

    Raises:
        Unavailable: The reading cannot be noted.
    """
    async with office.database.read() as session:
        asked = select(Consult.id, Consult.patient_id, Consult.question)
        rows = (await session.execute(asked.where(Consult.id.in_(set(ids)), is_open_to(actor)))).all()
        cards = await cards_of(session, office.vault, [patient for _, patient, _ in rows])
    if rows:
        await office.witness.read(actor, "worklist.read", "consults", "")
    return {
        consult: Caption(
            cards[patient].name if patient in cards else "", office.sealing.question(consult, question)[:_CAPTION]
        )
        for consult, patient, question in rows
    }


async def _noted(office: Office, actor: Actor, items: Sequence[RowView]) -> None:
    if items:
        await office.witness.read(actor, "worklist.read", "consults", "")


async def _found(office: Office, session: AsyncSession, actor: Actor, wanted: Filter) -> list[ColumnElement[bool]]:
    text = wanted.text.strip()[:100]
    return [await _text(office, session, actor, text)] if text else []


async def _listed(
    office: Office, session: AsyncSession, actor: Actor, held: list[ColumnElement[bool]], cursor: str
) -> tuple[tuple[RowView, ...], Consult | None]:
    """A page, and its last case where more follow."""
    rows = (await session.execute(_page(actor, [*held, *_after(cursor)]))).all()
    items = await _rows(office, session, [(consult, seen) for consult, seen in rows[:PAGE]])
    return items, rows[PAGE - 1][0] if len(rows) > PAGE else None


def _conditions(actor: Actor, wanted: Filter, now: datetime) -> list[ColumnElement[bool]]:
    held = [_which(actor, wanted.which, now)]
    if wanted.state:
        held.append(Consult.state == wanted.state)
    if wanted.kind:
        held.append(Consult.kind == wanted.kind)
    if wanted.priority:
        held.append(Consult.priority == wanted.priority)
    return held


def _which(actor: Actor, which: Which, now: datetime) -> ColumnElement[bool]:
    if which is Which.MINE:
        return _mine(actor)
    if which is Which.WAITING_FOR_ME:
        return waiting_for(actor)
    if which is Which.OVERDUE:
        return and_(Consult.due_at < now, Consult.state.in_(_OVERDUE_STATES))
    if which is Which.OPEN:
        return Consult.state.in_(_OPEN_STATES)
    if which is Which.FINISHED:
        return Consult.state.in_(FINISHED)
    return Consult.id.is_not(None)


def _mine(actor: Actor) -> ColumnElement[bool]:
    ways = [asked_by(actor)] if Role.REQUESTER in actor.roles else []
    ways += [sits_at(actor)] if Role.SPECIALIST in actor.roles else []
    return or_(*ways) if ways else false()


def waiting_for(actor: Actor) -> ColumnElement[bool]:
    """It is this person's turn. Says the same as `rules.waits_for` with `rules.parties_of`, but for drafts.

    A draft keeps nobody else waiting: it has its own list.
    """

    def states(party: Party) -> list[State]:
        return [state for state in State if party in waits_for(state) and state is not State.DRAFT]

    other = or_(Consult.author_id.is_(None), Consult.author_id != actor.id)
    by_role = {
        Role.REQUESTER: (Party.REQUESTER, asked_by(actor)),
        Role.APPROVER: (Party.APPROVER, Consult.institution_id == actor.institution),
        Role.COORDINATOR: (Party.COORDINATOR, handled_by(actor)),
        Role.SPECIALIST: (Party.SPECIALIST, sits_at(actor)),
        Role.AUDITOR: (Party.AUDITOR, and_(handled_by(actor), other)),
    }
    held = [turn for role, turn in by_role.items() if role in actor.roles]
    if not held:
        return false()
    awaited = {state for party, _ in held for state in states(party)}
    # The states stand outside once more: by them the index is searched.
    return and_(
        Consult.state.in_(sorted(awaited)),
        or_(*(and_(Consult.state.in_(states(party)), way) for party, way in held)),
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """How many cases are alike, and in which lists they stand."""

    state: State
    kind: Kind
    priority: Priority
    lists: frozenset[Which]
    number: int


async def _groups(session: AsyncSession, actor: Actor, found: list[ColumnElement[bool]], now: datetime) -> list[_Group]:
    """One question for all numbers on the page."""
    rows = open_rows(actor, found, [_which(actor, which, now).label(which.value) for which in _MARKED])
    alike = (rows.c.state, rows.c.kind, rows.c.priority, *(rows.c[which.value] for which in _MARKED))
    return [
        _Group(State(state), Kind(kind), Priority(priority), _lists(State(state), marks), number)
        for state, kind, priority, *marks, number in await session.execute(
            select(*alike, func.count()).group_by(*alike)
        )
    ]


def _lists(state: State, marks: Sequence[bool | None]) -> frozenset[Which]:
    marked = {which for which, mark in zip(_MARKED, marks, strict=True) if mark}
    return frozenset({Which.ALL, Which.FINISHED if state in FINISHED else Which.OPEN} | marked)


def _counts(groups: Iterable[_Group]) -> dict[str, int]:
    counts = Counter({which.value: 0 for which in Which})
    for it in groups:
        about = [f"kind:{it.kind}", f"priority:{it.priority}"]
        names = [f"state:{it.state}", *about]
        names += [name for one in it.lists for name in (one.value, *(f"{one}/{word}" for word in about))]
        counts.update(dict.fromkeys(names, it.number))
    return dict(counts)


def _total(groups: Iterable[_Group], wanted: Filter) -> int:
    return sum(
        it.number
        for it in groups
        if wanted.which in it.lists
        and wanted.state in {None, it.state}
        and wanted.kind in {None, it.kind}
        and wanted.priority in {None, it.priority}
    )


def _page(actor: Actor, held: list[ColumnElement[bool]]) -> Select[Consult, int]:
    # Sorted without the texts first: those of all other cases are never touched.
    rows = open_rows(actor, held)
    due = func.coalesce(rows.c.due_at, literal(_NEVER, UtcTime()))
    first = select(rows.c.id).order_by(due, rows.c.id).limit(PAGE + 1).subquery()
    return (
        select(Consult, ReadMark.seen)
        .join(first, first.c.id == Consult.id)
        .outerjoin(ReadMark, and_(ReadMark.consult_id == Consult.id, ReadMark.user_id == actor.id))
        .options(raiseload(Consult.seats), raiseload(Consult.levels))
        .order_by(_DUE, Consult.id)
    )


async def _text(office: Office, session: AsyncSession, actor: Actor, text: str) -> ColumnElement[bool]:
    """Names are sealed, so the newest thousand cases of this person are opened and compared."""
    by_number = Consult.number.contains(text.upper(), autoescape=True)
    rows = await session.scalars(
        select(Patient)
        .where(Patient.id.in_(select(Consult.patient_id).where(is_open_to(actor))))
        .order_by(Patient.changed_at.desc())
        .limit(_SEARCHED)
    )
    fitting = [row.id for row in rows if people_rules.name_fits(open_patient(row, office.vault).name, text)]
    return or_(by_number, Consult.patient_id.in_(fitting))


async def _rows(office: Office, session: AsyncSession, rows: list[tuple[Consult, int | None]]) -> tuple[RowView, ...]:
    consults = [consult for consult, _ in rows]
    cards = await cards_of(session, office.vault, [consult.patient_id for consult in consults])
    names = await names_of(
        session,
        {
            found
            for consult in consults
            for found in (consult.institution_id, consult.requester_id, consult.target_institution_id)
        },
    )
    return tuple(
        RowView(
            id=consult.id,
            number=consult.number,
            state=consult.state,
            kind=consult.kind,
            mode=consult.mode,
            priority=consult.priority,
            version=consult.version,
            patient=cards.get(consult.patient_id or ""),
            question=office.sealing.question(consult.id, consult.question)[:200],
            institution=names.named(consult.institution_id),
            requester=names.named(consult.requester_id),
            target_institution=names.maybe(consult.target_institution_id),
            clock=clock_of(office, consult),
            starts_at=consult.starts_at,
            submitted_at=consult.submitted_at,
            changed_at=consult.changed_at,
            adoption=consult.adoption,
            unread=consult.message_count - (seen or 0),
        )
        for consult, seen in rows
    )


def _cursor(last: Consult) -> str:
    due = last.due_at or _NEVER
    return base64.urlsafe_b64encode(json.dumps([due.isoformat(), last.id]).encode()).decode().rstrip("=")


def _after(cursor: str) -> list[ColumnElement[bool]]:
    if not cursor:
        return []
    try:
        due, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment, last = datetime.fromisoformat(due).astimezone(UTC), str(last)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        raise FieldsRefused({"cursor": "Please begin at the first page again."}) from None
    at = literal(moment, UtcTime())
    return [or_(at < _DUE, and_(at == _DUE, Consult.id > last))]
