"""Use cases of agreements and consents. Functions that take a Work or a session join the caller's transaction."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, InstitutionId, PatientId
from teleconsult.agreements.models import Agreement, AgreementFee, Consent, ConsentText
from teleconsult.agreements.state import Consenter, ConsentHow, ConsentPurpose, Language
from teleconsult.agreements.texts import SHIPPED, SHIPPED_VERSION
from teleconsult.audit import trail
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotFound
from teleconsult.people.models import Institution
from teleconsult.vault import Vault


@dataclass(frozen=True, slots=True)
class AgreementFields:
    """An agreement to be recorded.

    Attributes:
        fees_fen: Kind of consult -> fee in fen, where it is not the usual one.
    """

    inviting: str
    invited: str
    title: str
    starts_on: date
    ends_on: date | None = None
    fee_fen: int = 0
    fees_fen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentFields:
    """A consent as it was given."""

    how: ConsentHow
    consenter: Consenter = Consenter.PATIENT
    name: str = ""
    purpose: ConsentPurpose = ConsentPurpose.CONSULT
    language: Language = Language.CHINESE
    given_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A recorded consent, opened."""

    id: str
    how: ConsentHow
    consenter: Consenter
    name: str
    text_version: int
    language: Language
    given_at: datetime
    recorded_by: str
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class CurrentText:
    """The text that a patient is shown now."""

    purpose: ConsentPurpose
    language: Language
    version: int
    body: str


