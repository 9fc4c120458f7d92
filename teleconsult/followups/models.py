"""What is kept of a visit. Its texts are sealed with the row."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record

_ID = String(64)


class Visit(Record):
    """One follow-up of a consult's patient.

    Attributes:
        institution_id: Of the patient: whose telephone stands on their page.
        doctor_id: Whose time is taken.
        texts: What people wrote, sealed: see `sealing.Texts`.
    """

    __tablename__ = "visits"
    __table_args__ = (
        Index("ix_visits_consult", "consult_id", "starts_at"),
        Index("ix_visits_patient", "patient_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    consult_id: Mapped[str] = mapped_column(ForeignKey("consults.id"))
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id"))
    institution_id: Mapped[str] = mapped_column(ForeignKey("institutions.id"))
    doctor_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    booked_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    booked_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    texts: Mapped[bytes] = mapped_column(LargeBinary)
