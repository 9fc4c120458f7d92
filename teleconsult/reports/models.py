"""What is kept of opinions: the draft with its lock, chosen key images, signed versions and their files.

Texts and files are sealed with the row as additional data. Signed rows can be neither changed nor removed: the
database itself refuses (`protect`).
"""

from datetime import datetime

from sqlalchemy import DDL, Connection, ForeignKey, LargeBinary, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record

_ID = String(64)


class ReportDraft(Record):
    """What the author is writing. One row per consult; gone when signed."""

    __tablename__ = "report_drafts"

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    version: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    author_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    saved_at: Mapped[datetime]
    amends: Mapped[int] = mapped_column(default=0)
    """The signed version this will amend; 0 for none."""
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)


class ReportLock(Record):
    """Who is writing. Ends by itself."""

    __tablename__ = "report_locks"

    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    taken_at: Mapped[datetime]
    held_until: Mapped[datetime]


class KeyImage(Record):
    """A frame of a film that goes into the opinion."""

    __tablename__ = "report_key_images"

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), index=True)
    study_uid: Mapped[str] = mapped_column(_ID)
    series_uid: Mapped[str] = mapped_column(_ID)
    instance_uid: Mapped[str] = mapped_column(_ID)
    frame: Mapped[int]
    window_center: Mapped[float | None]
    window_width: Mapped[float | None]
    note: Mapped[bytes] = mapped_column(LargeBinary)
    added_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    added_at: Mapped[datetime]


class Report(Record):
    """A signed version. Never changes."""

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("consult_id", "version"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"))
    version: Mapped[int]
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("reports.id"))
    draft_version: Mapped[int]
    finding: Mapped[str] = mapped_column(String(40))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    author_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    signer_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    signed_at: Mapped[datetime]
    code: Mapped[str] = mapped_column(String(24), unique=True)
    content_sha256: Mapped[str] = mapped_column(String(64))
    pdf_sha256: Mapped[str] = mapped_column(String(64))
    link: Mapped[str] = mapped_column(String(64))
    """Hash over this version and the link of the one before: `rules.link`."""


class ReportFile(Record):
    """The signed PDF, apart from its row so that lists need not load it."""

    __tablename__ = "report_files"

    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]


_FUNCTION = (
    "CREATE OR REPLACE FUNCTION signed_never_changes() RETURNS trigger AS "
    "$$ BEGIN RAISE EXCEPTION 'a signed report never changes'; END; $$ LANGUAGE plpgsql"
)


def _protection(table: str) -> dict[str, tuple[str, ...]]:
    sqlite = tuple(
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'a signed report never changes'); END"
        for verb in ("UPDATE", "DELETE")
    )
    trigger = (
        f"CREATE OR REPLACE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION signed_never_changes()"
    )
    return {"sqlite": sqlite, "postgresql": (_FUNCTION, trigger)}


_PROTECTED = {Report: _protection("reports"), ReportFile: _protection("report_files")}

for _record, _statements in _PROTECTED.items():
    for _dialect, _texts in _statements.items():
        for _text in _texts:
            event.listen(_record.__table__, "after_create", DDL(_text).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]


def protect(connection: Connection) -> None:
    """Let the database refuse any change of signed rows: for migrations, after the tables are made."""
    for statements in _PROTECTED.values():
        for text in statements[connection.dialect.name]:
            connection.exec_driver_sql(text)
