"""One line of the roster."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class DutyTurn(Record):
    """Somebody is on duty each week on these days, from a minute of the day to another.

    `days` holds a digit for each day, 1 Monday to 7 Sunday; a turn that ends at or before its start ends the next day.
    """

    __tablename__ = "duty_turns"
    __table_args__ = (Index("ix_duty_turns_institution", "institution_id", "department_id"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    department_id: Mapped[str | None] = mapped_column(ForeignKey("departments.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    days: Mapped[str] = mapped_column(String(7))
    from_minute: Mapped[int]
    to_minute: Mapped[int]
    first_day: Mapped[date]
    last_day: Mapped[date | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(64))
