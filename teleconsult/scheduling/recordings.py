"""Recordings of a consult's calls: who may see and play them, and when they are taken away."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import SYSTEM, Actor, ActorKind
from teleconsult.audit import trail
from teleconsult.consults.lookups import names_of
from teleconsult.consults.office import Found
from teleconsult.errors import NotFound
from teleconsult.scheduling.calls import Switchboard
from teleconsult.scheduling.models import Call, CallEvent, CallSeat
from teleconsult.scheduling.ports import Playable
from teleconsult.scheduling.state import Part, Seen
from teleconsult.scheduling.takes import FileTold, TakeFound, takes
from teleconsult.scheduling.views import RecordingView, TrackView

_OF_FILES = frozenset({Seen.RECORDING_FILE, Seen.RECORDED})
_MOST_FILES = 2000
People = Mapping[tuple[str, str], tuple[str, Part]]
"""Room and participant -> their name, and as whom they were there."""
NOBODY = ("", Part.STAFF)
_PLACE = (CallEvent.journal, CallEvent.number)


async def recordings_of(board: Switchboard, actor: Actor, consult_id: str) -> tuple[RecordingView, ...]:
    """What was recorded, the latest first.

    Raises:
        NotFound: Not there, or not for this person.
    """
    async with board.database.read() as session:
        await standing(board, session, actor, consult_id)
        found = await takes_of(session, consult_id)
        if not found:
            return ()  # nearly every case: its page asks for no more
        people = await people_of(session, consult_id)
    return tuple([await view(board, take, people) for take in found])


async def playable(board: Switchboard, actor: Actor, consult_id: str, take: str, number: int) -> Playable:
    """One track of a recording; that somebody plays it is on the audit before the first byte leaves.

    Raises:
        NotFound: Not there, taken away, or not for this person.
    """
    async with board.database.read() as session:
        case = await standing(board, session, actor, consult_id)
        found = await take_named(session, consult_id, take)
        patient = case.consult.patient_id or ""
    if not 0 <= number < len(found.tracks):
        raise NotFound
    track = found.tracks[number]
    opened = await board.shelf.open(track.file, track.media)
    if opened is None:
        raise NotFound
    await board.witness.read(actor, "recording.play", f"consults/{consult_id}", patient)
    return opened


async def take_away(board: Switchboard, now: datetime, kept: timedelta) -> int:
    """Delete the files of recordings that ended longer ago than they are kept. Returns how many."""
    held = set(await board.shelf.files())
    count, seen = 0, ("", 0)
    while held:  # all that was ever told, a page at a time: days that are kept may have become fewer by many
        old = (CallEvent.kind.in_(_OF_FILES), CallEvent.at < now - kept, tuple_(*_PLACE) > seen)
        async with board.database.read() as session:
            rows = list(await session.scalars(select(CallEvent).where(*old).order_by(*_PLACE).limit(_MOST_FILES)))
            found = takes(_told(rows))
            consults = {call.room: call.consult_id for call in await session.scalars(_calls_of(found))}
        if not rows:
            break
        seen = rows[-1].journal, rows[-1].number
        for take in found:
            gone = [file for file in take.files if file in held and await board.shelf.delete(file)]
            if gone:
                await _note_gone(board, take, consults.get(take.room, ""), len(gone))
            held -= {*gone}
            count += len(gone)
    return count


async def _note_gone(board: Switchboard, take: TakeFound, consult_id: str, files: int) -> None:
    async with board.database.write(SYSTEM) as work:
        detail = {"recording": take.name, "files": str(files)}
        trail.note(work, "recording.delete", f"consults/{consult_id}", detail=detail)


async def standing(board: Switchboard, session: AsyncSession, actor: Actor, consult_id: str) -> Found:
    """The case, for who may see its recordings. Raises NotFound."""
    # Doctors also speak among themselves: what they said is for those who treat, not for the patient's page.
    if actor.kind is not ActorKind.STAFF:
        raise NotFound
    return await board.consults.standing(session, actor, consult_id)


async def takes_of(session: AsyncSession, consult_id: str) -> tuple[TakeFound, ...]:
    """All recordings of a consult, the latest first."""
    rooms = select(Call.room).where(Call.consult_id == consult_id)
    held = (CallEvent.room.in_(rooms), CallEvent.kind.in_(_OF_FILES))
    newest = select(CallEvent).where(*held).order_by(CallEvent.at.desc(), CallEvent.number.desc())
    return takes(_told(await session.scalars(newest.limit(_MOST_FILES))))


async def take_named(session: AsyncSession, consult_id: str, name: str) -> TakeFound:
    """One of them. Raises NotFound."""
    found = next((take for take in await takes_of(session, consult_id) if take.name == name), None)
    if found is None:
        raise NotFound
    return found


async def people_of(session: AsyncSession, consult_id: str) -> People:
    """Who was in which of a consult's calls."""
    seats = list(await session.scalars(select(CallSeat).where(CallSeat.consult_id == consult_id)))
    names = await names_of(session, [seat.actor_id for seat in seats])
    return {(seat.room, seat.participant): (names.named(seat.actor_id).name, Part(seat.part)) for seat in seats}


def _told(rows: Iterable[CallEvent]) -> list[FileTold]:
    return [FileTold(row.room, row.participant, row.kind, row.at, row.detail) for row in rows]


def _calls_of(found: Iterable[TakeFound]) -> Select[Call]:
    return select(Call).where(Call.room.in_({take.room for take in found}))


async def view(board: Switchboard, take: TakeFound, people: People) -> RecordingView:
    """A recording, as it is shown."""
    tracks = tuple(
        TrackView(
            number,
            *people.get((take.room, track.participant), NOBODY),
            track.label,
            track.kind,
            track.began_ms,
            track.until_ms,
        )
        for number, track in enumerate(take.tracks)
    )
    return RecordingView(
        name=take.name,
        by=people.get((take.room, take.by), NOBODY)[0],
        began_at=take.began_at,
        seconds=None if take.until_ms is None else (take.until_ms - take.from_ms) // 1000,
        is_kept=any([await board.shelf.holds(file) for file in take.files]),
        tracks=tracks,
    )
