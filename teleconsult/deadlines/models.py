"""One running clock per subject; a restart finds it where it was."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class Timer(Record):
    """When somebody must next be told about a subject.

    `step` counts what was told: 0 nothing yet, 1 the warning, 2 the deadline, 3 and on the chain after it.
    `next_at` is None when all was told.
    """

    __tablename__ = "timers"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    word: Mapped[str] = mapped_column(String(40))
    due_at: Mapped[datetime]
    warn_at: Mapped[datetime]
    later: Mapped[str] = mapped_column(String(200))
    """Seconds after `due_at` of the chain's further steps, separated by commas."""
    step: Mapped[int]
    next_at: Mapped[datetime | None] = mapped_column(index=True)
