"""What the desk remembers of a person: that they have seen the tour."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class TourSeen(Record):
    """Somebody has ended or put away the tour of the first log-in."""

    __tablename__ = "tours_seen"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    at: Mapped[datetime]
