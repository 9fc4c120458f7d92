"""The audit's records. The database itself refuses to change or delete them; nothing here decides."""

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, BigInteger, ForeignKey, Integer, LargeBinary, String, Table, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


class AuditRow(Record):
    """One thing done, or one reading of a patient's data in a quarter of an hour.

    Attributes:
        number: Rises with each row.
        actor: Id of the user, patient, station, or a word for the house itself.
        institution: For whom the actor acted.
        action: `consult.submit`, `patient.read`.
        subject: `consult/ID`; never a name.
        patient: Id of the patient concerned, "" without one.
        detail: JSON of small texts; no patient data.
    """

    __tablename__ = "audit_rows"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own protocol; numbers never come again

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64), index=True)
    actor_name: Mapped[str] = mapped_column(String(120))
    actor_kind: Mapped[str] = mapped_column(String(40))
    institution: Mapped[str] = mapped_column(String(64), index=True)
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(200), index=True)
    patient: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text)


class AuditSeal(Record):
    """A row's place in the chain: positions are 1, 2, 3 … without gaps, in commit order."""

    __tablename__ = "audit_seals"

    position: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(_NUMBER, ForeignKey("audit_rows.number"), unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditAnchor(Record):
    """A signature over the chain up to a position; without the site's key nobody makes another."""

    __tablename__ = "audit_anchors"

    position: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))


def append_only(table: str) -> list[tuple[str, str]]:
    """The statements that forbid UPDATE and DELETE of a table: (dialect, statement); migrations run them too."""
    statements = [
        (
            "sqlite",
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
        )
        for verb in ("UPDATE", "DELETE")
    ]
    statements += [
        (
            "postgresql",
            f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        ),
        (
            "postgresql",
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
        ),
    ]
    return statements


APPEND_ONLY = (AuditRow.__tablename__, AuditSeal.__tablename__, AuditAnchor.__tablename__)


def _forbid_changes(table: Any) -> None:
    assert isinstance(table, Table)  # noqa: S101 - tells the type checker what SQLAlchemy gives
    for dialect, statement in append_only(table.name):
        event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


for _record in (AuditRow, AuditSeal, AuditAnchor):
    _forbid_changes(_record.__table__)
