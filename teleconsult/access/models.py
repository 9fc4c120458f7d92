"""Passwords, sessions, tokens, patients' links and codes. Of secrets only hashes are kept."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class Password(Record):
    """A user's password, hashed by Argon2id."""

    __tablename__ = "passwords"

    user: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]


class LoginSession(Record):
    """A browser that is logged in.

    Attributes:
        token_hash: SHA-256 of the cookie's value.
        institution: For whom the person acts at present.
        used_at: Last use, to the minute.
        ends_at: It ends then, however busy it is.
        ended_at: It has ended.
    """

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    institution: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    device: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AccessToken(Record):
    """A bearer token of a program, a station, or a patient's device.

    Attributes:
        kind: Text of `actor.ActorKind`.
        subject: Id of the user, patient or station.
    """

    __tablename__ = "access_tokens"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    institution: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    label: Mapped[str] = mapped_column(String(120))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class PatientLink(Record):
    """A link by which a patient comes to something of theirs, after a code.

    Attributes:
        token_hash: SHA-256 of the link's secret part.
        subject: What it leads to: id of a visit.
        path: A page about it, for the staff who read codes out.
        expires_at: It is old then; a code renews it.
        ended_at: It was taken back.
    """

    __tablename__ = "patient_links"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    patient: Mapped[str] = mapped_column(ForeignKey("patients.id"))
    institution: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    path: Mapped[str] = mapped_column(String(300))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class LinkCode(Record):
    """A one-time code that was sent for a link.

    Attributes:
        code_hash: Keyed hash of link and code.
        phone_key: Keyed hash of the number it went to, for counting.
        tries: How often somebody tried it.
    """

    __tablename__ = "link_codes"
    __table_args__ = (
        Index("ix_link_codes_link", "link", "sent_at"),
        Index("ix_link_codes_phone", "phone_key", "sent_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    link: Mapped[str] = mapped_column(ForeignKey("patient_links.id"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    phone_key: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    sent_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]
