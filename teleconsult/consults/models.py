"""What the clinic keeps of a consult: the request, who sits in it, its one order of time, its materials and drafts.

Texts that tell of a patient are sealed with the row as additional data (`sealing`); the rest stays in plain columns so
that a worklist is one query. Institutions, people and patients are named by id.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from teleconsult.consults.state import Adoption, Kind, Mode, Move, Party, Priority, State
from teleconsult.db import Record

_WORD = String(40)
_ID = String(64)
_UID = String(64)


def _word(words: type[StrEnum]) -> Enum:
    """A column that holds the words' texts, gives the words back, and refuses any other."""
    return Enum(
        words,
        native_enum=False,
        create_constraint=False,
        length=40,
        validate_strings=True,
        values_callable=lambda kind: [word.value for word in kind],
    )


_LISTED = ("state", "kind", "priority", "due_at", "id")
"""What counts and sorting need, so that a worklist is found in the index alone."""


class ConsultNumber(Record):
    """The last number given to an institution on a day."""

    __tablename__ = "consult_numbers"

    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]


class Consult(Record):
    """One request and where it stands.

    `version` rises with every change that somebody could be unaware of; `entry_count` and `message_count` number the
    entries. `due_at` is kept for sorting only: it follows from state, kind, priority and pauses (`deadlines.rules`).
    """

    __tablename__ = "consults"
    __table_args__ = (
        UniqueConstraint("institution_id", "number"),
        Index("ix_consults_requester", "requester_id", "institution_id", *_LISTED),
        Index("ix_consults_institution", "institution_id", *_LISTED, "submitted_at"),
        Index("ix_consults_target", "target_institution_id", *_LISTED, "clock_began_at"),
        Index("ix_consults_signer", "signer_id"),
        Index("ix_consults_patient", "patient_id"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    number: Mapped[str] = mapped_column(String(24), index=True)
    version: Mapped[int]
    state: Mapped[State] = mapped_column(_word(State))
    kind: Mapped[Kind] = mapped_column(_word(Kind))
    mode: Mapped[Mode] = mapped_column(_word(Mode))
    priority: Mapped[Priority] = mapped_column(_word(Priority))

    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    requester_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patients.id"))
    target_institution_id: Mapped[str | None] = mapped_column(ForeignKey("institutions.id"))
    target_department_id: Mapped[str | None] = mapped_column(ForeignKey("departments.id"))
    target_specialist_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    origin_id: Mapped[str | None] = mapped_column(ForeignKey("consults.id"))
    level: Mapped[int] = mapped_column(default=0)

    approval_asked: Mapped[bool] = mapped_column(default=False)
    audit_asked: Mapped[bool] = mapped_column(default=False)
    returned_from: Mapped[State | None] = mapped_column(_word(State))
    reopenable_until: Mapped[datetime | None]

    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    state_since: Mapped[datetime]
    clock_began_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_seconds: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    author_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    signer_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    report_version: Mapped[int] = mapped_column(default=0)
    answered_version: Mapped[int] = mapped_column(default=0)
    adoption: Mapped[Adoption | None] = mapped_column(_word(Adoption))

    entry_count: Mapped[int] = mapped_column(default=0)
    message_count: Mapped[int] = mapped_column(default=0)

    # The long texts come last: SQLite reads a row from its front, and lists need only the short columns.
    question: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    final_diagnosis: Mapped[bytes | None] = mapped_column(LargeBinary)

    seats: Mapped[list["Seat"]] = relationship(
        back_populates="consult", lazy="selectin", order_by="Seat.number", cascade="all, delete-orphan"
    )
    levels: Mapped[list["Level"]] = relationship(
        back_populates="consult", lazy="selectin", order_by="Level.number", cascade="all, delete-orphan"
    )


class Seat(Record):
    """A place at the consult: the lead's, or a member's. Held by a person or, until somebody accepts, a department."""

    __tablename__ = "consult_seats"
    __table_args__ = (
        Index(
            "uq_consult_seats_one_lead",
            "consult_id",
            unique=True,
            sqlite_where=text("lead AND left_at IS NULL"),
            postgresql_where=text("lead AND left_at IS NULL"),
        ),
        Index("ix_consult_seats_user", "user_id", "left_at"),
        Index("ix_consult_seats_department", "department_id", "left_at"),
    )

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lead: Mapped[bool]
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[str | None] = mapped_column(ForeignKey("departments.id"))
    taken_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]

    consult: Mapped[Consult] = relationship(back_populates="seats")


class Level(Record):
    """Which institution handled the consult, from when to when: a redirect opens the next level."""

    __tablename__ = "consult_levels"

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"), index=True)
    agreement_id: Mapped[str | None] = mapped_column(ForeignKey("agreements.id"))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    consult: Mapped[Consult] = relationship(back_populates="levels")


class Entry(Record):
    """One thing that happened, in the consult's one order of time: moves, messages, materials."""

    __tablename__ = "consult_entries"

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(_WORD)
    at: Mapped[datetime]
    actor_id: Mapped[str] = mapped_column(String(64))
    institution_id: Mapped[str] = mapped_column(String(64))
    level: Mapped[int]
    party: Mapped[Party | None] = mapped_column(_word(Party))
    move: Mapped[Move | None] = mapped_column(_word(Move))
    source: Mapped[State | None] = mapped_column(_word(State))
    target: Mapped[State | None] = mapped_column(_word(State))
    message_number: Mapped[int | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


class Clip(Record):
    """A message that was spoken: the sound of the entry with this number, sealed."""

    __tablename__ = "consult_clips"

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    media: Mapped[str] = mapped_column(_WORD)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ReadMark(Record):
    """How many of the consult's messages a person has seen."""

    __tablename__ = "consult_read_marks"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    seen: Mapped[int]


class Material(Record):
    """A film study, lab report or document that belongs to the case."""

    __tablename__ = "consult_materials"
    __table_args__ = (
        UniqueConstraint("consult_id", "kind", "institution_id", "reference"),
        Index("ix_consult_materials_reference", "kind", "institution_id", "reference"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"))
    kind: Mapped[str] = mapped_column(_WORD)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    reference: Mapped[str] = mapped_column(_UID)
    modalities: Mapped[str] = mapped_column(String(120), default="")
    """Words separated by commas, kept here so that completeness asks nobody."""
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(64))


class AskedItem(Record):
    """One thing that was asked for when the consult went back, and what became of it."""

    __tablename__ = "consult_asked_items"

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(_WORD)
    text: Mapped[bytes] = mapped_column(LargeBinary)
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    given: Mapped[bool | None]
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
