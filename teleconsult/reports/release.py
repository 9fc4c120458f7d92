"""From draft to signed opinion: audit by a second person, signing, amending. One transaction each; signed once only."""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult import events
from teleconsult.actor import Actor
from teleconsult.audit import trail
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move, State
from teleconsult.consults.views import ConsultView
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Stale, StepRefused
from teleconsult.people.service import People
from teleconsult.reports.events import ReportSigned
from teleconsult.reports.models import KeyImage, Report, ReportDraft, ReportLock
from teleconsult.reports.ports import KeyImages, LabTables, Passwords, Window
from teleconsult.reports.press import Press, Printed
from teleconsult.reports.printing import AUDITOR, AUTHOR, Opinion, Stamp, sheet_of
from teleconsult.reports.rules import Chosen, Signed, as_json, clean, code_from, link, refuse_incomplete
from teleconsult.reports.sealing import Sealing
from teleconsult.reports.sheet import Person, Sheet
from teleconsult.reports.signing import Seal, Signer


@dataclass(frozen=True, slots=True)
class Site:
    """What of the site stands on paper.

    Attributes:
        url: Root of the site's pages, without a slash at the end.
        zone: IANA time zone.
    """

    url: str
    zone: str


@dataclass(frozen=True, slots=True)
class Doors:
    """What releasing needs from elsewhere."""

    cases: Consults
    people: People
    passwords: Passwords
    key_images: KeyImages
    labs: LabTables


@dataclass(frozen=True, slots=True)
class _Ready:
    """A draft as it was when it was printed."""

    view: ConsultView
    draft_version: int
    author: str
    signed: Signed
    stamp: Stamp
    previous: Report | None
    amends: int
    consult_version: int | None


