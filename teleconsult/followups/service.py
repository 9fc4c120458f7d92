"""`Followups`: visits booked from a consult, held by its doctors, opened to its patient. One transaction a use case."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access.links import Links
from teleconsult.actor import Actor, ActorKind, PatientId, Permission
from teleconsult.audit.trail import Witness, note
from teleconsult.consults.models import Consult
from teleconsult.consults.service import Consults
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Stale, StepRefused
from teleconsult.events import record
from teleconsult.followups import notices, reading, rules, sealing
from teleconsult.followups.events import VisitMoved
from teleconsult.followups.fields import BookFields, VisitMoveFields
from teleconsult.followups.models import Visit
from teleconsult.followups.ports import Diary
from teleconsult.followups.state import OPEN, VisitMove, VisitState, row_for, rows_from
from teleconsult.followups.views import Booked, PatientVisit, VisitView
from teleconsult.notifications.service import Notifications
from teleconsult.vault import Vault


class Followups:
    """Visits.

    Args:
        database: The clinic's records.
        vault: Seals what people write.
        consults: Who is a party of what.
        diary: Doctors' times.
        links: Patients' links.
        notifications: Where the booker finds the link again.
        witness: Notes who reads.
        on_commit: Wakes the relay of events.
    """

    def __init__(  # noqa: PLR0913 - a parts list
        self,
        database: Database,
        vault: Vault,
        consults: Consults,
        diary: Diary,
        links: Links,
        notifications: Notifications,
        *,
        witness: Witness | None = None,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._consults = consults
        self._diary = diary
        self._links = links
        self._notifications = notifications
        self._witness = witness or Witness(database)
        self._on_commit = on_commit

    # ------------------------------------------------------------ what the staff do
    async def book(self, actor: Actor, consult_id: str, fields: BookFields) -> Booked:
        """Book a visit; its patient gets a link.

        Raises:
            NotFound: No such consult for this person.
            NotAllowed: They only read it.
            StepRefused: It is not far enough, or was broken off.
            FieldsRefused: The time is taken or cannot be booked; the doctor has no part in the case.
        """
        async with self._database.write(actor) as work:
            consult = await self._held(work.session, actor, consult_id)
            if not rules.may_book(consult.state) or consult.patient_id is None:
                raise StepRefused("A follow-up can be booked once a specialist was asked.")
            doctor = fields.doctor_id or actor.id
            _check_doctor(consult, doctor)
            visit = Visit(
                id=new_id(),
                consult_id=consult.id,
                patient_id=consult.patient_id,
                institution_id=consult.institution_id,
                doctor_id=doctor,
                booked_by=actor.id,
                state=VisitState.BOOKED,
                version=1,
                booked_at=work.at,
            )
            visit.starts_at, visit.ends_at = await self._diary.book(
                work, visit.id, doctor, fields.starts_at, fields.ends_at
            )
            texts = sealing.Texts(reason=fields.reason, note_to_patient=fields.note_to_patient)
            sealing.write(self._vault, visit, texts)
            work.session.add(visit)
            token = await self._links.make(work, visit.id, visit.patient_id, visit.ends_at, _page_of(visit))
            told = {"starts_at": visit.starts_at.isoformat(), "reason": fields.reason, "doctor_id": doctor}
            await self._tell(work, consult, visit, "book", told)
            number = consult.number
        link = await self._show_link(actor, visit, token, number)
        return Booked(await self.visit(actor, visit.id), link)

    async def move(self, actor: Actor, visit_id: str, given: VisitMoveFields) -> VisitView:
        """Make a move.

        Raises:
            NotFound, NotAllowed: Not for them.
            Stale: They looked at an older version.
            StepRefused: Not this move, not now.
            FieldsRefused: Something that the move needs is not given.
        """
        async with self._database.write(actor) as work:
            visit = await self._locked(work, visit_id)
            consult = await self._held(work.session, actor, visit.consult_id)
            row = row_for(VisitState(visit.state), given.move)
            if visit.version != given.version:
                raise Stale(current=visit.version, moves=[one.move.value for one in rows_from(row.source)])
            errors = rules.missing(row.needs, given.given())
            if errors:
                raise FieldsRefused(errors)
            told = await self._carry_out(work, visit, given)
            visit.state, visit.version = row.target, visit.version + 1
            await self._tell(work, consult, visit, given.move, told)
        return await self.visit(actor, visit_id)

    async def new_link(self, actor: Actor, visit_id: str) -> str:
        """Another link for the patient, who has lost the first; the first goes on. Returns its path.

        Raises:
            StepRefused: The visit is over.
        """
        async with self._database.write(actor) as work:
            visit = await self._locked(work, visit_id)
            number = (await self._held(work.session, actor, visit.consult_id)).number
            if visit.state == VisitState.CANCELLED:
                raise StepRefused("The visit was called off; there is nothing to open.")
            until = max(visit.ends_at, work.at)
            token = await self._links.make(work, visit.id, visit.patient_id, until, _page_of(visit))
        return await self._show_link(actor, visit, token, number)

    async def visit(self, actor: Actor, visit_id: str) -> VisitView:
        """One visit. Raises NotFound."""
        async with self._database.read() as session:
            visit = await reading.one(session, visit_id)
            found = await self._consults.standing(session, actor, visit.consult_id)
            may_move = rules.may_hold(found.parties) and actor.may(Permission.FOLLOWUP_WRITE)
            seen = (await reading.staff_views(session, self._vault, [visit], may_move=may_move))[0]
        await self._note_reading(actor, visit.consult_id, visit.patient_id)
        return seen

    async def visits(self, actor: Actor, consult_id: str) -> tuple[VisitView, ...]:
        """The visits of a consult, newest first. Raises NotFound."""
        async with self._database.read() as session:
            found = await self._consults.standing(session, actor, consult_id)
            may_move = rules.may_hold(found.parties) and actor.may(Permission.FOLLOWUP_WRITE)
            rows = await reading.of_consult(session, consult_id)
            seen = await reading.staff_views(session, self._vault, rows, may_move=may_move)
        if seen:
            await self._note_reading(actor, consult_id, found.consult.patient_id or "")
        return seen

    # ------------------------------------------------------------ what the patient sees
    async def own_visits(self, actor: Actor) -> tuple[PatientVisit, ...]:
        """All visits of the patient who asks, newest first.

        Raises:
            NotAllowed: Not a patient.
        """
        if actor.kind is not ActorKind.PATIENT or actor.patient is None:
            raise NotAllowed
        async with self._database.read() as session:
            return await reading.patient_views(session, self._vault, await reading.of_patient(session, actor.patient))

    async def shown_before_code(self, visit_id: str) -> PatientVisit | None:
        """For the page behind a link: when and with whom. The caller must not show the texts."""
        async with self._database.read() as session:
            row = await session.get(Visit, visit_id)
            return (await reading.patient_views(session, self._vault, [row]))[0] if row else None

    # ------------------------------------------------------------ what calls ask
    async def may_be_in(self, session: AsyncSession, actor: Actor, visit_id: str) -> Visit:
        """Whether somebody may be in the call of a visit: its patient, and the doctors of its consult.

        Raises:
            NotFound: Not there, or not for them.
            StepRefused: The visit is over or called off.
        """
        visit = await reading.one(session, visit_id)
        if actor.kind is ActorKind.PATIENT:
            if actor.patient != visit.patient_id:
                raise NotFound
        else:
            found = await self._consults.standing(session, actor, visit.consult_id)
            if not rules.may_hold(found.parties):
                raise NotAllowed
        consult = await session.get(Consult, visit.consult_id)
        if visit.state not in OPEN or consult is None or not rules.may_book(consult.state):
            raise StepRefused("This visit is over. Whoever wants to speak again books a new one.", code="visit_over")
        return visit

    async def visit_now(self, session: AsyncSession, actor: Actor, consult_id: str) -> str | None:
        """The visit that somebody means who joins the consult's call without naming one."""
        rows = await reading.of_consult(session, consult_id)
        now = self._database.clock.now()
        if actor.kind is ActorKind.PATIENT:
            found = rules.next_of([row for row in rows if row.patient_id == actor.patient], now)
            if found is None:
                raise NotFound
            return found.id
        return next((row.id for row in rows if rules.runs_now(row, now)), None)

    # ------------------------------------------------------------ inside
    async def _carry_out(self, work: Work, visit: Visit, given: VisitMoveFields) -> dict[str, Any]:
        texts = sealing.read(self._vault, visit)
        told: dict[str, Any] = {}
        match given.move:
            case VisitMove.REBOOK:
                wanted: datetime = given.starts_at or work.at
                visit.starts_at, visit.ends_at = await self._diary.book(
                    work, visit.id, visit.doctor_id, wanted, given.ends_at
                )
                visit.began_at = visit.ended_at = None
                told = {"starts_at": visit.starts_at.isoformat(), "reason": given.reason}
            case VisitMove.START:
                visit.began_at = work.at
            case VisitMove.FINISH:
                visit.began_at, visit.ended_at = visit.began_at or work.at, work.at
                texts = texts.changed(note=given.note, said=given.said, next_step=given.next_step)
                told = {"note": given.note, "next_step": given.next_step}
            case VisitMove.MISS | VisitMove.CANCEL:
                visit.ended_at = work.at
                texts = texts.changed(because=given.reason)
                told = {"reason": given.reason}
                await self._diary.free(work, visit.id)
        sealing.write(self._vault, visit, texts)
        return told

    async def _tell(self, work: Work, consult: Consult, visit: Visit, move: str, told: dict[str, Any]) -> None:
        body = {"visit": visit.id, "move": str(move), "state": str(visit.state), **told}
        await self._consults.write_line(work, consult.id, "followup", body)
        note(work, f"followup.{move}", f"visits/{visit.id}", patient=PatientId(visit.patient_id))
        moved = (consult.id, consult.number, visit.id, str(move), str(visit.state), visit.version, work.actor.id)
        record(work, VisitMoved(*moved))
        work.after_commit(self._on_commit)

    async def _show_link(self, actor: Actor, visit: Visit, token: str, number: str) -> str:
        link = f"/p/{token}"
        occasion = f"link/{new_id()}"
        await self._notifications.tell([actor.id], visit.consult_id, occasion, notices.of_link(link, number))
        return link

    async def _locked(self, work: Work, visit_id: str) -> Visit:
        row = await work.session.scalar(select(Visit).where(Visit.id == visit_id).with_for_update())
        if row is None:
            raise NotFound
        return row

    async def _held(self, session: AsyncSession, actor: Actor, consult_id: str) -> Consult:
        """The consult, when this person may book and hold visits of its patient."""
        found = await self._consults.standing(session, actor, consult_id)
        if not rules.may_hold(found.parties) or not actor.may(Permission.FOLLOWUP_WRITE):
            raise NotAllowed
        return found.consult

    async def _note_reading(self, actor: Actor, consult_id: str, patient: str) -> None:
        await self._witness.read(actor, "followup.read", f"consults/{consult_id}", patient)


def _check_doctor(consult: Consult, doctor: str) -> None:
    held = {seat.user_id for seat in consult.seats if seat.left_at is None} | {consult.requester_id, consult.signer_id}
    if doctor not in held:
        raise FieldsRefused({"doctor_id": "Please choose a doctor of this case."})


def _page_of(visit: Visit) -> str:
    return f"/consults/{visit.consult_id}"
