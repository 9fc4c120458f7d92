"""The room's use cases: what the routes, pages and the consult's own door call."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from teleconsult.actor import Actor, Permission
from teleconsult.audit.trail import Witness
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move
from teleconsult.db import Database
from teleconsult.errors import NotAllowed, NotFound, StepRefused
from teleconsult.people.service import People
from teleconsult.reports.checker import Checker
from teleconsult.reports.drafts import Drafts, NewImage
from teleconsult.reports.models import Report, ReportDraft, ReportFile
from teleconsult.reports.phrases import Phrase, phrases_for
from teleconsult.reports.ports import KeyImages, LabTables, NoLabs, Passwords
from teleconsult.reports.press import Press
from teleconsult.reports.printing import file_name
from teleconsult.reports.release import Doors, Release, Site, chained
from teleconsult.reports.rules import Chosen, link, may_read_draft, normal_code, refuse_writer
from teleconsult.reports.sealing import Sealing
from teleconsult.reports.signing import Signer
from teleconsult.reports.state import Verdict
from teleconsult.reports.views import CodeView, DraftView, LockView, PdfFile, ReportView, Standing
from teleconsult.vault import Vault


@dataclass(frozen=True, slots=True)
class Tools:
    """What prints, signs, seals and notes.

    Attributes:
        witness: Notes who reads; shared with other rooms so that a reading is one row.
    """

    vault: Vault
    press: Press
    signer: Signer
    site: Site
    witness: Witness


@dataclass(frozen=True, slots=True)
class Films:
    """What comes from the archive."""

    key_images: KeyImages
    labs: LabTables = field(default_factory=NoLabs)


class Reports:
    """Opinions.

    Args:
        database: The clinic's.
        consults: The cases.
        people: For names and titles.
        passwords: Asks again before signing.
        tools: What prints, signs and seals.
        films: Pictures of films and tables of results.
    """

    def __init__(
        self,
        database: Database,
        consults: Consults,
        people: People,
        passwords: Passwords,
        tools: Tools,
        films: Films,
    ) -> None:
        self._database = database
        self._cases = consults
        self._people = people
        self._sealing = Sealing(tools.vault)
        self._witness = tools.witness
        self._checker = Checker(tools.signer.authority)
        doors = Doors(consults, people, passwords, films.key_images, films.labs)
        self._drafts = Drafts(database, consults, people, self._sealing)
        self._release = Release(database, doors, self._sealing, tools.press, tools.signer, tools.site)
        self.authority = tools.signer.authority

    # ---- writing

    async def take_lock(self, actor: Actor, consult_id: str, *, by_force: bool = False) -> LockView:
        """See `Drafts.take_lock`."""
        return await self._drafts.take_lock(actor, consult_id, by_force=by_force)

    async def release_lock(self, actor: Actor, consult_id: str) -> None:
        """See `Drafts.release_lock`."""
        await self._drafts.release_lock(actor, consult_id)

    async def save_draft(
        self, actor: Actor, consult_id: str, version: int | None, changes: dict[str, Any]
    ) -> DraftView:
        """See `Drafts.save`."""
        return await self._drafts.save(actor, consult_id, version, changes)

    async def add_key_image(self, actor: Actor, consult_id: str, image: NewImage) -> Chosen:
        """See `Drafts.add_image`."""
        return await self._drafts.add_image(actor, consult_id, image)

    async def remove_key_image(self, actor: Actor, consult_id: str, image_id: str) -> None:
        """See `Drafts.remove_image`."""
        await self._drafts.remove_image(actor, consult_id, image_id)

    async def key_images(self, actor: Actor, consult_id: str) -> tuple[Chosen, ...]:
        """Those chosen for the next version; once it is signed, those of the newest.

        Raises:
            NotFound: Not there, or not for this actor.
        """
        view = await self._cases.view(actor, consult_id)
        async with self._database.read() as session:
            chosen = await self._sealing.images(session, consult_id) if may_read_draft(view.parties) else ()
            if chosen:
                return chosen
            newest = await session.scalar(
                select(Report).where(Report.consult_id == consult_id).order_by(Report.version.desc()).limit(1)
            )
        return self._sealing.signed(newest).images if newest else ()

    async def amend(self, actor: Actor, consult_id: str, reason: str = "") -> DraftView:
        """See `Drafts.begin_amendment`; the amendment is then written, and signed by `sign`."""
        return await self._drafts.begin_amendment(actor, consult_id, reason)

    # ---- releasing

    async def submit_for_audit(self, actor: Actor, consult_id: str, version: int | None = None) -> None:
        """See `Release.submit_for_audit`; `version` is the consult's."""
        await self._release.submit_for_audit(actor, consult_id, version)

    async def reject_audit(self, actor: Actor, consult_id: str, reason: str, version: int | None = None) -> None:
        """See `Release.reject_audit`; `version` is the consult's."""
        await self._release.reject_audit(actor, consult_id, reason, version)

    async def sign(
        self,
        actor: Actor,
        consult_id: str,
        version: int | None,
        password: str,
        *,
        reason: str = "",
        consult_version: int | None = None,
    ) -> ReportView:
        """See `Release.sign`; `version` is the draft's."""
        if not actor.may(Permission.REPORT_WRITE):
            raise NotAllowed
        await self._release.sign(
            actor, consult_id, version, password=password, reason=reason, consult_version=consult_version
        )
        return (await self.signed(actor, consult_id))[-1]

    async def make_move(
        self, actor: Actor, consult: str, move: Move, version: int, *, password: str, reason: str
    ) -> None:
        """Make one of this room's moves at the consult's own door: `consults.ports.ReportMoves`.

        Raises:
            StepRefused: Not a move of this room, or not allowed now; an amendment must be written first.
        """
        view = await self._cases.view(actor, consult)
        if move is Move.SUBMIT_FOR_AUDIT:
            await self.submit_for_audit(actor, consult, version)
        elif move is Move.REJECT_AUDIT:
            await self.reject_audit(actor, consult, reason, version)
        elif move in (Move.SIGN, Move.AMEND):
            await self.sign(actor, consult, None, password, reason=reason, consult_version=version)
        else:
            raise StepRefused("This cannot be done now. Look at the present state first.", moves=view.moves)

    # ---- reading

    async def standing(self, actor: Actor, consult_id: str) -> Standing:
        """Draft, lock and signed versions, as far as they are open to the actor.

        Raises:
            NotFound: Not there, or not for this actor.
        """
        view = await self._cases.view(actor, consult_id)
        reports = await self.signed(actor, consult_id)
        if not may_read_draft(view.parties):
            return Standing(consult_id, None, None, reports, may_write=False, may_break=False)
        async with self._database.read() as session:
            row = await session.get(ReportDraft, consult_id)
            draft = await self._drafts.view(session, row) if row else None
            lock = await self._drafts.lock(session, actor, consult_id)
            may_write = actor.may(Permission.REPORT_WRITE)
            try:
                refuse_writer(view.state, view.parties, amending=bool(draft and draft.amends))
            except (NotAllowed, StepRefused):
                may_write = False
            if draft is None and may_write:
                draft = await self._drafts.begun(session, consult_id)
        return Standing(consult_id, draft, lock, reports, may_write, may_write and self._drafts.may_break(actor, view))

    async def signed(self, actor: Actor, consult_id: str) -> tuple[ReportView, ...]:
        """The signed versions, oldest first.

        Raises:
            NotFound: Not there, or not for this actor.
        """
        view = await self._cases.view(actor, consult_id)
        async with self._database.read() as session:
            found = (
                await session.execute(
                    select(Report, ReportFile.size_bytes)
                    .join(ReportFile, ReportFile.report_id == Report.id)
                    .where(Report.consult_id == consult_id)
                    .order_by(Report.version)
                )
            ).all()
        if found:
            await self._witness.read(
                actor, "report.read", f"consults/{consult_id}", view.patient.id if view.patient else ""
            )
        names = await self._people.names({row.author_id for row, _ in found} | {row.signer_id for row, _ in found})
        return tuple(self._view(row, size, names, current=row is found[-1][0]) for row, size in found)

    async def pdf(self, actor: Actor, consult_id: str, version: int | None = None) -> PdfFile:
        """A signed version's file.

        Args:
            actor: Who reads; it is noted before the first byte leaves.
            consult_id: Of which consult.
            version: None: the newest.

        Raises:
            NotFound: Not there, or not for this actor.
            Unavailable: The reading cannot be noted.
        """
        view = await self._cases.view(actor, consult_id)
        wanted = select(Report).where(Report.consult_id == consult_id).order_by(Report.version.desc()).limit(1)
        async with self._database.read() as session:
            report = await session.scalar(wanted.where(Report.version == version) if version else wanted)
            file = await session.get(ReportFile, report.id) if report else None
        if report is None or file is None:
            raise NotFound
        await self._witness.read(actor, "report.pdf", f"reports/{report.id}", view.patient.id if view.patient else "")
        return PdfFile(file_name(view.number, report.version), self._sealing.pdf(file), report.pdf_sha256)

    async def preview(self, actor: Actor, consult_id: str) -> PdfFile:
        """The draft as it would be printed; only for the specialist's side.

        Raises:
            NotFound: Nothing is written, or not for this actor.
        """
        view = await self._cases.view(actor, consult_id)
        if not may_read_draft(view.parties):
            raise NotFound
        await self._witness.read(
            actor, "report.preview", f"consults/{consult_id}", view.patient.id if view.patient else ""
        )
        printed = await self._release.preview(actor, view)
        return PdfFile(file_name(view.number, None), printed.pdf, "")

    async def phrases(self, actor: Actor, consult_id: str) -> Sequence[Phrase]:
        """Ready-made texts for this kind of consult."""
        return phrases_for((await self._cases.view(actor, consult_id)).kind)

    # ---- checking

    async def verify(self, pdf: bytes) -> Verdict:
        """Whether a file is, byte for byte, an opinion of this site; for anybody.

        Raises:
            TooLarge: No opinion is so large.
        """
        return await self._checker.check(pdf)

    async def by_code(self, code: str) -> CodeView:
        """What a verification code stands for; for anybody, so without patient or text.

        Raises:
            NotFound: No such code.
        """
        async with self._database.read() as session:
            report = await session.scalar(select(Report).where(Report.code == normal_code(code)))
            if report is None:
                raise NotFound
            newest = await session.scalar(
                select(Report.version)
                .where(Report.consult_id == report.consult_id)
                .order_by(Report.version.desc())
                .limit(1)
            )
        later = newest if newest is not None and newest > report.version else 0
        institution = await self._people.name_of(report.institution_id)
        return CodeView(report.code, report.version, report.signed_at, institution, report.pdf_sha256, later)

    async def broken_links(self) -> list[str]:
        """Ids of signed versions whose chain does not hold: for the self-test and after a restore."""
        async with self._database.read() as session:
            rows = list(await session.scalars(select(Report).order_by(Report.consult_id, Report.version)))
        broken = []
        before: Report | None = None
        for row in rows:
            previous = before if before is not None and before.consult_id == row.consult_id else None
            if row.link != link(previous.link if previous else "", chained(row)):
                broken.append(row.id)
            before = row
        return broken

    def _view(self, row: Report, size_bytes: int, names: dict[str, str], *, current: bool) -> ReportView:
        signed = self._sealing.signed(row)
        return ReportView(
            id=row.id,
            consult_id=row.consult_id,
            version=row.version,
            replaces_id=row.replaces_id,
            current=current,
            content=signed.content,
            images=signed.images,
            reason=self._sealing.opened(row.reason, f"reports/{row.id}/reason"),
            author_id=row.author_id,
            author_name=names[row.author_id],
            signer_id=row.signer_id,
            signer_name=names[row.signer_id],
            signed_at=row.signed_at,
            code=row.code,
            pdf_sha256=row.pdf_sha256,
            size_bytes=size_bytes,
        )
