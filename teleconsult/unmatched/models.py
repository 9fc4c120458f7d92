"""What has come without a case. Whether a case holds it now, the cases' own materials say."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class Arrived(Record):
    """A study or lab report that came by itself, and what became of it."""

    __tablename__ = "unmatched"
    __table_args__ = (
        UniqueConstraint("institution_id", "kind", "reference"),
        Index("ix_unmatched_waiting", "institution_id", "state", "arrived_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    kind: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(40))
    arrived_at: Mapped[datetime]
    consult_id: Mapped[str | None] = mapped_column(ForeignKey("consults.id"), index=True)
    how: Mapped[str] = mapped_column(String(40), default="")
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str] = mapped_column(String(64), default="")
