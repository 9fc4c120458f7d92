"""What all use cases of this room share: dependencies, finding a case for somebody, writing down what happened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, ActorKind, PatientId
from teleconsult.agreements.service import Agreements
from teleconsult.audit import trail
from teleconsult.consults.lookups import card_of
from teleconsult.consults.models import Consult, Entry, Material
from teleconsult.consults.ports import Archive, Diary, EmptyDiary, Roster
from teleconsult.consults.rules import (
    Case,
    Facts,
    Item,
    Offer,
    completeness,
    is_open,
    last_level,
    moves_for,
    parties_of,
)
from teleconsult.consults.sealing import Sealing
from teleconsult.consults.state import Kind, Move, Party, Priority, State
from teleconsult.db import Database, Work
from teleconsult.deadlines.rules import Anchor, Running
from teleconsult.deadlines.service import Deadlines
from teleconsult.errors import NotFound
from teleconsult.people.models import Institution, User
from teleconsult.people.rules import age_on
from teleconsult.vault import Vault

_SMALL_CHILD_YEARS = 6
"""Under this age a guardian must be present. Source: 国卫医发〔2018〕25号."""


@dataclass(frozen=True, slots=True)
class Office:
    """The room's dependencies, put together by `service.Consults`."""

    database: Database
    vault: Vault
    agreements: Agreements
    deadlines: Deadlines
    archive: Archive
    roster: Roster
    witness: trail.Witness
    sealing: Sealing
    zone: tzinfo
    on_commit: Callable[[], None]
    diary: Diary = field(default_factory=EmptyDiary)


@dataclass(frozen=True, slots=True)
class Found:
    """A case and who somebody is for it.

    Attributes:
        last_level: Up to which level of the chain they read.
    """

    consult: Consult
    parties: frozenset[Party]
    last_level: int
    departments: frozenset[str] = field(default_factory=frozenset)


async def find(session: AsyncSession, actor: Actor, consult_id: str, *, lock: bool = False) -> Found:
    """A case that is open to somebody.

    Raises:
        NotFound: There is none, or not for them: never told apart.
    """
    statement = select(Consult).where(Consult.id == consult_id)
    consult = await session.scalar(statement.with_for_update(of=Consult) if lock else statement)
    if consult is None:
        raise NotFound
    departments = await departments_of(session, actor)
    parties = parties_of(actor, consult, departments)
    if not parties:
        raise NotFound
    return Found(consult, parties, last_level(actor, consult, parties), departments)


async def departments_of(session: AsyncSession, actor: Actor) -> frozenset[str]:
    """Where somebody works; a department may hold the lead's seat."""
    if actor.kind is not ActorKind.STAFF:
        return frozenset()
    department = await session.scalar(select(User.department).where(User.id == actor.id, User.active))
    return frozenset({department} if department else ())


async def settings_of(session: AsyncSession, institution: str) -> Mapping[str, Any]:
    """An institution's own settings."""
    found = await session.scalar(select(Institution.settings).where(Institution.id == institution))
    return found or {}


async def facts_of(office: Office, session: AsyncSession, consult: Consult) -> Facts:
    """Look up what the rules must know; only what can matter in the present state."""
    facts = Facts(approval_asked=consult.approval_asked)
    if consult.state is State.DRAFT:
        asked = bool((await settings_of(session, consult.institution_id)).get("needs_approval"))
        items = await items_of(office, session, consult)
        facts = Facts(
            approval_asked=asked,
            consent=await has_consent(office, session, consult),
            complete=all(item.present for item in items),
            on_duty=await on_duty(office, session, consult) is not None,
        )
    if consult.state is State.APPROVAL:
        facts = Facts(approval_asked=True, on_duty=await on_duty(office, session, consult) is not None)
    if consult.state in {State.ACCEPTED, State.SCHEDULED}:
        facts = Facts(small_child=await _is_small_child(office, session, consult))
    return facts


async def offers_of(office: Office, session: AsyncSession, found: Found) -> tuple[Offer, ...]:
    """The moves that this person may make now."""
    facts = await facts_of(office, session, found.consult)
    return moves_for(found.consult, found.parties, facts, office.database.clock.now())


