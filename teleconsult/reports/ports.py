"""What this room needs from elsewhere: pictures of films, printed results, the password again, the consult's moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from teleconsult.actor import Actor
from teleconsult.consults.views import ConsultView
from teleconsult.db import Work
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


class Cases(Protocol):
    """The consults, as far as an opinion needs them. The consults room is one."""

    async def view(self, actor: Actor, consult_id: str) -> ConsultView:
        """The case as the actor may see it.

        Raises:
            NotFound: Not there, or not for this actor.
        """

    async def may_write(self, work: Work, consult_id: str) -> object:
        """Refuse who may not write the opinion now; an accepted case begins to be reported.

        Raises:
            StepRefused: It is not theirs to write, or not the time.
        """

    async def send_to_audit(self, work: Work, consult_id: str, version: int | None) -> object:
        """Make the move in this transaction.

        Raises:
            StepRefused: It is not allowed to this actor now.
            Stale: `version` is given and not the consult's.
        """

    async def refuse_audit(self, work: Work, consult_id: str, version: int | None, reason: str) -> object:
        """As `send_to_audit`: the draft goes back to its author."""

    async def record_report(self, work: Work, consult_id: str, version: int | None, report_version: int) -> object:
        """As `send_to_audit`: signed, and delivered at once."""

    async def record_amendment(
        self, work: Work, consult_id: str, version: int | None, report_version: int, reason: str
    ) -> object:
        """As `send_to_audit`: a newer version is signed."""
