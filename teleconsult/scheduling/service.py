"""`Scheduling`: the room's use cases under one name. What each does is in the module it names."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import SYSTEM, Actor
from teleconsult.audit.trail import Witness
from teleconsult.consults.service import Consults
from teleconsult.db import Database, Work
from teleconsult.scheduling import calls, playback, record, recordings
from teleconsult.scheduling.calls import Switchboard
from teleconsult.scheduling.diary import Diary
from teleconsult.scheduling.models import Call
from teleconsult.scheduling.ports import MediaRooms, NoMediaRooms, NoShelf, NoVisits, Playable, Shelf, Visits
from teleconsult.scheduling.state import Part
from teleconsult.scheduling.views import Admitted, CallView, Joined, PlayView, RecordingView, Told
from teleconsult.vault import Vault

log = structlog.get_logger()
_LOOK_EVERY_S = 3600.0


class Scheduling:
    """Calls and times.

    Args:
        database: The clinic's records.
        vault: Makes the participants' opaque names.
        consults: Who is a party of what.
        media: The exchange.
        shelf: Its recordings.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        consults: Consults,
        media: MediaRooms | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self._board = Switchboard(
            database,
            consults,
            media or NoMediaRooms(),
            NoVisits(),
            vault.subkey("participants"),
            shelf or NoShelf(),
            Witness(database),
        )
        self.diary = Diary()

    def let_visits_be_joined(self, visits: Visits) -> None:
        """Hand the judging of visits to followups, which are built later."""
        self._board.visits = visits

    async def join(self, actor: Actor, consult_id: str, visit: str | None = None) -> Joined:
        """Open a consult's call or come back to it: see `calls.join`."""
        admitted, call = await calls.join(self._board, actor, consult_id, visit)
        return self._joined(admitted, call)

    async def enter(self, actor: Actor, room: str) -> Admitted:
        """Into a room by its name: see `calls.enter`."""
        return await calls.enter(self._board, actor, room)

    async def is_welcome(self, room: str, participant: str) -> bool:
        """See `calls.is_welcome`."""
        return await calls.is_welcome(self._board, room, participant)

    async def calls_of(self, actor: Actor, consult_id: str) -> tuple[CallView, ...]:
        """See `record.calls_of`."""
        return await record.calls_of(self._board, actor, consult_id)

    async def recordings_of(self, actor: Actor, consult_id: str) -> tuple[RecordingView, ...]:
        """See `recordings.recordings_of`."""
        return await recordings.recordings_of(self._board, actor, consult_id)

    async def playback_of(self, actor: Actor, consult_id: str, take: str) -> PlayView:
        """See `playback.playback_of`."""
        return await playback.playback_of(self._board, actor, consult_id, take)

    async def playable(self, actor: Actor, consult_id: str, take: str, number: int) -> Playable:
        """See `recordings.playable`."""
        return await recordings.playable(self._board, actor, consult_id, take, number)

    async def keep_recordings(self, kept: timedelta) -> None:
        """Take away what is kept no longer, now and every hour, for ever."""
        while True:
            try:
                await recordings.take_away(self._board, self._board.database.clock.now(), kept)
            except (SQLAlchemyError, OSError) as error:
                log.warning("recordings.unavailable", error=type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def doctor_is_in(self, session: AsyncSession, visit: str) -> bool:
        """Whether anybody but the patient is in a visit's call now."""
        call = await calls.running_call_of_visit(session, visit)
        return call is not None and any(
            part is not Part.PATIENT for _, part in await record.people_in(session, call.room)
        )

    # what the exchange tells

    async def keep(self, work: Work, journal: str, told: Sequence[Told]) -> None:
        """See `record.keep`."""
        await record.keep(self._board, work, journal, told)

    # who must go

    async def look_again_at_consult(self, consult_id: str) -> int:
        """See `calls.look_again_at_consult`."""
        return await calls.look_again_at_consult(self._board, consult_id)

    async def look_again_at_person(self, actor_id: str) -> int:
        """See `calls.look_again_at_person`."""
        return await calls.look_again_at_person(self._board, actor_id)

    async def credential_ended(self, credential: str) -> int:
        """See `calls.credential_ended`."""
        return await calls.credential_ended(self._board, credential)

    async def end_visit_call(self, visit: str) -> None:
        """A visit is over: its call ends for everybody."""
        async with self._board.database.write(SYSTEM) as work:
            call = await calls.running_call_of_visit(work.session, visit)
            if call is not None:
                call.ended_at = work.at
        if call is not None:
            await calls.look_again_at_consult(self._board, call.consult_id)

    def _joined(self, admitted: Admitted, call: Call) -> Joined:
        ticket = self._board.media.ticket(admitted)
        return Joined(admitted.room, ticket, admitted.participant, call.purpose, call.visit_id)
