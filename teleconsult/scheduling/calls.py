"""Lets people into media rooms, and takes out who has lost the right.

A room's name tells whose it is; who may enter is judged anew at every ticket. A seat row remembers who was let in by
which credential: that is what a revocation looks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access.rules import PATIENT_PERMISSIONS, permissions_of
from teleconsult.actor import SYSTEM, Actor, ActorKind, InstitutionId, PatientId, Permission
from teleconsult.audit import trail
from teleconsult.audit.trail import Witness
from teleconsult.consults.models import Consult
from teleconsult.consults.service import Consults
from teleconsult.db import Database, Work
from teleconsult.errors import NotAllowed, NotFound, Refused, StepRefused
from teleconsult.people.models import Membership, User
from teleconsult.scheduling import rules
from teleconsult.scheduling.models import Call, CallEvent, CallSeat
from teleconsult.scheduling.ports import MediaRooms, Shelf, Visits
from teleconsult.scheduling.state import Grant, Part, Purpose
from teleconsult.scheduling.views import Admitted

_OWN_ROOM_KEPT = timedelta(days=2)


@dataclass(slots=True)
class Switchboard:
    """The dependencies of this room's use cases, put together by `service.Scheduling`."""

    database: Database
    consults: Consults
    media: MediaRooms
    visits: Visits
    key: bytes
    shelf: Shelf
    witness: Witness


@dataclass(frozen=True, slots=True)
class _Standing:
    part: Part
    name: str
    host: bool = False


async def join(
    board: Switchboard, actor: Actor, consult_id: str, visit: str | None = None, *, choose: bool = True
) -> tuple[Admitted, Call]:
    """Open the call, or come back to it.

    Args:
        board: Dependencies.
        actor: A party of the consult, or its patient.
        consult_id: Which consult.
        visit: A follow-up's call.
        choose: Without a visit, take the one that this person would join now; else it is the consult's own call.

    Raises:
        NotFound: Not there, or not for them.
        NotAllowed: They read the consult but do not speak in it.
        StepRefused: It is not yet, or no longer, a matter for calls.
    """
    async with board.database.write(actor) as work:
        if await work.session.get(Consult, consult_id, with_for_update=True) is None:
            raise NotFound
        chosen = visit
        if choose and not chosen:
            chosen = await board.visits.visit_now(work.session, actor, consult_id)
        standing = await _standing(board, work.session, actor, consult_id, chosen)
        call = await _open_call(work, consult_id, chosen)
        who = rules.participant(board.key, call.room, actor.id)
        grants = rules.GRANTS[standing.part]
        if standing.host:
            grants |= rules.GRANTS[Part.SPECIALIST]
        if rules.must_wait(standing.part, await seen_at_door(work.session, call.room, who)):
            grants |= {Grant.WAIT}
        admitted = Admitted(call.room, who, standing.name, standing.part, grants)
        await _seat(work, admitted, consult_id)
        detail = {"room": call.room}
        trail.note(work, "call.join", f"consults/{consult_id}", patient=PatientId(actor.patient or ""), detail=detail)
        return admitted, call


async def enter(board: Switchboard, actor: Actor, room: str) -> Admitted:
    """Let somebody into a room that they name: a consult's that is open, or one of their own institution.

    Raises:
        NotFound: A consult's room that is not there, or not for them.
        NotAllowed: Without the right to publish, one has no rooms of one's own.
        Refused: Not a name.
    """
    named = rules.read_consult_room(room)
    if named is None:
        return await _enter_own(board, actor, room)
    async with board.database.read() as session:
        call = await session.get(Call, room)
    if call is None or call.ended_at is not None:
        raise NotFound
    return (await join(board, actor, named.consult, call.visit_id, choose=False))[0]


async def is_welcome(board: Switchboard, room: str, participant: str) -> bool:
    """Whether somebody who holds a ticket may still use it."""
    async with board.database.read() as session:
        seat = await session.get(CallSeat, (room, participant))
        return seat is not None and seat.revoked_at is None


