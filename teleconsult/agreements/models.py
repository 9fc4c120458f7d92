"""Records of agreements, consent texts and consents."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record

_WORD = String(40)
_ID = String(64)


class Agreement(Record):
    """One institution invites another, from a day to a day, for a fee."""

    __tablename__ = "agreements"
    __table_args__ = (Index("ix_agreements_pair", "inviting_id", "invited_id"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    inviting_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    invited_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    fee_fen: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class AgreementFee(Record):
    """What a kind of consult costs under an agreement, where it is not the usual fee."""

    __tablename__ = "agreement_fees"

    agreement_id: Mapped[str] = mapped_column(ForeignKey("agreements.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(_WORD, primary_key=True)
    fee_fen: Mapped[int]


class ConsentText(Record):
    """A version of the text that patients agree to."""

    __tablename__ = "consent_texts"
    __table_args__ = (UniqueConstraint("institution_id", "purpose", "language", "version"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    purpose: Mapped[str] = mapped_column(_WORD)
    language: Mapped[str] = mapped_column(_WORD)
    version: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Consent(Record):
    """A consent that was given: to which text, by whom, when and how."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_subject", "subject", "withdrawn_at"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    subject: Mapped[str] = mapped_column(_ID)
    """Id of what was consented to: a consult."""
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id"), index=True)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    purpose: Mapped[str] = mapped_column(_WORD)
    text_version: Mapped[int]
    language: Mapped[str] = mapped_column(_WORD)
    consenter: Mapped[str] = mapped_column(_WORD)
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    how: Mapped[str] = mapped_column(_WORD)
    given_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None]
