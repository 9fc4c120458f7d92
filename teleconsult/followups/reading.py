"""Visits read and opened, with the names that stand on them. Rights were judged by the caller."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.consults.models import Consult
from teleconsult.errors import NotFound
from teleconsult.followups import sealing
from teleconsult.followups.models import Visit
from teleconsult.followups.state import VisitState, rows_from
from teleconsult.followups.views import MoveOffer, Named, PatientVisit, VisitView
from teleconsult.people.models import Department, Institution, User
from teleconsult.vault import Vault

_MOST = 200


async def one(session: AsyncSession, visit_id: str) -> Visit:
    """A visit. Raises NotFound."""
    row = await session.get(Visit, visit_id)
    if row is None:
        raise NotFound
    return row


async def of_consult(session: AsyncSession, consult_id: str) -> list[Visit]:
    """Its visits, the latest first."""
    held = select(Visit).where(Visit.consult_id == consult_id)
    return list(await session.scalars(held.order_by(Visit.starts_at.desc(), Visit.id).limit(_MOST)))


async def of_patient(session: AsyncSession, patient: str) -> list[Visit]:
    """A patient's visits, the latest first."""
    held = select(Visit).where(Visit.patient_id == patient)
    return list(await session.scalars(held.order_by(Visit.starts_at.desc(), Visit.id).limit(_MOST)))


async def staff_views(
    session: AsyncSession, vault: Vault, rows: Sequence[Visit], *, may_move: bool
) -> tuple[VisitView, ...]:
    """As the staff see them, with the moves where they may make them."""
    people = await _people(session, {who for row in rows for who in (row.doctor_id, row.booked_by)})
    views = []
    for row in rows:
        texts, state = sealing.read(vault, row), VisitState(row.state)
        offers = tuple(MoveOffer(one.move, one.needs, one.target) for one in rows_from(state)) if may_move else ()
        views.append(
            VisitView(
                id=row.id,
                consult=row.consult_id,
                state=state,
                version=row.version,
                doctor=_named(people, row.doctor_id),
                booked_by=_named(people, row.booked_by),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                began_at=row.began_at,
                ended_at=row.ended_at,
                reason=texts.reason,
                note_to_patient=texts.note_to_patient,
                note=texts.note,
                said=texts.said,
                next_step=texts.next_step,
                because=texts.because,
                moves=offers,
            )
        )
    return tuple(views)


async def patient_views(session: AsyncSession, vault: Vault, rows: Sequence[Visit]) -> tuple[PatientVisit, ...]:
    """As the patient sees them."""
    people = await _people(session, {row.doctor_id for row in rows})
    departments = {row.id: row.name for row in await session.scalars(_departments(people))}
    views = []
    for row in rows:
        texts, doctor = sealing.read(vault, row), people.get(row.doctor_id)
        views.append(
            PatientVisit(
                id=row.id,
                consult=row.consult_id,
                institution=row.institution_id,
                state=VisitState(row.state),
                doctor=_named(people, row.doctor_id),
                doctor_institution=await _house_of(session, row),
                department=departments.get((doctor.department if doctor else None) or "", ""),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                reason=texts.reason,
                note_to_patient=texts.note_to_patient,
                said=texts.said,
                next_step=texts.next_step,
                because=texts.because,
            )
        )
    return tuple(views)


async def _people(session: AsyncSession, ids: set[str]) -> dict[str, User]:
    return {row.id: row for row in await session.scalars(select(User).where(User.id.in_(ids)))} if ids else {}


def _departments(people: dict[str, User]) -> Select[Department]:
    wanted = {user.department for user in people.values() if user.department}
    return select(Department).where(Department.id.in_(wanted))


def _named(people: dict[str, User], who: str) -> Named:
    user = people.get(who)
    return Named(who, user.name if user else "", user.title if user else "")


async def _house_of(session: AsyncSession, visit: Visit) -> str:
    """The institution of the visit's doctor: the one that asked, or the one that answers."""
    consult = await session.get(Consult, visit.consult_id)
    if consult is None:
        return ""
    asked = visit.doctor_id == consult.requester_id
    place = consult.institution_id if asked else consult.target_institution_id
    house = await session.get(Institution, place or consult.institution_id)
    return house.name if house else ""