class Agreements:
    """Agreements between institutions, and patients' consents.

    Args:
        database: The clinic's records.
        vault: Seals the names of those who consent.
        zone: An agreement begins and ends with the day of this zone.
    """

    def __init__(self, database: Database, vault: Vault, zone: tzinfo) -> None:
        self._database = database
        self._vault = vault
        self._zone = zone

    async def add_agreement(self, actor: Actor, fields: AgreementFields) -> str:
        """Record an agreement. Returns its id.

        Raises:
            FieldsRefused: The days or the institutions make no sense.
        """
        _check_agreement(fields)
        async with self._database.write(actor) as work:
            for name, found in (("inviting_id", fields.inviting), ("invited_id", fields.invited)):
                if await work.session.get(Institution, found) is None:
                    raise FieldsRefused({name: "Please choose an institution of this site."})
            agreement = Agreement(
                id=new_id(),
                inviting_id=fields.inviting,
                invited_id=fields.invited,
                title=fields.title,
                starts_on=fields.starts_on,
                ends_on=fields.ends_on,
                fee_fen=fields.fee_fen,
                created_at=work.at,
            )
            work.session.add(agreement)
            await work.session.flush()
            work.session.add_all(
                AgreementFee(agreement_id=agreement.id, kind=kind, fee_fen=fee) for kind, fee in fields.fees_fen
            )
            trail.note(work, "agreement.add", agreement.id)
            return agreement.id

    async def agreements_of(self, actor: Actor) -> list[Agreement]:
        """All agreements in which the actor's institution takes part, newest first, at most 500."""
        async with self._database.read() as session:
            mine = or_(Agreement.inviting_id == actor.institution, Agreement.invited_id == actor.institution)
            return list(
                await session.scalars(select(Agreement).where(mine).order_by(Agreement.starts_on.desc()).limit(500))
            )

    async def in_force(
        self, session: AsyncSession, inviting: str, invited: str | None, at: datetime
    ) -> list[Agreement]:
        """The agreements under which an institution may invite (one) other, at a moment; the newest first."""
        held = [Agreement.inviting_id == inviting, *self._runs(at)]
        if invited is not None:
            held.append(Agreement.invited_id == invited)
        return list(
            await session.scalars(select(Agreement).where(*held).order_by(Agreement.starts_on.desc()).limit(200))
        )

    async def fee_fen(self, session: AsyncSession, agreement: Agreement, kind: str) -> int:
        """What a kind of consult costs under an agreement, in fen."""
        own = await session.get(AgreementFee, (agreement.id, kind))
        return own.fee_fen if own else agreement.fee_fen

    def _runs(self, at: datetime) -> list[ColumnElement[bool]]:
        day = at.astimezone(self._zone).date()
        return [Agreement.starts_on <= day, or_(Agreement.ends_on.is_(None), Agreement.ends_on >= day)]

    async def add_consent_text(self, actor: Actor, purpose: ConsentPurpose, language: Language, body: str) -> int:
        """Put a new version of the actor's institution's text into force. Returns its number."""
        if not 20 <= len(body.strip()) <= 20_000:
            raise FieldsRefused({"body": "Please write the text, 20 to 20,000 characters."})
        async with self._database.write(actor) as work:
            text = await self._current(work.session, actor.institution, purpose, language)
            work.session.add(
                ConsentText(
                    id=new_id(),
                    institution_id=actor.institution,
                    purpose=purpose,
                    language=language,
                    version=text.version + 1,
                    body=body.strip(),
                    created_at=work.at,
                )
            )
            trail.note(work, "consent_text.add", f"{purpose}/{language}/{text.version + 1}")
            return text.version + 1

    async def current_text(
        self, institution: InstitutionId, purpose: ConsentPurpose, language: Language
    ) -> CurrentText:
        """The text in force: the institution's newest, else the one that the house brings."""
        async with self._database.read() as session:
            return await self._current(session, institution, purpose, language)

    async def record_consent(
        self, work: Work, subject: str, patient: PatientId, institution: str, fields: ConsentFields
    ) -> str:
        """Record a consent in the caller's transaction. Returns its id."""
        text = await self._current(work.session, institution, fields.purpose, fields.language)
        consent_id = new_id()
        work.session.add(
            Consent(
                id=consent_id,
                subject=subject,
                patient_id=patient,
                institution_id=institution,
                purpose=fields.purpose,
                text_version=text.version,
                language=fields.language,
                consenter=fields.consenter,
                name=self._vault.seal(fields.name, f"consents/{consent_id}/name") if fields.name else None,
                how=fields.how,
                given_at=fields.given_at or work.at,
                recorded_by=work.actor.id,
            )
        )
        trail.note(work, "consent.record", subject, patient=patient, detail={"how": fields.how})
        return consent_id

    async def consent_of(
        self, session: AsyncSession, subject: str, purpose: ConsentPurpose = ConsentPurpose.CONSULT
    ) -> ConsentView | None:
        """The consent in force for a consult, or None."""
        row = await session.scalar(
            select(Consent)
            .where(Consent.subject == subject, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
            .order_by(Consent.given_at.desc())
            .limit(1)
        )
        return self._view(row) if row else None

    async def withdraw_consent(self, work: Work, subject: str) -> None:
        """Mark the consent for a consult as withdrawn; what becomes of the consult is its room's decision.

        Raises:
            NotFound: There is none in force.
        """
        rows = await work.session.scalars(
            select(Consent).where(Consent.subject == subject, Consent.withdrawn_at.is_(None))
        )
        found = list(rows)
        if not found:
            raise NotFound
        for row in found:
            row.withdrawn_at = work.at
            trail.note(work, "consent.withdraw", subject, patient=row.patient_id)

    async def _current(
        self, session: AsyncSession, institution: str, purpose: ConsentPurpose, language: Language
    ) -> CurrentText:
        newest = select(func.max(ConsentText.version)).where(
            ConsentText.institution_id == institution,
            ConsentText.purpose == purpose,
            ConsentText.language == language,
        )
        row = await session.scalar(
            select(ConsentText).where(
                ConsentText.institution_id == institution,
                ConsentText.purpose == purpose,
                ConsentText.language == language,
                ConsentText.version == newest.scalar_subquery(),
            )
        )
        if row is None:
            return CurrentText(purpose, language, SHIPPED_VERSION, SHIPPED[purpose, language])
        return CurrentText(purpose, language, row.version, row.body)

    def _view(self, row: Consent) -> ConsentView:
        return ConsentView(
            row.id,
            ConsentHow(row.how),
            Consenter(row.consenter),
            self._vault.open(row.name, f"consents/{row.id}/name") if row.name else "",
            row.text_version,
            Language(row.language),
            row.given_at,
            row.recorded_by,
            row.withdrawn_at,
        )


def _check_agreement(fields: AgreementFields) -> None:
    errors = {}
    if not 1 <= len(fields.title.strip()) <= 200:
        errors["title"] = "Please give the agreement a title of at most 200 characters."
    if fields.inviting == fields.invited:
        errors["invited_id"] = "An agreement is between two institutions."
    if fields.ends_on is not None and fields.ends_on < fields.starts_on:
        errors["ends_on"] = "The last day must not be before the first."
    if fields.fee_fen < 0 or any(fee < 0 for _, fee in fields.fees_fen):
        errors["fee_fen"] = "A fee cannot be below zero."
    if errors:
        raise FieldsRefused(errors)
