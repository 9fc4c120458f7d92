"""Writing an opinion: the lock, saving as it is typed, key images. Nothing here leaves the specialist's side."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, Permission
from teleconsult.audit import trail
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Mode, Party, State
from teleconsult.consults.views import ConsultView
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import Conflict, NotAllowed, NotFound, Stale, StepRefused
from teleconsult.people.service import People
from teleconsult.reports.models import KeyImage, Report, ReportDraft, ReportLock
from teleconsult.reports.rules import (
    LOCK_LASTS,
    MOST_KEY_IMAGES,
    Chosen,
    Content,
    clean,
    lock_for,
    refuse_writer,
)
from teleconsult.reports.sealing import Sealing
from teleconsult.reports.state import LockAnswer
from teleconsult.reports.views import DraftView, LockView


class LockHeld(Conflict):
    """Somebody else is writing."""

    code = "lock_held"

    def __init__(self, holder: str, until: datetime) -> None:
        self.holder = holder
        self.until = until
        super().__init__("{name} is writing this report now. Your text was not saved here.", name=holder)


@dataclass(frozen=True, slots=True)
class NewImage:
    """A frame somebody chose.

    Attributes:
        frame: Counted from 1.
    """

    study_uid: str
    series_uid: str
    instance_uid: str
    frame: int = 1
    window_center: float | None = None
    window_width: float | None = None
    note: str = ""


class Drafts:
    """The draft of each consult's opinion.

    Args:
        database: The clinic's.
        cases: The consults.
        people: For names.
        sealing: The room's.
    """

    def __init__(self, database: Database, cases: Consults, people: People, sealing: Sealing) -> None:
        self._database = database
        self._cases = cases
        self._people = people
        self._sealing = sealing

    async def take_lock(self, actor: Actor, consult_id: str, *, by_force: bool = False) -> LockView:
        """Begin or go on writing; to be asked again while the editor is open.

        Args:
            actor: Who writes.
            consult_id: For which consult.
            by_force: Take it from its holder; needs the right, and is noted.

        Raises:
            LockHeld: Somebody else is writing.
            NotAllowed: Not one who writes this report, or without the right to break the lock.
            StepRefused: Nothing is to be written now.
        """
        view = await self.writer(actor, consult_id)
        if by_force and not self.may_break(actor, view):
            raise NotAllowed
        async with self._database.write(actor) as work:
            lock = await self.hold(work, consult_id, by_force=by_force)
        return await self._lock_view(actor, lock)

    async def release_lock(self, actor: Actor, consult_id: str) -> None:
        """Stop writing, so that a colleague need not wait."""
        await self._cases.view(actor, consult_id)
        async with self._database.write(actor) as work:
            await work.session.execute(
                delete(ReportLock).where(ReportLock.consult_id == consult_id, ReportLock.holder_id == actor.id)
            )

    async def save(self, actor: Actor, consult_id: str, version: int | None, changes: dict[str, Any]) -> DraftView:
        """Keep what was typed.

        Args:
            actor: Who typed; gets the lock when nobody has it.
            consult_id: For which consult.
            version: The version it was typed over, 0 for the first; None takes whatever is there.
            changes: Fields of `rules.Content`; what is not given stays.

        Raises:
            LockHeld: Somebody else is writing.
            Stale: It was typed over an older version.
            NotAllowed: Not one who writes this report.
            StepRefused: Nothing is to be written now.
        """
        view = await self.writer(actor, consult_id)
        async with self._database.write(actor) as work:
            if view.state is State.REPORTING or (view.state is State.ACCEPTED and view.mode is Mode.ASYNCHRONOUS):
                await self._cases.may_write(work, consult_id)
            await self.hold(work, consult_id)
            draft = await work.session.get(ReportDraft, consult_id, with_for_update=True)
            current = draft.version if draft else 0
            if version is not None and version != current:
                raise Stale(current=current)
            before = self._sealing.content(draft) if draft else Content()
            content = replace(before, **changes)
            if draft is None:
                draft = ReportDraft(consult_id=consult_id, version=0, author_id=actor.id, amends=0, reason=None)
                work.session.add(draft)
            if content != before or current == 0:
                draft.version += 1
                draft.author_id = actor.id
            draft.saved_at = work.at
            self._sealing.keep_draft(draft, content)
            trail.note(work, "report.save", f"consults/{consult_id}", detail={"version": str(draft.version)})
        async with self._database.read() as session:
            return await self.view(session, draft)

    async def add_image(self, actor: Actor, consult_id: str, image: NewImage) -> Chosen:
        """Choose a frame for the opinion. Needs no lock: it is chosen beside the form, in the reading room.

        Raises:
            Conflict: There are as many as fit.
            NotAllowed: Not one who writes this report.
            StepRefused: Nothing is to be written now.
        """
        await self.writer(actor, consult_id)
        row = KeyImage(
            id=new_id(),
            consult_id=consult_id,
            study_uid=image.study_uid,
            series_uid=image.series_uid,
            instance_uid=image.instance_uid,
            frame=image.frame,
            window_center=image.window_center,
            window_width=image.window_width,
            added_by=actor.id,
        )
        row.note = self._sealing.note(row.id, clean(image.note))
        async with self._database.write(actor) as work:
            count = select(func.count()).where(KeyImage.consult_id == consult_id)
            if (await work.session.scalar(count) or 0) >= MOST_KEY_IMAGES:
                raise Conflict("A report holds at most {most} key images. Remove one first.", most=MOST_KEY_IMAGES)
            row.added_at = work.at
            work.session.add(row)
            trail.note(work, "report.add_image", f"consults/{consult_id}", detail={"instance": image.instance_uid})
        return self._sealing.chosen(row)

    async def remove_image(self, actor: Actor, consult_id: str, image_id: str) -> None:
        """Take a key image out of the draft.

        Raises:
            NotFound: It is not there.
        """
        await self.writer(actor, consult_id)
        async with self._database.write(actor) as work:
            row = await work.session.get(KeyImage, image_id)
            if row is None or row.consult_id != consult_id:
                raise NotFound
            await work.session.delete(row)
            trail.note(work, "report.remove_image", f"consults/{consult_id}")

    async def writer(self, actor: Actor, consult_id: str) -> ConsultView:
        """The case, for somebody who may write its report now.

        Raises:
            NotFound: Not there, or not for this actor.
            NotAllowed: Not one who writes this report.
            StepRefused: Nothing is to be written now.
        """
        view = await self._cases.view(actor, consult_id)
        if not actor.may(Permission.REPORT_WRITE):
            raise NotAllowed
        refuse_writer(view.state, view.parties, amending=await self.is_amending(consult_id))
        return view

    async def is_amending(self, consult_id: str) -> bool:
        """Whether the draft amends a signed version."""
        async with self._database.read() as session:
            amends = select(ReportDraft.amends).where(ReportDraft.consult_id == consult_id)
            return bool(await session.scalar(amends))

    async def begin_amendment(self, actor: Actor, consult_id: str, reason: str) -> DraftView:
        """Open the signed opinion for a new version that will name it.

        Raises:
            NotAllowed: Only who signed it may.
            StepRefused: There is nothing to amend now.
            LockHeld: Somebody else is writing.
        """
        view = await self._cases.view(actor, consult_id)
        if not actor.may(Permission.REPORT_WRITE):
            raise NotAllowed
        refuse_writer(view.state, view.parties, amending=True)
        async with self._database.write(actor) as work:
            await self.hold(work, consult_id)
            draft = await work.session.get(ReportDraft, consult_id)
            if draft is None:
                draft = await self._copied(work, consult_id)
            draft.reason = self._sealing.text(clean(reason), f"report_drafts/{consult_id}/reason")
            trail.note(work, "report.begin_amendment", f"consults/{consult_id}", detail={"amends": str(draft.amends)})
        async with self._database.read() as session:
            return await self.view(session, draft)

    async def _copied(self, work: Work, consult_id: str) -> ReportDraft:
        newest = select(Report).where(Report.consult_id == consult_id).order_by(Report.version.desc()).limit(1)
        report = await work.session.scalar(newest)
        if report is None:
            raise StepRefused("There is no signed report to amend.")
        signed = self._sealing.signed(report)
        draft = ReportDraft(
            consult_id=consult_id, version=1, author_id=work.actor.id, saved_at=work.at, amends=report.version
        )
        self._sealing.keep_draft(draft, signed.content)
        work.session.add(draft)
        for image in signed.images:
            number = new_id()
            work.session.add(
                KeyImage(
                    id=number,
                    consult_id=consult_id,
                    study_uid=image.study_uid,
                    series_uid=image.series_uid,
                    instance_uid=image.instance_uid,
                    frame=image.frame,
                    window_center=image.window_center,
                    window_width=image.window_width,
                    note=self._sealing.note(number, image.note),
                    added_by=work.actor.id,
                    added_at=work.at,
                )
            )
        return draft

    async def hold(self, work: Work, consult_id: str, *, by_force: bool = False) -> ReportLock:
        """Take or lengthen the actor's lock in their transaction.

        Raises:
            LockHeld: Somebody else is writing.
        """
        lock = await work.session.get(ReportLock, consult_id, with_for_update=True)
        holder, until = (lock.holder_id, lock.held_until) if lock else (None, None)
        answer = lock_for(holder, until, work.actor.id, work.at, may_break=by_force)
        if answer is LockAnswer.HELD and lock is not None:
            raise LockHeld(await self._people.name_of(lock.holder_id), lock.held_until)
        if answer is LockAnswer.BROKEN and lock is not None:
            trail.note(work, "report.break_lock", f"consults/{consult_id}", detail={"holder": lock.holder_id})
        if lock is None:
            lock = ReportLock(consult_id=consult_id, holder_id=work.actor.id, taken_at=work.at)
            work.session.add(lock)
        if answer is not LockAnswer.KEPT:
            lock.holder_id, lock.taken_at = work.actor.id, work.at
        lock.held_until = work.at + LOCK_LASTS
        return lock

    def may_break(self, actor: Actor, view: ConsultView) -> bool:
        """The lead may, and the coordinator of the consult who writes in an emergency."""
        return bool({Party.SPECIALIST, Party.COORDINATOR} & set(view.parties)) and actor.may(Permission.REPORT_WRITE)

    async def lock(self, session: AsyncSession, actor: Actor, consult_id: str) -> LockView | None:
        """Who is writing now, None for nobody."""
        lock = await session.get(ReportLock, consult_id)
        if lock is None or lock.held_until <= self._database.clock.now():
            return None
        return await self._lock_view(actor, lock)

    async def view(self, session: AsyncSession, draft: ReportDraft) -> DraftView:
        """A draft with its key images."""
        return DraftView(
            consult_id=draft.consult_id,
            version=draft.version,
            content=self._sealing.content(draft),
            images=await self._sealing.images(session, draft.consult_id),
            author_id=draft.author_id,
            author_name=await self._people.name_of(draft.author_id),
            saved_at=draft.saved_at,
            amends=draft.amends,
            reason=self._sealing.opened(draft.reason, f"report_drafts/{draft.consult_id}/reason"),
        )

    async def begun(self, session: AsyncSession, consult_id: str) -> DraftView | None:
        """What stands before the first word: frames chosen while reading. None where there are none."""
        images = await self._sealing.images(session, consult_id)
        if not images:
            return None
        return DraftView(
            consult_id, 0, Content(), images, author_id="", author_name="", saved_at=None, amends=0, reason=""
        )

    async def _lock_view(self, actor: Actor, lock: ReportLock) -> LockView:
        name = await self._people.name_of(lock.holder_id)
        return LockView(lock.holder_id, name, lock.holder_id == actor.id, lock.taken_at, lock.held_until)
