"""One notice to one person."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class Notification(Record):
    """What one person was told. `occasion` keeps a reaction that runs twice from telling twice."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("user_id", "occasion"),
        Index("ix_notifications_unread", "user_id", "read_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    occasion: Mapped[str] = mapped_column(String(120))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    word: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(String(300))
    fields: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(String(300))
    loud: Mapped[bool]
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
