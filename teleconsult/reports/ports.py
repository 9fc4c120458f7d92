"""What this room needs from elsewhere: pictures of films, printed results, the password again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from teleconsult.actor import Actor
from teleconsult.errors import NotFound
from teleconsult.reports.sheet import LabPanel


@dataclass(frozen=True, slots=True)
class Window:
    """Brightness of a picture, in the film's output units (HU for CT)."""

    center: float
    width: float


class KeyImages(Protocol):
    """Makes pictures of films."""

    async def picture(
        self,
        actor: Actor,
        study_uid: str,
        series_uid: str,
        instance_uid: str,
        frame: int,
        window: Window | None,
    ) -> bytes:
        """One frame as PNG or JPEG, as the actor may see it.

        Args:
            actor: Who will look at it.
            study_uid: The film's study.
            series_uid: The film's series.
            instance_uid: The film.
            frame: Counted from 1.
            window: None: the film's own.

        Raises:
            NotFound: Not there, or not for this actor.
        """


class NoFilms:
    """A site without an archive: no key image can be chosen."""

    async def picture(
        self,
        actor: Actor,
        study_uid: str,
        series_uid: str,
        instance_uid: str,
        frame: int,
        window: Window | None,
    ) -> bytes:
        """Nothing is there."""
        raise NotFound


class LabTables(Protocol):
    """Gives results in the form they are printed in."""

    async def panels(self, actor: Actor, consult: str, reports: Sequence[str]) -> list[LabPanel]:
        """The tables of those of a consult's lab reports that are named; unknown ids are left out."""


class NoLabs:
    """A site without lab reports."""

    async def panels(self, actor: Actor, consult: str, reports: Sequence[str]) -> list[LabPanel]:
        """None."""
        return []


class Passwords(Protocol):
    """Asks for the password once more. The access room is one."""

    async def check_password(self, actor: Actor, password: str) -> None:
        """Returns when it is right.

        Raises:
            Refused: It is not, or too often tried.
        """
