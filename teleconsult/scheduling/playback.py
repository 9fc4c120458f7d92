"""Playing a recording: its tracks, what happened meanwhile, and which films were looked at, all on one clock."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor
from teleconsult.errors import NotFound
from teleconsult.scheduling.calls import Switchboard
from teleconsult.scheduling.models import CallEvent
from teleconsult.scheduling.recordings import NOBODY, People, people_of, standing, take_named, view
from teleconsult.scheduling.state import Seen
from teleconsult.scheduling.takes import TakeFound
from teleconsult.scheduling.views import LookView, MarkView, PlayView

_MARKED = frozenset(
    {Seen.JOINED, Seen.AWAY, Seen.BACK, Seen.LEFT, Seen.LOST, Seen.REMOVED, Seen.RECORDING, Seen.LADDER}
)
_PAUSES = frozenset({"paused", "resumed"})
"""Where it began and ended are the ends of the bar."""
_MOST_MARKS = 1000
_MOST_LOOKS = 20_000
_MOST_LOOK_BYTES = 8 << 20


async def playback_of(board: Switchboard, actor: Actor, consult_id: str, name: str) -> PlayView:
    """A recording to be played; that somebody opens it is on the audit.

    Raises:
        NotFound: Not there, taken away, or not for this person.
    """
    async with board.database.read() as session:
        case = await standing(board, session, actor, consult_id)
        take = await take_named(session, consult_id, name)
        people = await people_of(session, consult_id)
        patient = case.consult.patient_id or ""
    shown = await view(board, take, people)
    if not shown.is_kept:
        raise NotFound
    await board.witness.read(actor, "recording.play", f"consults/{consult_id}", patient)
    until = await _until(board, take)
    async with board.database.read() as session:
        marks = await _marks(session, take, until, people)
    return PlayView(shown, take.from_ms, until, marks, tuple([look async for look in _looks(board, take, people)]))


async def _until(board: Switchboard, take: TakeFound) -> int:
    """When the last was heard; of what a kill has cut, as far as its files go."""
    until = take.until_ms or 0
    for track in take.tracks:
        if track.until_ms is None and (opened := await board.shelf.open(track.file, track.media)):
            until = max(until, opened.until_ms or 0)
    return until


async def _marks(session: AsyncSession, take: TakeFound, until_ms: int, people: People) -> tuple[MarkView, ...]:
    zero = await _zero(session, take)
    between = (zero + timedelta(milliseconds=take.from_ms), zero + timedelta(milliseconds=until_ms))
    held = (CallEvent.room == take.room, CallEvent.kind.in_(_MARKED), CallEvent.at.between(*between))
    rows = select(CallEvent).where(*held).order_by(CallEvent.at, CallEvent.number).limit(_MOST_MARKS)
    return tuple(
        MarkView(
            int((row.at - zero) / timedelta(milliseconds=1)),
            Seen(row.kind),
            *people.get((row.room, row.participant), NOBODY),
            str(row.detail.get("step", "")),
        )
        for row in await session.scalars(rows)
        if row.kind != Seen.RECORDING or row.detail.get("step") in _PAUSES
    )


async def _zero(session: AsyncSession, take: TakeFound) -> datetime:
    """When the recording's time began: it was asked for. Its files begin later, with the last yes."""
    held = (CallEvent.room == take.room, CallEvent.kind == Seen.RECORDING, CallEvent.at <= take.began_at)
    steps = select(CallEvent).where(*held).order_by(CallEvent.at.desc(), CallEvent.number.desc()).limit(_MOST_MARKS)
    begun = (row.at for row in await session.scalars(steps) if row.detail.get("step") == "begun")
    return next(begun, take.began_at - timedelta(milliseconds=take.from_ms))


async def _looks(board: Switchboard, take: TakeFound, people: People) -> AsyncIterator[LookView]:
    for track in take.looks:
        opened = await board.shelf.open(track.file, track.media)
        if opened is None:
            continue
        data = b"".join([piece async for piece in opened.read(0, min(opened.size, _MOST_LOOK_BYTES))])
        for line in data.split(b"\n")[:-1][:_MOST_LOOKS]:  # what is behind the last end of a line was cut
            yield _look(json.loads(line), take.room, people)


def _look(line: dict[str, Any], room: str, people: People) -> LookView:
    at_ms, by = int(line.pop("at_ms")), str(line.pop("by", ""))
    return LookView(at_ms, people.get((room, by), NOBODY)[0], line)