async def look_again_at_consult(board: Switchboard, consult_id: str) -> int:
    """A consult or its visits have moved: whoever has no part in a call any more is put out. Returns how many.

    A call in which nobody may stay ends: people read that it is over, not that they were sent away.
    """
    stay, go = await _look_again(board, CallSeat.consult_id == consult_id)
    over = {seat.room for seat in go} - {seat.room for seat in stay}
    for room in sorted(over):
        await _end(board, [seat for seat in go if seat.room == room])
    await _put_out(board, [seat for seat in go if seat.room not in over])
    return len(go)


async def look_again_at_person(board: Switchboard, actor_id: str) -> int:
    """Somebody's roles have changed."""
    _, go = await _look_again(board, CallSeat.actor_id == actor_id)
    await _put_out(board, go)
    return len(go)


async def credential_ended(board: Switchboard, credential: str) -> int:
    """A session or token has ended: whoever came by it is out of every room."""
    async with board.database.read() as session:
        held = (CallSeat.credential == credential, CallSeat.out_at.is_(None))
        seats = list(await session.scalars(select(CallSeat).where(*held)))
    await _put_out(board, seats)
    return len(seats)


# ------------------------------------------------------------ judging
async def _standing(
    board: Switchboard, session: AsyncSession, actor: Actor, consult_id: str, visit: str | None
) -> _Standing:
    if not actor.may(Permission.CALL_JOIN):
        raise NotAllowed
    if visit:
        found = await board.visits.standing(session, actor, visit)
        if found.consult != consult_id:
            raise NotFound
        return _Standing(found.part, found.name, host=found.part is not Part.PATIENT)
    case = await board.consults.standing(session, actor, consult_id)
    part = rules.part_of(case.parties)
    if part is None:
        raise NotAllowed("Only those who ask and those who answer speak in this call.")
    if not rules.takes_calls(case.consult.state):
        raise StepRefused("A call is possible from the moment that a specialist is asked until the consult is closed.")
    return _Standing(part, actor.name)


async def _enter_own(board: Switchboard, actor: Actor, name: str) -> Admitted:
    if not actor.may(Permission.ROOM_PUBLISH) or actor.kind is not ActorKind.STAFF:
        raise NotAllowed
    room = rules.own_room(actor.institution, name)
    who = rules.participant(board.key, room, actor.id)
    admitted = Admitted(room, who, actor.name, Part.STAFF, rules.GRANTS[Part.STAFF])
    async with board.database.read() as session:
        seat = await session.get(CallSeat, (room, who))
    if seat is None or seat.revoked_at is not None or seat.credential != actor.credential:
        async with board.database.write(actor) as work:
            old = (CallSeat.consult_id.is_(None), CallSeat.admitted_at < work.at - _OWN_ROOM_KEPT)
            await work.session.execute(delete(CallSeat).where(*old))
            await _seat(work, admitted, None)
    return admitted


async def _open_call(work: Work, consult_id: str, visit: str | None) -> Call:
    mine = Call.visit_id == visit if visit else Call.visit_id.is_(None)
    held = (Call.consult_id == consult_id, mine, Call.ended_at.is_(None))
    running = await work.session.scalar(select(Call).where(*held).order_by(Call.number.desc()).limit(1))
    if running is not None:
        return running
    last = await work.session.scalar(select(func.max(Call.number)).where(Call.consult_id == consult_id))
    number = (last or 0) + 1
    call = Call(
        room=rules.consult_room(consult_id, number),
        consult_id=consult_id,
        number=number,
        purpose=Purpose.VISIT if visit else Purpose.CONSULT,
        visit_id=visit,
        opened_at=work.at,
        opened_by=work.actor.id,
    )
    work.session.add(call)
    return call


async def _seat(work: Work, admitted: Admitted, consult_id: str | None) -> None:
    actor = work.actor
    await work.session.merge(
        CallSeat(
            room=admitted.room,
            participant=admitted.participant,
            actor_id=actor.id,
            kind=actor.kind,
            institution_id=actor.institution,
            part=admitted.part,
            credential=actor.credential,
            consult_id=consult_id,
            admitted_at=work.at,
            revoked_at=None,
            out_at=None,
        )
    )


