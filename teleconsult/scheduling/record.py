"""What happened in calls, as the exchange tells it: kept, and told on the case's order of time. Each thing once."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor
from teleconsult.consults.lookups import names_of
from teleconsult.db import Work
from teleconsult.events import record
from teleconsult.scheduling import rules
from teleconsult.scheduling.calls import Switchboard, seen_at_door
from teleconsult.scheduling.events import CallChanged
from teleconsult.scheduling.models import Call, CallEvent, CallSeat
from teleconsult.scheduling.state import Part, Seen
from teleconsult.scheduling.views import CallEventView, CallView, Told

_NEWS = rules.PRESENCE - {Seen.CLOSED} | {Seen.RECORDED}
_MOST_EVENTS = 500
_HERE = frozenset({Seen.JOINED, Seen.BACK})
_DETAIL_MOST = 20


async def keep(board: Switchboard, work: Work, journal: str, told: Sequence[Told]) -> None:
    """Write down what a node tells; what was written before is left alone.

    Args:
        board: Dependencies.
        work: With the cursor's change in it: both or none.
        journal: Which node's journal the numbers belong to.
        told: In the journal's order.
    """
    numbers = [one.number for one in told]
    known = (CallEvent.journal == journal, CallEvent.number.in_(numbers))
    seen = set(await work.session.scalars(select(CallEvent.number).where(*known)))
    for one in told:
        if one.number not in seen and one.kind in set(Seen):
            await _keep(board, work, journal, one)


async def _keep(board: Switchboard, work: Work, journal: str, one: Told) -> None:
    detail = dict(list(one.detail.items())[:_DETAIL_MOST])
    work.session.add(
        CallEvent(
            journal=journal,
            number=one.number,
            room=one.room,
            participant=one.participant,
            kind=one.kind,
            at=one.at,
            detail=detail,
        )
    )
    kind, call = Seen(one.kind), await work.session.get(Call, one.room)
    if call is None:
        return
    seat = await work.session.get(CallSeat, (one.room, one.participant)) if one.participant else None
    if kind is Seen.ENDED and call.ended_at is None:
        call.ended_at, call.ended_by = one.at, seat.actor_id if seat else None
    if kind in _NEWS:
        record(work, CallChanged(call.consult_id, call.room, kind, call.visit_id or ""))
    if kind in rules.ON_TIMELINE:
        body: dict[str, Any] = {"seen": kind, "call": call.number, "purpose": call.purpose, "at": one.at.isoformat()}
        if call.visit_id:
            body["visit"] = call.visit_id
        if seat is not None:
            body |= {"part": seat.part, "person_id": seat.actor_id}
        if kind in rules.WITH_LINE and (line := rules.line_of(await _measured(work.session, one))):
            body["line"] = line
        await board.consults.write_line(work, call.consult_id, "call", body)


async def _measured(session: AsyncSession, one: Told) -> list[dict[str, Any]]:
    """What the browser of whoever goes has measured; when the call ends for all, what all of them have."""
    held = [CallEvent.room == one.room, CallEvent.kind == Seen.QUALITY]
    if one.participant and one.kind != Seen.ENDED:
        held.append(CallEvent.participant == one.participant)
    newest = select(CallEvent.detail).where(*held).order_by(CallEvent.at.desc()).limit(_MOST_EVENTS)
    return list(await session.scalars(newest))


async def calls_of(board: Switchboard, actor: Actor, consult_id: str) -> tuple[CallView, ...]:
    """The record of a consult's calls, newest first.

    Raises:
        NotFound: Not there, or not for this person.
    """
    async with board.database.read() as session:
        await board.consults.standing(session, actor, consult_id)
        held = select(Call).where(Call.consult_id == consult_id).order_by(Call.number.desc()).limit(50)
        calls = list(await session.scalars(held))
        return tuple([await _view(session, call) for call in calls])


async def people_in(session: AsyncSession, room: str) -> list[tuple[str, Part]]:
    """Who is in a room at this moment, as the record knows: (actor id, as whom)."""
    rows = await session.execute(
        select(CallEvent.participant, CallEvent.kind)
        .where(CallEvent.room == room, CallEvent.kind.in_(rules.PRESENCE))
        .order_by(CallEvent.at, CallEvent.number)
    )
    here: dict[str, bool] = {}
    for who, kind in rows:
        if who:
            here[who] = Seen(kind) in _HERE
        elif kind in {Seen.ENDED, Seen.CLOSED}:
            here.clear()
    seats = await session.scalars(select(CallSeat).where(CallSeat.room == room))
    return [(seat.actor_id, Part(seat.part)) for seat in seats if here.get(seat.participant)]


async def _view(session: AsyncSession, call: Call) -> CallView:
    newest = select(CallEvent).where(CallEvent.room == call.room).order_by(CallEvent.at.desc(), CallEvent.number.desc())
    events = list(reversed(list(await session.scalars(newest.limit(_MOST_EVENTS)))))
    seats = {seat.participant: seat for seat in await session.scalars(select(CallSeat).where(_in(call)))}
    names = await names_of(session, (seat.actor_id for seat in seats.values()))
    here = {who for who, _ in await people_in(session, call.room)}
    return CallView(
        room=call.room,
        number=call.number,
        purpose=call.purpose,
        visit=call.visit_id,
        opened_at=call.opened_at,
        ended_at=call.ended_at,
        people=tuple(names.named(who).name for who in sorted(here)),
        is_awaited=call.ended_at is None and await _is_awaited(session, call.room, seats.values()),
        events=tuple(_lines(events, seats, lambda who: names.named(who).name)),
    )


async def _is_awaited(session: AsyncSession, room: str, seats: Iterable[CallSeat]) -> bool:
    patients = [seat.participant for seat in seats if seat.part == Part.PATIENT]
    return any([rules.waits(await seen_at_door(session, room, who)) for who in patients])


def _in(call: Call) -> Any:
    return CallSeat.room == call.room


def _lines(events: Iterable[CallEvent], seats: dict[str, CallSeat], named: Any) -> Iterable[CallEventView]:
    for event in events:
        seat = seats.get(event.participant)
        who = named(seat.actor_id) if seat else ""
        yield CallEventView(event.at, Seen(event.kind), who, seat.part if seat else "", dict(event.detail))
