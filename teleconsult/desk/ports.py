"""What the desk needs from outside: which series a study has, who is on duty."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from teleconsult.actor import Actor
from teleconsult.consults.ports import StudyRef
from teleconsult.desk.views import OnDuty


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """One series of a study, as its thumbnail says it."""

    study: StudyRef
    series_uid: str
    description: str
    modality: str
    images: int


class Films(Protocol):
    """The archive of films; rights were judged before."""

    async def series(self, studies: Collection[StudyRef]) -> Sequence[SeriesSummary]:
        """The series of these studies, by number."""


class NoSeries:
    """A site whose archive lists no series: each study shows one thumbnail."""

    async def series(self, studies: Collection[StudyRef]) -> Sequence[SeriesSummary]:
        """None."""
        return ()


class Duty(Protocol):
    """The duty roster."""

    async def now(self, actor: Actor, at: datetime) -> Sequence[OnDuty]:
        """Who is on duty at a moment, as far as the actor may ask them."""
