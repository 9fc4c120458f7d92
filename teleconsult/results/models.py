"""What the clinic itself keeps of results: that a critical one was noted, so that it is told once."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class CriticalNotice(Record):
    """A lab report with critical values that belongs to a consult."""

    __tablename__ = "critical_notices"

    lab_report_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"), primary_key=True)
    results: Mapped[int]
    noted_at: Mapped[datetime]
