"""One consult as one person sees it: opened, named, with the moves that they may make now."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor
from teleconsult.consults.lookups import Names, card_of, names_of
from teleconsult.consults.models import AskedItem, Consult, ReadMark, Seat
from teleconsult.consults.office import Found, Office, clock_start, find, items_of, offers_of
from teleconsult.consults.state import Party, State
from teleconsult.consults.views import AskedView, ClockView, ConsultView, SeatView


async def view(office: Office, actor: Actor, consult_id: str) -> ConsultView:
    """The whole consult.

    Raises:
        NotFound: Not there, or not for this person.
        Unavailable: The reading cannot be noted; then nothing is read.
    """
    async with office.database.read() as session:
        found = await find(session, actor, consult_id)
        seen = await _view(office, session, actor, found)
    await office.witness.read(actor, "consult.read", f"consults/{consult_id}", found.consult.patient_id or "")
    return seen


async def _view(office: Office, session: AsyncSession, actor: Actor, found: Found) -> ConsultView:
    consult = found.consult
    content = office.sealing.content(consult)
    names = await _names(session, consult)
    mark = await session.get(ReadMark, (actor.id, consult.id))
    return ConsultView(
        id=consult.id,
        number=consult.number,
        state=consult.state,
        version=consult.version,
        kind=consult.kind,
        mode=consult.mode,
        priority=consult.priority,
        moves=await offers_of(office, session, found),
        parties=tuple(party for party in Party if party in found.parties),
        patient=await card_of(session, office.vault, consult.patient_id),
        question=office.sealing.question(consult.id, consult.question),
        history=content.history,
        working_diagnosis=content.working_diagnosis,
        local_conclusion=content.local_conclusion,
        anticoagulants=content.anticoagulants,
        wished_time=content.wished_time,
        incomplete_reason=content.incomplete_reason,
        consent_how=content.consent_how,
        consent_by=content.consent_by,
        consent_name=content.consent_name,
        institution=names.named(consult.institution_id),
        requester=names.named(consult.requester_id),
        target_institution=names.maybe(consult.target_institution_id),
        target_department=names.maybe(consult.target_department_id),
        target_specialist=names.maybe(consult.target_specialist_id),
        origin_id=consult.origin_id,
        level=consult.level,
        seats=tuple(_seat(seat, names) for seat in consult.seats if seat.left_at is None),
        asked=await _asked(office, session, consult),
        completeness=await items_of(office, session, consult),
        consent=await office.agreements.consent_of(session, consult.id),
        clock=clock_of(office, consult),
        created_at=consult.created_at,
        changed_at=consult.changed_at,
        submitted_at=consult.submitted_at,
        state_since=consult.state_since,
        starts_at=consult.starts_at,
        ends_at=consult.ends_at,
        delivered_at=consult.delivered_at,
        closed_at=consult.closed_at,
        report_version=consult.report_version,
        author_id=consult.author_id,
        signer_id=consult.signer_id,
        audit_asked=consult.audit_asked,
        adoption=consult.adoption,
        final_diagnosis=office.sealing.diagnosis(consult),
        message_count=consult.message_count,
        unread=consult.message_count - (mark.seen if mark else 0),
    )


async def _names(session: AsyncSession, consult: Consult) -> Names:
    mentioned = {
        consult.institution_id,
        consult.requester_id,
        consult.target_institution_id,
        consult.target_department_id,
        consult.target_specialist_id,
    }
    for seat in consult.seats:
        mentioned |= {seat.user_id, seat.institution_id, seat.department_id}
    return await names_of(session, mentioned)


def _seat(seat: Seat, names: Names) -> SeatView:
    return SeatView(
        seat.lead,
        names.named(seat.institution_id),
        names.maybe(seat.user_id),
        names.maybe(seat.department_id),
        seat.accepted_at,
    )


async def _asked(office: Office, session: AsyncSession, consult: Consult) -> tuple[AskedView, ...]:
    rows = await session.scalars(select(AskedItem).where(AskedItem.consult_id == consult.id).order_by(AskedItem.number))
    return tuple(
        AskedView(
            row.number,
            row.kind,
            office.sealing.item_text(row),
            row.asked_at,
            row.answered_at,
            row.given,
            office.sealing.item_reason(row),
        )
        for row in rows
    )


def clock_of(office: Office, consult: Consult) -> ClockView | None:
    """The deadline in force, for showing."""
    start = clock_start(office, consult)
    if start is None or consult.due_at is None:
        return None
    return ClockView(start[0], start[1], consult.due_at, consult.state is State.RETURNED)