class Release:
    """Signs.

    Args:
        database: The clinic's.
        doors: The rooms beside and below.
        sealing: The room's.
        press: Prints.
        signer: The site's.
        site: For the paper.
    """

    def __init__(
        self, database: Database, doors: Doors, sealing: Sealing, press: Press, signer: Signer, site: Site
    ) -> None:
        self._database = database
        self._doors = doors
        self._sealing = sealing
        self._press = press
        self._signer = signer
        self._site = site
        # Double clicks wait for the first instead of printing again; between processes the database decides.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def submit_for_audit(self, actor: Actor, consult_id: str, version: int | None = None) -> None:
        """Hand the finished draft to a second person.

        Raises:
            FieldsRefused: Something is missing.
            StepRefused: Not allowed now.
        """
        view = await self._doors.cases.view(actor, consult_id)
        _refuse_move(view, Move.SUBMIT_FOR_AUDIT)
        async with self._database.write(actor) as work:
            draft = await self._draft(work.session, consult_id)
            refuse_incomplete(self._sealing.content(draft))
            await self._doors.cases.send_to_audit(work, consult_id, version)
            await work.session.execute(delete(ReportLock).where(ReportLock.consult_id == consult_id))
            trail.note(work, "report.submit_for_audit", f"consults/{consult_id}", patient=_patient(view))

    async def reject_audit(self, actor: Actor, consult_id: str, reason: str, version: int | None = None) -> None:
        """Give the draft back to its author.

        Raises:
            StepRefused: Not allowed now.
        """
        view = await self._doors.cases.view(actor, consult_id)
        _refuse_move(view, Move.REJECT_AUDIT)
        async with self._database.write(actor) as work:
            await self._doors.cases.refuse_audit(work, consult_id, version, clean(reason))
            trail.note(work, "report.reject_audit", f"consults/{consult_id}", patient=_patient(view))

    async def sign(
        self,
        actor: Actor,
        consult_id: str,
        version: int | None,
        *,
        password: str,
        reason: str,
        consult_version: int | None,
    ) -> Report:
        """Sign the draft, or the amendment, as it stands. Asked twice, it is signed once and both get the same answer.

        Args:
            actor: Who signs.
            consult_id: Whose opinion.
            version: Of the draft, as the signer saw it; None signs whatever is there.
            password: Once more.
            reason: Why it is amended, where it is; "" keeps the one given at its beginning.
            consult_version: Of the consult, as the signer saw it; None does not ask.

        Raises:
            Refused: The password is wrong, or a character cannot be printed.
            FieldsRefused: Something is missing.
            Stale: The draft has changed since.
            StepRefused: Not allowed now.
            NotAllowed: The author may not audit their own report.
        """
        await self._doors.passwords.check_password(actor, password)
        turn = self._turns.setdefault(consult_id, asyncio.Lock())
        async with turn:
            done = await self._done(actor, consult_id, version)
            if done is not None:
                return done
            ready = await self._ready(actor, consult_id, version, clean(reason), consult_version)
            sheet = await self._sheet(actor, ready.view, ready.signed, ready.author, ready.stamp)
            pictures = await self._pictures(actor, ready.signed.images)
            printed = await self._press.print_final(sheet, pictures, ready.stamp.signed_at)
            seal = Seal(ready.view.number, ready.stamp.version, ready.stamp.code)
            pdf = await self._signer.sign(printed, seal, ready.stamp.signed_at)
            try:
                async with self._database.write(actor) as work:
                    return await self._keep(work, ready, pdf)
            except IntegrityError:  # Another process was first.
                done = await self._done(actor, consult_id, version)
                if done is None:
                    raise
                return done

    async def preview(self, actor: Actor, view: ConsultView) -> Printed:
        """The draft as it would be printed now, with a watermark.

        Raises:
            NotFound: Nothing is written yet.
        """
        async with self._database.read() as session:
            draft = await session.get(ReportDraft, view.id)
            if draft is None:
                raise NotFound
            signed = Signed(self._sealing.content(draft), await self._sealing.images(session, view.id))
        sheet = await self._sheet(actor, view, signed, draft.author_id, None)
        pictures = await self._pictures(actor, signed.images)
        return await self._press.print_draft(sheet, pictures, self._database.clock.now())

    async def _ready(
        self, actor: Actor, consult_id: str, version: int | None, reason: str, consult_version: int | None
    ) -> _Ready:
        view = await self._doors.cases.view(actor, consult_id)
        async with self._database.read() as session:
            draft = await self._draft(session, consult_id)
            if version is not None and draft.version != version:
                raise Stale(current=draft.version)
            signed = Signed(self._sealing.content(draft), await self._sealing.images(session, consult_id))
            previous = await _newest(session, consult_id)
            if draft.amends and not reason:
                reason = self._sealing.opened(draft.reason, f"report_drafts/{consult_id}/reason")
        if view.state is State.AUDIT and draft.author_id == actor.id:
            raise NotAllowed("Somebody else must audit this report: you have written it.")
        _refuse_move(view, Move.AMEND if draft.amends else Move.SIGN)
        refuse_incomplete(signed.content)
        if draft.amends and not reason:
            raise FieldsRefused({"reason": "Please say why the report is amended."})
        code = code_from(os.urandom(10))
        stamp = Stamp(
            version=previous.version + 1 if previous else 1,
            code=code,
            signed_at=self._database.clock.now().replace(microsecond=0),
            check_url=f"{self._site.url}/verify?code={code}",
            replaces=previous.version if previous else 0,
            reason=reason if draft.amends else "",
        )
        return _Ready(view, draft.version, draft.author_id, signed, stamp, previous, draft.amends, consult_version)

    async def _sheet(self, actor: Actor, view: ConsultView, signed: Signed, author: str, stamp: Stamp | None) -> Sheet:
        roles = [(AUTHOR, author)] if author == actor.id or stamp is None else [(AUTHOR, author), (AUDITOR, actor.id)]
        people = [await self._person(role, each, view) for role, each in roles]
        labs = await self._doors.labs.panels(actor, view.id, signed.content.labs) if signed.content.labs else []
        institution = view.target_institution.name if view.target_institution else ""
        opinion = Opinion(signed.content, signed.images, labs, people, institution)
        return sheet_of(view, opinion, stamp, self._site.zone)

    async def _person(self, role: str, user_id: str, view: ConsultView) -> Person:
        user = await self._doors.people.user(user_id)
        institution = view.target_institution
        seat = next((each for each in view.seats if each.user and each.user.id == user_id), None)
        where = [seat.institution.name if seat else (institution.name if institution else "")]
        if user.department:
            departments = await self._doors.people.departments()
            where += [each.name for each in departments if each.id == user.department]
        return Person(role, user.name, user.title, "　".join(filter(None, where)))

    async def _pictures(self, actor: Actor, images: Sequence[Chosen]) -> list[bytes]:
        return [
            await self._doors.key_images.picture(
                actor,
                each.study_uid,
                each.series_uid,
                each.instance_uid,
                each.frame,
                Window(each.window_center, each.window_width)
                if each.window_center is not None and each.window_width is not None
                else None,
            )
            for each in images
        ]

    async def _keep(self, work: Work, ready: _Ready, pdf: bytes) -> Report:
        consult_id = ready.view.id
        draft = await self._draft(work.session, consult_id)
        images = await self._sealing.images(work.session, consult_id)
        if draft.version != ready.draft_version or images != ready.signed.images:
            raise Stale(current=draft.version)
        report = self._report(work, ready, pdf)
        work.session.add(report)
        await work.session.flush()
        work.session.add(self._sealing.file(report.id, pdf))
        cases = self._doors.cases
        if ready.amends:
            reason = ready.stamp.reason
            await cases.record_amendment(work, consult_id, ready.consult_version, report.version, reason)
        else:
            await cases.record_report(work, consult_id, report_version=report.version, version=ready.consult_version)
        await work.session.delete(draft)
        for row in (KeyImage, ReportLock):
            await work.session.execute(delete(row).where(row.consult_id == consult_id))
        detail = {"version": str(report.version), "sha256": report.pdf_sha256}
        trail.note(work, "report.sign", f"reports/{report.id}", patient=_patient(ready.view), detail=detail)
        events.record(
            work,
            ReportSigned(
                consult=consult_id,
                report=report.id,
                version=report.version,
                amends=ready.amends,
                signer=work.actor.id,
                institution=work.actor.institution,
                finding=report.finding,
            ),
        )
        return report

    def _report(self, work: Work, ready: _Ready, pdf: bytes) -> Report:
        number = new_id()
        stamp, signed = ready.stamp, ready.signed
        content_sha256 = hashlib.sha256(as_json(signed).encode()).hexdigest()
        pdf_sha256 = hashlib.sha256(pdf).hexdigest()
        report = Report(
            id=number,
            consult_id=ready.view.id,
            version=stamp.version,
            replaces_id=ready.previous.id if ready.previous else None,
            draft_version=ready.draft_version,
            finding=signed.content.finding,
            content=self._sealing.signed_bytes(number, signed),
            reason=self._sealing.text(stamp.reason, f"reports/{number}/reason"),
            author_id=ready.author,
            signer_id=work.actor.id,
            institution_id=work.actor.institution,
            signed_at=stamp.signed_at,
            code=stamp.code,
            content_sha256=content_sha256,
            pdf_sha256=pdf_sha256,
        )
        report.link = link(ready.previous.link if ready.previous else "", chained(report))
        return report

    async def _done(self, actor: Actor, consult_id: str, version: int | None) -> Report | None:
        """What this actor signed already with this very wish, if they did."""
        await self._doors.cases.view(actor, consult_id)
        async with self._database.read() as session:
            if await session.get(ReportDraft, consult_id) is not None:
                return None
            newest = await _newest(session, consult_id)
        if newest is None:
            return None
        same = newest.signer_id == actor.id and version in (None, newest.draft_version)
        return newest if same else None

    async def _draft(self, session: AsyncSession, consult_id: str) -> ReportDraft:
        draft = await session.get(ReportDraft, consult_id, with_for_update=True)
        if draft is None:
            raise StepRefused("Nothing is written yet.")
        return draft


def chained(report: Report) -> dict[str, str | int]:
    """What of a version goes into its link."""
    return {
        "consult": report.consult_id,
        "version": report.version,
        "content": report.content_sha256,
        "pdf": report.pdf_sha256,
        "author": report.author_id,
        "signer": report.signer_id,
        "signed_at": report.signed_at.isoformat(),
    }


def _patient(view: ConsultView) -> str:
    return view.patient.id if view.patient else ""


def _refuse_move(view: ConsultView, move: Move) -> None:
    if move not in {offer.move for offer in view.moves}:
        raise StepRefused("This cannot be done now. Look at the present state first.", moves=view.moves)


async def _newest(session: AsyncSession, consult_id: str) -> Report | None:
    newest = select(Report).where(Report.consult_id == consult_id).order_by(Report.version.desc()).limit(1)
    found: Report | None = await session.scalar(newest)
    return found