# ------------------------------------------------------------ taking out
async def _look_again(board: Switchboard, which: ColumnElement[bool]) -> tuple[list[CallSeat], list[CallSeat]]:
    """Of the seats that count: those who may stay, and those who must go."""
    stay: list[CallSeat] = []
    go: list[CallSeat] = []
    async with board.database.read() as session:
        for seat in list(await session.scalars(select(CallSeat).where(which, CallSeat.out_at.is_(None)))):
            may_stay = seat.revoked_at is None and await _may_stay(board, session, seat)
            (stay if may_stay else go).append(seat)
    return stay, go


async def _may_stay(board: Switchboard, session: AsyncSession, seat: CallSeat) -> bool:
    actor = await _actor_of(session, seat)
    if seat.consult_id is None:
        return actor.may(Permission.ROOM_PUBLISH)
    call = await session.get(Call, seat.room)
    try:
        await _standing(board, session, actor, seat.consult_id, call.visit_id if call else None)
    except Refused:
        return False
    return call is not None and call.ended_at is None


async def _actor_of(session: AsyncSession, seat: CallSeat) -> Actor:
    """Whoever sits there, with the rights they hold at this moment."""
    place, kind = InstitutionId(seat.institution_id), ActorKind(seat.kind)
    if kind is ActorKind.PATIENT:
        patient = PatientId(seat.actor_id)
        return Actor(seat.actor_id, "patient", kind, place, permissions=PATIENT_PERMISSIONS, patient=patient)
    rows = await session.execute(
        select(User.name, Membership.role)
        .join(Membership, Membership.user == User.id)
        .where(User.id == seat.actor_id, User.active, Membership.institution == place)
    )
    found = rows.all()
    roles = [row.role for row in found]
    return Actor(
        seat.actor_id,
        found[0].name if found else "",
        ActorKind.STAFF,
        place,
        frozenset(roles),
        permissions_of(roles),
        credential=seat.credential,
    )


async def _put_out(board: Switchboard, seats: Sequence[CallSeat]) -> None:
    # The row first: a ticket that is on its way is refused from now on. Then whoever is in is taken out; only when the
    # exchange has said so is the matter done, and until then whoever looks again takes it up.
    for seat in seats:
        await _revoke(board, [seat])
        await board.media.put_out(seat.room, seat.participant)
        await _note_out(board, [seat])


async def _end(board: Switchboard, seats: Sequence[CallSeat]) -> None:
    """The same for all seats of one room."""
    await _revoke(board, seats)
    await board.media.end(seats[0].room)
    await _note_out(board, seats)


async def _revoke(board: Switchboard, seats: Sequence[CallSeat]) -> None:
    async with board.database.write(SYSTEM) as work:
        for seat in seats:
            await _mark(work, seat, revoked_at=seat.revoked_at or work.at)
            detail = {"room": seat.room, "who": seat.actor_id}
            trail.note(work, "call.put_out", f"consults/{seat.consult_id or 'own'}", detail=detail)


async def _note_out(board: Switchboard, seats: Sequence[CallSeat]) -> None:
    async with board.database.write(SYSTEM) as work:
        for seat in seats:
            await _mark(work, seat, out_at=work.at)


async def _mark(work: Work, seat: CallSeat, **values: datetime) -> None:
    one = (CallSeat.room == seat.room, CallSeat.participant == seat.participant)
    await work.session.execute(update(CallSeat).where(*one).values(**values))


async def seen_at_door(session: AsyncSession, room: str, participant: str) -> list[str]:
    """What the exchange told of somebody at a call's door, in order."""
    mine = (CallEvent.room == room, CallEvent.participant == participant, CallEvent.kind.in_(rules.DOOR))
    found = select(CallEvent.kind).where(*mine).order_by(CallEvent.at, CallEvent.number)
    return list(await session.scalars(found))


async def running_call_of_visit(session: AsyncSession, visit: str) -> Call | None:
    """The call of a visit that has not ended."""
    held = select(Call).where(Call.visit_id == visit, Call.ended_at.is_(None)).order_by(Call.number.desc()).limit(1)
    return (await session.scalars(held)).first()
