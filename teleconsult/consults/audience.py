"""Who is told of what happened at a consult: ids of people, found from the parties that a move concerns."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.consults.lookups import holders_of
from teleconsult.consults.models import Consult
from teleconsult.consults.office import Office
from teleconsult.consults.rules import told_of, waits_for
from teleconsult.consults.state import Move, Party, State
from teleconsult.people.state import Role


async def of_move(office: Office, consult_id: str, move: Move, state: State, but: str) -> frozenset[str]:
    """Whom a move concerns, without the one who made it."""
    return await _people(office, consult_id, told_of(move, state), but)


async def of_conversation(office: Office, consult_id: str, but: str) -> frozenset[str]:
    """Who talks about the case: both sides, without the writer; the coordinator while nobody is assigned."""
    parties = frozenset({Party.REQUESTER, Party.SPECIALIST, Party.MEMBER})
    async with office.database.read() as session:
        consult = await session.get(Consult, consult_id)
        if consult is not None and not any(seat.left_at is None for seat in consult.seats):
            parties |= {Party.COORDINATOR}
    return await _people(office, consult_id, parties, but)


async def of_deadline(office: Office, consult_id: str, step: int) -> frozenset[str]:
    """Whom a deadline concerns: first whose turn it is, after it also the coordinators, in the end quality control."""
    async with office.database.read() as session:
        consult = await session.get(Consult, consult_id)
        state = consult.state if consult else State.CLOSED
    parties = waits_for(state)
    if parties and step >= 0 and state not in {State.DRAFT, State.RETURNED, State.DELIVERED, State.ANSWERED}:
        parties |= {Party.COORDINATOR}
    people = await _people(office, consult_id, parties, "")
    if step > 0 and consult is not None and Party.COORDINATOR in parties:
        async with office.database.read() as session:
            people |= await holders_of(session, consult.target_institution_id, Role.AUDITOR)
    return people


async def _people(office: Office, consult_id: str, parties: frozenset[Party], but: str) -> frozenset[str]:
    async with office.database.read() as session:
        consult = await session.scalar(select(Consult).where(Consult.id == consult_id))
        if consult is None:
            return frozenset()
        found: set[str] = set()
        for party in parties:
            found |= await _holders(session, consult, party)
    return frozenset(found - {but})


async def _holders(session: AsyncSession, consult: Consult, party: Party) -> frozenset[str]:
    if party is Party.REQUESTER:
        return frozenset({consult.requester_id})
    if party is Party.APPROVER:
        return await holders_of(session, consult.institution_id, Role.APPROVER)
    if party is Party.COORDINATOR:
        where = consult.institution_id if consult.state is State.APPROVAL else consult.target_institution_id
        return await holders_of(session, where, Role.COORDINATOR)
    if party is Party.AUDITOR:
        return await holders_of(session, consult.target_institution_id, Role.AUDITOR) - {consult.author_id or ""}
    if party is Party.SIGNER:
        return frozenset({consult.signer_id} if consult.signer_id else ())
    if party in {Party.SPECIALIST, Party.MEMBER}:
        return await _sitting(session, consult, lead=party is Party.SPECIALIST)
    return frozenset()


async def _sitting(session: AsyncSession, consult: Consult, *, lead: bool) -> frozenset[str]:
    people: set[str] = set()
    for seat in consult.seats:
        if seat.left_at is not None or seat.lead is not lead:
            continue
        if seat.user_id:
            people.add(seat.user_id)
        elif seat.department_id:
            people |= await holders_of(session, seat.institution_id, Role.SPECIALIST, seat.department_id)
    return frozenset(people)
