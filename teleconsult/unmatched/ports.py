"""What the room needs from outside: whose name stands in what arrived."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from teleconsult.consults.fields import MaterialKind


@dataclass(frozen=True, slots=True)
class Holding:
    """A study or lab report of an institution, by key."""

    institution: str
    kind: MaterialKind
    reference: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What the sender says of the patient and of the thing; nobody has checked it.

    Attributes:
        names: Each writing of the patient's name, the one to show first.
        number: The institution's number of the patient.
        birth_date: `YYYY-MM-DD`, as exact as it was sent.
        sex: Word of `people.state.Sex`, "" where it is not said.
        title: What it is.
        count: Images, or results.
        modalities: Of films.
        corrects: Id of the lab report that this one replaces.
    """

    names: tuple[str, ...] = ()
    number: str = ""
    birth_date: str = ""
    sex: str = ""
    title: str = ""
    taken_at: datetime | None = None
    count: int = 0
    modalities: tuple[str, ...] = ()
    corrects: str = ""


class Holdings(Protocol):
    """The archive; rights were judged before."""

    async def identities(self, wanted: Collection[Holding]) -> dict[Holding, Identity]:
        """Of those that it holds."""
