"""`Consults`: the room's use cases under one name. What each does is in the module it names; this file only joins them.

Methods that take a `Work` first join the transaction of another room; all others open their own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import SYSTEM, Actor
from teleconsult.agreements.service import Agreements
from teleconsult.audit.trail import Witness
from teleconsult.consults import (
    audience,
    beside,
    clips,
    conversation,
    drafting,
    materials,
    moving,
    reporting,
    viewing,
    worklist,
)
from teleconsult.consults.fields import DraftFields, MaterialKind, MoveFields
from teleconsult.consults.models import Consult
from teleconsult.consults.office import Found, Office, find
from teleconsult.consults.ports import Archive, Diary, NoArchive, NobodyOnDuty, Opened, ReportMoves, Roster
from teleconsult.consults.sealing import Sealing
from teleconsult.consults.state import Move, State
from teleconsult.consults.views import ConsultView, EntryPage, MaterialView, RowView, WorklistPage
from teleconsult.consults.worklist import Filter
from teleconsult.db import Database, Work
from teleconsult.deadlines.service import Deadlines
from teleconsult.errors import NotFound
from teleconsult.notifications.ports import Caption
from teleconsult.vault import Vault


class Consults:
    """Consults, from draft to their end.

    Args:
        database: The clinic's records.
        vault: Seals what tells of a patient.
        agreements: Between whom a consult may be, and who consented.
        deadlines: The clocks.
        zone: The site's time zone, for numbers and ages.
        archive: Films and lab reports.
        roster: Who is on duty.
        witness: Notes who reads; shared with other rooms so that a reading is one row.
        on_commit: Wakes the relay of events.
    """

    def __init__(  # noqa: PLR0913 - the parts list of the largest room
        self,
        database: Database,
        vault: Vault,
        agreements: Agreements,
        deadlines: Deadlines,
        *,
        zone: tzinfo,
        archive: Archive | None = None,
        roster: Roster | None = None,
        witness: Witness | None = None,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._office = Office(
            database=database,
            vault=vault,
            agreements=agreements,
            deadlines=deadlines,
            archive=archive or NoArchive(),
            roster=roster or NobodyOnDuty(),
            witness=witness or Witness(database),
            sealing=Sealing(vault),
            zone=zone,
            on_commit=on_commit,
        )
        self._reports: ReportMoves | None = None

    def let_reports_move(self, reports: ReportMoves) -> None:
        """Hand the moves that need more than words (`sign`, `amend` …) to the reports room, which is built later."""
        self._reports = reports

    def let_diary_be_asked(self, diary: Diary) -> None:
        """Hand doctors' other times to the booking of sessions; scheduling is built later."""
        self._office = replace(self._office, diary=diary)

    # writing and moving

    async def draft(self, actor: Actor, fields: DraftFields) -> ConsultView:
        """See `drafting.draft`."""
        return await self.view(actor, await drafting.draft(self._office, actor, fields))

    async def untouched(self, actor: Actor, patient_id: str) -> str | None:
        """See `drafting.untouched`."""
        return await drafting.untouched(self._office, actor, patient_id)

    async def save_draft(self, actor: Actor, consult_id: str, version: int, fields: DraftFields) -> ConsultView:
        """See `drafting.save_draft`."""
        await drafting.save_draft(self._office, actor, consult_id, version, fields)
        return await self.view(actor, consult_id)

    async def move(self, actor: Actor, consult_id: str, given: MoveFields) -> ConsultView | None:
        """See `moving.move`. Returns the consult as it is now, or None where it is no longer open to the actor."""
        await moving.move(self._office, self._reports, actor, consult_id, given)
        return await self._view_or_none(actor, consult_id)

    async def move_by_system(self, consult_id: str, move: Move, **needs: object) -> bool:
        """See `moving.move_by_system`."""
        return await moving.move_by_system(self._office, consult_id, move, **needs)

    async def time_passed(self, consult_id: str) -> Move | None:
        """A deadline is over: close or let expire what the policy says. Idempotent. Returns the move that was made."""
        for move in (Move.CLOSE, Move.EXPIRE):
            if await self._is_time(consult_id) and await self.move_by_system(consult_id, move):
                return move
        return None

    async def move_in(self, work: Work, consult_id: str, given: MoveFields) -> Consult:
        """See `moving.move_in`: a move inside of another room's transaction."""
        return await moving.move_in(self._office, work, consult_id, given)

    # reading

    async def view(self, actor: Actor, consult_id: str) -> ConsultView:
        """See `viewing.view`."""
        return await viewing.view(self._office, actor, consult_id)

    async def worklist(self, actor: Actor, wanted: Filter) -> WorklistPage:
        """See `worklist.worklist`."""
        return await worklist.worklist(self._office, actor, wanted)

    async def cases(self, actor: Actor, wanted: Filter) -> Sequence[RowView]:
        """See `worklist.cases`."""
        return await worklist.cases(self._office, actor, wanted)

    async def captions(self, actor: Actor, subjects: list[str]) -> Mapping[str, Caption]:
        """See `worklist.captions`."""
        return await worklist.captions(self._office, actor, subjects)

    async def timeline(self, actor: Actor, consult_id: str, after: int = 0) -> EntryPage:
        """See `conversation.timeline`: moves, messages and materials in one order of time."""
        return await conversation.timeline(self._office, actor, consult_id, after)

    # talking

    async def post_message(self, actor: Actor, consult_id: str, text: str) -> conversation.Posted:
        """See `conversation.post`."""
        return await conversation.post(self._office, actor, consult_id, text)

    async def speak(self, actor: Actor, consult_id: str, sound: bytes) -> conversation.Posted:
        """See `clips.speak`."""
        return await clips.speak(self._office, actor, consult_id, sound)

    async def spoken(self, actor: Actor, consult_id: str, number: int) -> clips.Spoken:
        """See `clips.spoken`."""
        return await clips.spoken(self._office, actor, consult_id, number)

    async def messages(self, actor: Actor, consult_id: str, after: int = 0) -> EntryPage:
        """Messages only, oldest first."""
        return await conversation.timeline(self._office, actor, consult_id, after, kind="message")

    async def mark_seen(self, actor: Actor, consult_id: str, seen: int) -> None:
        """See `conversation.mark_seen`."""
        await conversation.mark_seen(self._office, actor, consult_id, seen)

    # materials

    async def attach(
        self, actor: Actor, consult_id: str, *, study_uid: str | None = None, lab_report_id: str | None = None
    ) -> str:
        """See `materials.attach`."""
        return await materials.attach(self._office, actor, consult_id, study_uid=study_uid, lab_report_id=lab_report_id)

    async def link_arrival(
        self,
        consult_id: str,
        *,
        institution: str,
        kind: MaterialKind,
        reference: str,
        modalities: Iterable[str] = (),
    ) -> bool:
        """See `materials.link_arrival`."""
        return await materials.link_arrival(
            self._office,
            SYSTEM,
            consult_id,
            institution=institution,
            kind=kind,
            reference=reference,
            modalities=modalities,
        )

    async def unlink(self, actor: Actor, consult_id: str, *, kind: MaterialKind, reference: str) -> None:
        """See `materials.unlink`."""
        await materials.unlink(self._office, actor, consult_id, kind=kind, reference=reference)

    async def remove_material(self, actor: Actor, consult_id: str, material_id: str) -> None:
        """See `materials.remove`."""
        await materials.remove(self._office, actor, consult_id, material_id)

    async def materials(self, actor: Actor, consult_id: str) -> tuple[MaterialView, ...]:
        """See `materials.materials`."""
        return await materials.materials(self._office, actor, consult_id)

    async def may_attach(self, actor: Actor, consult_id: str) -> bool:
        """See `materials.may_attach`."""
        return await materials.may_attach(self._office, actor, consult_id)

    async def open_to(self, actor: Actor) -> Opened:
        """See `materials.open_to`."""
        return await materials.open_to(self._office, actor)

    async def is_on_record(self, institution: str, study_uid: str) -> bool:
        """See `materials.is_on_record`."""
        return await materials.is_on_record(self._office, institution, study_uid)

    # what the reports room does, in its own transaction

    async def may_write(self, work: Work, consult_id: str) -> Consult:
        """See `reporting.may_write`: call before an opinion is written or its lock is taken."""
        return await reporting.may_write(self._office, work, consult_id)

    async def send_to_audit(self, work: Work, consult_id: str, version: int | None) -> Consult:
        """See `reporting.send_to_audit`."""
        return await reporting.send_to_audit(self._office, work, consult_id, version)

    async def refuse_audit(self, work: Work, consult_id: str, version: int | None, reason: str) -> Consult:
        """See `reporting.refuse_audit`."""
        return await reporting.refuse_audit(self._office, work, consult_id, version, reason)

    async def record_report(self, work: Work, consult_id: str, version: int | None, report_version: int) -> Consult:
        """See `reporting.record_report`: signed by the work's actor, and delivered, in this transaction."""
        return await reporting.record_report(self._office, work, consult_id, version, report_version)

    async def record_amendment(
        self, work: Work, consult_id: str, version: int | None, report_version: int, reason: str
    ) -> Consult:
        """See `reporting.record_amendment`."""
        return await reporting.record_amendment(self._office, work, consult_id, version, report_version, reason)

    # what calls and follow-ups do, in their own transactions

    async def standing(self, session: AsyncSession, actor: Actor, consult_id: str) -> Found:
        """See `beside.standing`."""
        return await beside.standing(session, actor, consult_id)

    async def write_line(self, work: Work, consult_id: str, kind: str, body: Mapping[str, Any]) -> bool:
        """See `beside.write_line`."""
        return await beside.write_line(self._office, work, consult_id, kind, body)

    # whom to tell

    async def told_of_move(self, consult_id: str, move: Move, state: State, but: str) -> frozenset[str]:
        """See `audience.of_move`."""
        return await audience.of_move(self._office, consult_id, move, state, but)

    async def told_of_message(self, consult_id: str, but: str) -> frozenset[str]:
        """See `audience.of_conversation`; also for materials."""
        return await audience.of_conversation(self._office, consult_id, but)

    async def told_of_deadline(self, consult_id: str, step: int) -> frozenset[str]:
        """See `audience.of_deadline`; a step of -1 is the warning before it."""
        return await audience.of_deadline(self._office, consult_id, step)

    async def number_of(self, consult_id: str) -> str | None:
        """The number by which people know a consult, None where there is none."""
        async with self._office.database.read() as session:
            consult = await session.get(Consult, consult_id)
        return consult.number if consult else None

    async def _view_or_none(self, actor: Actor, consult_id: str) -> ConsultView | None:
        try:
            return await self.view(actor, consult_id)
        except NotFound:
            return None

    async def _is_time(self, consult_id: str) -> bool:
        async with self._office.database.read() as session:
            found = await find(session, SYSTEM, consult_id)
            due = found.consult.due_at
        return due is not None and due <= self._office.database.clock.now()
