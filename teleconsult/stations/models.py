"""The registered machines."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class Station(Record):
    """A machine. The same name may call from two networks: each is a machine of its own."""

    __tablename__ = "stations"
    __table_args__ = (UniqueConstraint("name", "network"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"), index=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    network: Mapped[str] = mapped_column(String(64))
    port: Mapped[int | None]
    label: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(64))
    last_seen_at: Mapped[datetime | None]
