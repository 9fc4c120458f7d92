"""Writing a request: a draft is saved as it is typed, incomplete and even without a patient; nobody else sees it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.consults.fields import DraftFields
from teleconsult.consults.models import Consult, ConsultNumber
from teleconsult.consults.office import Office, find, note, offers_of, set_clock
from teleconsult.consults.sealing import Content
from teleconsult.consults.state import Kind, Mode, Party, Priority, State
from teleconsult.db import Work, new_id
from teleconsult.errors import FieldsRefused, NotAllowed, Stale, StepRefused
from teleconsult.people.models import Department, Institution, Membership, Patient, User
from teleconsult.people.state import Role

_PLAIN = ("kind", "mode", "priority", "patient_id", "origin_id")
_TARGET = ("target_institution_id", "target_department_id", "target_specialist_id")
_MOST_A_DAY = 9999


async def draft(office: Office, actor: Actor, fields: DraftFields) -> str:
    """Begin a request with whatever is there yet. Returns its id.

    Raises:
        NotAllowed: Only requesters of an institution ask.
        FieldsRefused: A field names what is not there.
    """
    if actor.kind is not ActorKind.STAFF or Role.REQUESTER not in actor.roles:
        raise NotAllowed
    if not actor.may(Permission.CONSULT_CREATE):
        raise NotAllowed
    async with office.database.write(actor) as work:
        consult = Consult(
            id=new_id(),
            number=await _number(office, work),
            version=1,
            state=State.DRAFT,
            kind=Kind.CLINICAL,
            mode=Mode.ASYNCHRONOUS,
            priority=Priority.ROUTINE,
            institution_id=actor.institution,
            requester_id=actor.id,
            level=0,
            paused_seconds=0,
            report_version=0,
            answered_version=0,
            approval_asked=False,
            audit_asked=False,
            entry_count=0,
            message_count=0,
            created_at=work.at,
            changed_at=work.at,
            state_since=work.at,
            seats=[],
            levels=[],
        )
        changes = fields.model_dump(exclude_unset=True)
        if "target_institution_id" not in changes:
            consult.target_institution_id = await _usual_target(office, work, actor)
        await _change(office, work.session, consult, changes, "", Content())
        work.session.add(consult)
        await set_clock(office, work, consult)
        note(work, "draft", consult)
        return consult.id


async def untouched(office: Office, actor: Actor, patient_id: str) -> str | None:
    """A draft of this person for this patient, nothing written in it yet: who begins again after it means it."""
    async with office.database.read() as session:
        rows = await session.scalars(
            select(Consult)
            .where(
                Consult.requester_id == actor.id,
                Consult.institution_id == actor.institution,
                Consult.patient_id == patient_id,
                Consult.state == State.DRAFT,
                Consult.version == 1,
            )
            .order_by(Consult.created_at.desc())
            .limit(1)
        )
        found = rows.first()
        if found is None or office.sealing.question(found.id, found.question):
            return None
        return found.id


async def save_draft(office: Office, actor: Actor, consult_id: str, version: int, fields: DraftFields) -> int:
    """Save what was typed; only fields that are given change. Returns the new version.

    Raises:
        NotFound: Not this person's draft.
        Stale: Another tab or device has saved meanwhile.
        StepRefused: It was sent: a request on its way is not rewritten.
        FieldsRefused: A field names what is not there.
    """
    async with office.database.write(actor) as work:
        found = await find(work.session, actor, consult_id, lock=True)
        consult = found.consult
        if consult.state is not State.DRAFT or Party.REQUESTER not in found.parties:
            raise StepRefused(
                "This request was sent already; it can no longer be rewritten.",
                moves=await offers_of(office, work.session, found),
                code="not_a_draft",
            )
        if consult.version != version:
            raise Stale(current=consult.version, moves=await offers_of(office, work.session, found))
        question = office.sealing.question(consult.id, consult.question)
        changes = fields.model_dump(exclude_unset=True, exclude={"version"})
        await _change(office, work.session, consult, changes, question, office.sealing.content(consult))
        consult.version += 1
        consult.changed_at = consult.state_since = work.at
        await set_clock(office, work, consult)
        note(work, "save_draft", consult)
        return consult.version


async def _change(
    office: Office, session: AsyncSession, consult: Consult, changes: dict[str, Any], question: str, content: Content
) -> None:
    if changes.get("target_institution_id", consult.target_institution_id) != consult.target_institution_id:
        consult.target_specialist_id = consult.target_department_id = None
    for name in (*_PLAIN, *_TARGET):
        if name in changes:
            setattr(consult, name, changes[name])
    await _check(session, consult, changes)
    office.sealing.write(consult, changes.get("question", question), content.with_changes(changes))


async def _check(session: AsyncSession, consult: Consult, changes: dict[str, Any]) -> None:
    errors: dict[str, str] = {}
    patient = await session.get(Patient, consult.patient_id) if changes.get("patient_id") else None
    if changes.get("patient_id") and (patient is None or patient.institution != consult.institution_id):
        errors["patient_id"] = "Please choose a patient of your institution."
    target = consult.target_institution_id
    if changes.get("target_institution_id") and await session.get(Institution, target) is None:
        errors["target_institution_id"] = "Please choose an institution of this site."
    department = consult.target_department_id
    if department and any(name in changes for name in _TARGET):
        row = await session.get(Department, department)
        if row is None or row.institution != target:
            errors["target_department_id"] = "Please choose a department of the institution you ask."
    specialist = consult.target_specialist_id
    if (
        specialist
        and any(name in changes for name in _TARGET)
        and not await _is_specialist(session, specialist, target)
    ):
        errors["target_specialist_id"] = "Please choose a specialist of the institution you ask."
    if changes.get("origin_id"):
        origin = await session.get(Consult, changes["origin_id"])
        if origin is None or origin.institution_id != consult.institution_id or origin.id == consult.id:
            errors["origin_id"] = "Please choose an earlier request of your institution."
    if errors:
        raise FieldsRefused(errors)


async def _is_specialist(session: AsyncSession, user: str, institution: str | None) -> bool:
    held = await session.get(Membership, (user, institution, Role.SPECIALIST)) if institution else None
    row = await session.get(User, user)
    return held is not None and row is not None and row.active


async def _usual_target(office: Office, work: Work, actor: Actor) -> str | None:
    """Where the institution has an agreement with one other only, that is where it asks."""
    partners = {
        it.invited_id for it in await office.agreements.in_force(work.session, actor.institution, None, work.at)
    }
    return partners.pop() if len(partners) == 1 else None


async def _number(office: Office, work: Work) -> str:
    """`HZ20261123-0007`: rising per institution and day of the site's zone."""
    day = work.at.astimezone(office.zone).date()
    insert = sqlite.insert if office.database.is_sqlite else postgresql.insert
    last = await work.session.scalar(
        insert(ConsultNumber)
        .values(institution_id=work.actor.institution, day=day, last=1)
        .on_conflict_do_update(index_elements=["institution_id", "day"], set_={"last": ConsultNumber.last + 1})
        .returning(ConsultNumber.last)
    )
    if last is None or last > _MOST_A_DAY:
        raise StepRefused("Your institution has used all numbers of today.", code="numbers_used_up")
    return f"HZ{day:%Y%m%d}-{last:04d}"