async def on_duty(office: Office, session: AsyncSession, consult: Consult) -> str | None:
    """Whom an emergency goes to at once, None where nobody is on duty or it is none."""
    if consult.priority is not Priority.EMERGENCY or consult.target_institution_id is None:
        return None
    where = (consult.target_institution_id, consult.target_department_id)
    return await office.roster.on_duty(session, *where, consult.kind, office.database.clock.now())


async def has_consent(office: Office, session: AsyncSession, consult: Consult) -> bool:
    """Whether consent is recorded, or written into the draft."""
    if office.sealing.content(consult).consent_how:
        return True
    return await office.agreements.consent_of(session, consult.id) is not None


async def items_of(office: Office, session: AsyncSession, consult: Consult) -> tuple[Item, ...]:
    """What a request of this kind should hold, and what of it is there."""
    content = office.sealing.content(consult)
    card = await card_of(session, office.vault, consult.patient_id)
    rows = (
        await session.execute(select(Material.kind, Material.modalities).where(Material.consult_id == consult.id))
    ).all()
    modalities = frozenset(word for kind, words in rows if kind == "study" for word in words.split(",") if word)
    case = Case(
        patient=card is not None and card.birth_date is not None and card.sex != "unknown",
        question=bool(office.sealing.question(consult.id, consult.question).strip()),
        history=bool(content.history),
        allergies=card is not None and card.allergies is not None,
        local_conclusion=bool(content.local_conclusion),
        anticoagulants=bool(content.anticoagulants),
        modalities=modalities,
        labs=sum(kind == "lab_report" for kind, _ in rows),
        documents=sum(kind == "document" for kind, _ in rows),
    )
    return completeness(Kind(consult.kind), case)


async def _is_small_child(office: Office, session: AsyncSession, consult: Consult) -> bool:
    card = await card_of(session, office.vault, consult.patient_id)
    if card is None or card.birth_date is None:
        return False
    today = office.database.clock.now().astimezone(office.zone).date()
    return age_on(card.birth_date, today) < _SMALL_CHILD_YEARS


def running(consult: Consult) -> Running:
    """What the consult's deadline depends on, and nothing else."""
    return Running(
        state=consult.state,
        kind=consult.kind,
        priority=consult.priority,
        state_since=consult.state_since,
        began_at=consult.clock_began_at,
        paused=timedelta(seconds=consult.paused_seconds),
    )


async def set_clock(office: Office, work: Work, consult: Consult) -> None:
    """Let the deadline that follows from the consult's state be the one in force."""
    deadline = office.deadlines.policy.deadline(running(consult))
    consult.due_at = deadline.due_at if deadline else None
    await office.deadlines.set(work, consult.id, deadline)


def clock_start(office: Office, consult: Consult) -> tuple[str, Any] | None:
    """What is due and from when its clock counts."""
    allowance = office.deadlines.policy.allowance(consult.state, consult.kind, consult.priority)
    if allowance is None:
        return None
    if allowance.anchor is Anchor.REQUEST and consult.clock_began_at is not None:
        return allowance.word, consult.clock_began_at
    return allowance.word, consult.state_since


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing for the consult's order of time."""

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    party: Party | None = None
    move: Move | None = None
    source: State | None = None
    target: State | None = None
    message_number: int | None = None


def write_entry(office: Office, work: Work, consult: Consult, what: Happening) -> Entry:
    """Add an entry; its number is the consult's next."""
    consult.entry_count += 1
    number = consult.entry_count
    entry = Entry(
        consult_id=consult.id,
        number=number,
        kind=what.kind,
        at=work.at,
        actor_id=work.actor.id,
        institution_id=work.actor.institution,
        level=consult.level,
        party=what.party,
        move=what.move,
        source=what.source,
        target=what.target,
        message_number=what.message_number,
        body=office.sealing.seal_body(consult.id, number, what.body) if what.body else None,
    )
    work.session.add(entry)
    return entry


def note(work: Work, action: str, consult: Consult, **detail: str) -> None:
    """One audit row about a consult."""
    trail.note(
        work, f"consult.{action}", f"consults/{consult.id}", patient=PatientId(consult.patient_id or ""), detail=detail
    )


def is_talkative(consult: Consult) -> bool:
    """Whether messages and materials may still be added."""
    return is_open(consult.state)
