"""What the consults room needs from outside: the archive's word about films and results, who is on duty, reports."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, ConsultId, InstitutionId
from teleconsult.consults.state import Move


@dataclass(frozen=True, slots=True)
class StudyRef:
    """A film study of one institution."""

    institution: InstitutionId
    study_uid: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What consults open to somebody: film studies, and lab reports by id."""

    studies: frozenset[StudyRef] = frozenset()
    labs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StudySummary:
    """What the archive tells of a study.

    Attributes:
        modalities: DICOM modalities in it.
        images: Number of instances that are kept.
    """

    ref: StudyRef
    description: str
    modalities: tuple[str, ...]
    taken_at: datetime | None
    images: int


@dataclass(frozen=True, slots=True)
class LabSummary:
    """What the archive tells of a lab report.

    Attributes:
        institution: Who holds it.
        abnormal: How many of its results are outside of their range.
    """

    id: str
    institution: InstitutionId
    title: str
    taken_at: datetime | None
    results: int
    abnormal: int


class Archive(Protocol):
    """The house of films and lab reports, asked by key; rights were judged before."""

    async def studies(self, refs: Collection[StudyRef]) -> list[StudySummary]:
        """Those of the studies that it holds."""

    async def lab_reports(self, ids: Collection[str]) -> list[LabSummary]:
        """Those of the lab reports that it holds."""


class NoArchive:
    """An archive that holds nothing: a site without films."""

    async def studies(self, refs: Collection[StudyRef]) -> list[StudySummary]:
        """Nothing."""
        return []

    async def lab_reports(self, ids: Collection[str]) -> list[LabSummary]:
        """Nothing."""
        return []


class Roster(Protocol):
    """Who is on duty; asked inside of a transaction, with its session."""

    async def on_duty(
        self, session: AsyncSession, institution: str, department: str | None, kind: str, at: datetime
    ) -> str | None:
        """The specialist on duty for this, or None."""


class NobodyOnDuty:
    """A site that keeps no roster: emergencies wait for the coordinator."""

    async def on_duty(
        self, session: AsyncSession, institution: str, department: str | None, kind: str, at: datetime
    ) -> str | None:
        """Nobody."""
        return None


class Diary(Protocol):
    """Doctors' times beside consults' own sessions; asked inside of a transaction, with its session."""

    async def is_taken(self, session: AsyncSession, doctor: str, starts: datetime, ends: datetime) -> bool:
        """Whether this doctor has something else at this time."""


class EmptyDiary:
    """A site whose doctors have nothing but consults."""

    async def is_taken(self, session: AsyncSession, doctor: str, starts: datetime, ends: datetime) -> bool:
        """Never."""
        return False


class ReportMoves(Protocol):
    """Makes those moves that need more than words: the reports room, when they are asked for at the consult's door."""

    async def make_move(
        self, actor: Actor, consult: ConsultId, move: Move, version: int, *, password: str, reason: str
    ) -> None:
        """Make `submit_for_audit`, `reject_audit`, `sign` or `amend`. Raises what the report's own door raises."""
