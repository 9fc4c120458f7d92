"""Whose page it is: the facts of the patient banner that stands on every clinical page. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


class Known(Protocol):
    """What is known of a patient, in whatever room's view."""

    @property
    def id(self) -> str:
        """The record."""

    @property
    def name(self) -> str:
        """Family name first."""

    @property
    def sex(self) -> str:
        """`people.state.Sex`."""

    @property
    def birth_date(self) -> date | None:
        """None while nobody knows."""

    @property
    def id_number_last4(self) -> str:
        """Never more of it."""

    @property
    def allergies(self) -> str | None:
        """None: not asked yet; "": none known."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old somebody is: full years, the months beyond them, and days for the newly born."""

    years: int
    months: int
    days: int


@dataclass(frozen=True, slots=True)
class Banner:
    """What the banner shows.

    Attributes:
        no_allergies: Somebody asked, and there are none.
        warnings: Other things nobody may overlook.
    """

    id: str
    name: str
    sex: str
    age: Age | None
    birth_date: date | None
    id_number_last4: str
    allergies: str
    no_allergies: bool = False
    warnings: Sequence[str] = ()


def age(born: date | None, today: date) -> Age | None:
    """How old somebody is; None while nobody knows the date of birth or it lies ahead."""
    if born is None or born > today:
        return None
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    return Age(months // 12, months % 12, (today - born).days if months == 0 else 0)


def banner(patient: Known, today: date) -> Banner:
    """The banner of a patient on a day."""
    return Banner(
        patient.id,
        patient.name,
        patient.sex,
        age(patient.birth_date, today),
        patient.birth_date,
        patient.id_number_last4,
        patient.allergies or "",
        no_allergies=patient.allergies == "",
    )
