"""A doctor's times: one place at a time, whatever it is for. Consults' sessions and visits are both looked at."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.consults.models import Consult, Seat
from teleconsult.consults.state import State
from teleconsult.db import Work, new_id
from teleconsult.errors import FieldsRefused
from teleconsult.scheduling.models import Appointment
from teleconsult.scheduling.rules import slot_of

_STANDING = (State.SCHEDULED, State.IN_SESSION)
VISIT = "visit"


class Diary:
    """Books inside the caller's transaction; one writer at a time makes "free" a fact until the commit."""

    async def book(
        self, work: Work, subject: str, doctor: str, starts_at: datetime, ends_at: datetime | None
    ) -> tuple[datetime, datetime]:
        """Take a time of a doctor for a visit, giving back what the visit had before.

        Raises:
            FieldsRefused: Not a time that can be booked, or the doctor is taken.
        """
        starts, ends = slot_of(starts_at, ends_at, work.at)
        await self.free(work, subject)
        if await is_taken(work.session, doctor, starts, ends):
            raise FieldsRefused({"starts_at": "The doctor is taken at this time. Please choose another."})
        row = await self._row(work, subject)
        if row is None:
            row = Appointment(id=new_id(), kind=VISIT, subject=subject)
            work.session.add(row)
        row.doctor_id, row.starts_at, row.ends_at, row.freed_at = doctor, starts, ends, None
        await work.session.flush()
        return starts, ends

    async def free(self, work: Work, subject: str) -> None:
        """Give a visit's time back."""
        row = await self._row(work, subject)
        if row is not None:
            row.freed_at = work.at
            await work.session.flush()

    async def is_taken(self, session: AsyncSession, doctor: str, starts: datetime, ends: datetime) -> bool:
        """Whether a visit of this doctor touches this time; for the consults room, which knows its own sessions."""
        return await _has_visit(session, doctor, starts, ends)

    async def _row(self, work: Work, subject: str) -> Appointment | None:
        wanted = select(Appointment).where(Appointment.kind == VISIT, Appointment.subject == subject)
        return (await work.session.scalars(wanted)).first()


async def is_taken(session: AsyncSession, doctor: str, starts: datetime, ends: datetime) -> bool:
    """Whether anything of this doctor touches this time."""
    return await _has_visit(session, doctor, starts, ends) or await _has_session(session, doctor, starts, ends)


async def _has_visit(session: AsyncSession, doctor: str, starts: datetime, ends: datetime) -> bool:
    touches = (Appointment.starts_at < ends, Appointment.ends_at > starts)
    held = (Appointment.doctor_id == doctor, Appointment.freed_at.is_(None), *touches)
    return (await session.scalars(select(Appointment.id).where(*held).limit(1))).first() is not None


async def _has_session(session: AsyncSession, doctor: str, starts: datetime, ends: datetime) -> bool:
    sits = select(Seat.consult_id).where(Seat.user_id == doctor, Seat.left_at.is_(None))
    mine = or_(Consult.requester_id == doctor, Consult.id.in_(sits))
    touches = (Consult.starts_at < ends, Consult.ends_at > starts)
    found = await session.scalars(select(Consult.id).where(Consult.state.in_(_STANDING), mine, *touches).limit(1))
    return found.first() is not None
