"""Who sits at a consult: giving, taking and leaving the seats. Always at most one current lead."""

from collections.abc import Sequence

from teleconsult.consults.lookups import holders_of, holds
from teleconsult.consults.models import Consult, Seat
from teleconsult.consults.rules import lead_of
from teleconsult.consults.state import Kind, Party
from teleconsult.db import Work
from teleconsult.errors import FieldsRefused
from teleconsult.people.models import Department
from teleconsult.people.state import Role


async def is_specialist(work: Work, user: str, institution: str | None) -> bool:
    """Whether somebody may be asked at an institution."""
    return await holds(work.session, user, institution, Role.SPECIALIST)


async def check_people(
    work: Work, consult: Consult, specialist: str | None, department: str | None, members: Sequence[str]
) -> None:
    """Refuse whoever cannot sit here.

    Raises:
        FieldsRefused: Field -> what to do.
    """
    errors = {}
    where = consult.target_institution_id
    if specialist and not await is_specialist(work, specialist, where):
        errors["specialist_id"] = "Please choose a specialist of your institution."
    if department and not specialist:
        row = await work.session.get(Department, department)
        if row is None or row.institution != where:
            errors["department_id"] = "Please choose a department of your institution."
        elif not await holders_of(work.session, where, Role.SPECIALIST, department):
            errors["department_id"] = "This department has no specialist. Choose another."
    if consult.kind is Kind.MDT and members:
        strangers = [user for user in members if not await is_specialist(work, user, where)]
        if strangers or specialist in members or len(set(members)) != len(members):
            errors["member_ids"] = "Please choose other specialists of your institution, each once."
    if errors:
        raise FieldsRefused(errors)


async def seat_lead(
    work: Work,
    consult: Consult,
    institution: str,
    *,
    user: str | None = None,
    department: str | None = None,
    members: Sequence[str] = (),
) -> None:
    """Everybody who sits leaves; a person or a department takes the lead, others sit beside."""
    await clear(work, consult)
    _sit(work, consult, institution, user=user, department=None if user else department, lead=True)
    for member in members:
        _sit(work, consult, institution, user=member, lead=False)


async def replace_lead(work: Work, consult: Consult, user: str) -> None:
    """The lead goes to a colleague; the members stay. A member who takes it leaves their own seat."""
    for seat in consult.seats:
        if seat.left_at is None and (seat.lead or seat.user_id == user):
            seat.left_at = work.at
    # The database holds "one current lead" by an index, and rows are inserted before others are updated.
    await work.session.flush()
    _sit(work, consult, consult.target_institution_id or "", user=user, lead=True)


async def clear(work: Work, consult: Consult) -> None:
    """Everybody leaves."""
    for seat in consult.seats:
        if seat.left_at is None:
            seat.left_at = work.at
    if consult.seats:
        await work.session.flush()


def accept(work: Work, consult: Consult, party: Party) -> bool:
    """The actor accepts their seat; a department's seat becomes theirs. Returns whether anything changed."""
    if party is Party.SPECIALIST:
        seat = lead_of(consult)
    else:
        seat = next((it for it in consult.seats if it.user_id == work.actor.id and it.left_at is None), None)
    if seat is None or seat.accepted_at is not None:
        return False
    seat.user_id = work.actor.id
    seat.accepted_at = work.at
    return True


def leave(work: Work, consult: Consult) -> None:
    """The actor gives up their member's seat."""
    for seat in consult.seats:
        if seat.user_id == work.actor.id and not seat.lead and seat.left_at is None:
            seat.left_at = work.at


def _sit(
    work: Work,
    consult: Consult,
    institution: str,
    *,
    lead: bool,
    user: str | None = None,
    department: str | None = None,
) -> None:
    consult.seats.append(
        Seat(
            consult_id=consult.id,
            number=len(consult.seats) + 1,
            lead=lead,
            institution_id=institution,
            user_id=user,
            department_id=department,
            taken_at=work.at,
        )
    )
