"""What followups need from outside: a doctor's times."""

from datetime import datetime
from typing import Protocol

from teleconsult.db import Work


class Diary(Protocol):
    """Books times inside the caller's transaction. Scheduling implements it."""

    async def book(
        self, work: Work, subject: str, doctor: str, starts_at: datetime, ends_at: datetime | None
    ) -> tuple[datetime, datetime]:
        """Take a time, giving back what the subject had before. Raises FieldsRefused: taken, or not bookable."""

    async def free(self, work: Work, subject: str) -> None:
        """Give the subject's time back."""
