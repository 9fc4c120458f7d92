"""Appointments, calls, who was let into which, and what happened there. Nothing of what was said."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record

_ID = String(64)
_WORD = String(40)
_ROOM = String(160)


class Appointment(Record):
    """A time of one doctor that is taken.

    Attributes:
        kind: What for: `visit`. A consult's own session stands in the consult.
        subject: Id of the visit.
        freed_at: It is free again.
    """

    __tablename__ = "appointments"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_appointments_doctor", "doctor_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    kind: Mapped[str] = mapped_column(_WORD)
    subject: Mapped[str] = mapped_column(_ID)
    doctor_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    freed_at: Mapped[datetime | None]


class Call(Record):
    """A media room of a consult: opened by whoever came first, ended by a person.

    Attributes:
        room: Its name at the exchange.
        visit_id: The follow-up it is for, where it is for one.
    """

    __tablename__ = "calls"
    __table_args__ = (UniqueConstraint("consult_id", "number"), Index("ix_calls_visit", "visit_id"))

    room: Mapped[str] = mapped_column(_ROOM, primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"))
    number: Mapped[int]
    purpose: Mapped[str] = mapped_column(_WORD)
    visit_id: Mapped[str | None] = mapped_column(_ID)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(_ID)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(_ID)


class CallSeat(Record):
    """Somebody was let into a room. What lets them in again after a reload, and what takes them out.

    Attributes:
        participant: Who they are there, opaque.
        credential: Id of the session or token by which they came last.
        consult_id: None for a room of an institution.
        revoked_at: They lost the right; a new admission sets it back.
        out_at: The exchange has put them out.
    """

    __tablename__ = "call_seats"
    __table_args__ = (
        Index("ix_call_seats_actor", "actor_id"),
        Index("ix_call_seats_credential", "credential"),
        Index("ix_call_seats_consult", "consult_id"),
    )

    room: Mapped[str] = mapped_column(_ROOM, primary_key=True)
    participant: Mapped[str] = mapped_column(_ID, primary_key=True)
    actor_id: Mapped[str] = mapped_column(_ID)
    kind: Mapped[str] = mapped_column(_WORD)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    part: Mapped[str] = mapped_column(_WORD)
    credential: Mapped[str] = mapped_column(_ID)
    consult_id: Mapped[str | None] = mapped_column(ForeignKey("consults.id"))
    admitted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    out_at: Mapped[datetime | None]


class CallEvent(Record):
    """One thing that happened in a room, as the exchange told it: numbered by its journal, so that none comes twice."""

    __tablename__ = "call_events"
    __table_args__ = (Index("ix_call_events_room", "room", "at"),)

    journal: Mapped[str] = mapped_column(_WORD, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    room: Mapped[str] = mapped_column(_ROOM)
    participant: Mapped[str] = mapped_column(_ID)
    kind: Mapped[str] = mapped_column(_WORD)
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
