"""Whose an arrival may be. Pure.

Two patients must never be mixed: a number alone proves nothing (machines are typed on in a hurry), so that without a
person only number and name together match, and only where nothing speaks against it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from teleconsult.people.rules import same_name
from teleconsult.people.state import Sex
from teleconsult.unmatched.ports import Identity

_NUMBER, _NAME, _BORN = 4, 3, 2
ENOUGH = 2
"""From here on a case is worth proposing."""


class Person(Protocol):
    """What is compared of a patient."""

    @property
    def name(self) -> str:
        """As in the papers."""

    @property
    def record_number(self) -> str:
        """The institution's number."""

    @property
    def birth_date(self) -> date | None:
        """If it is known."""

    @property
    def sex(self) -> Sex:
        """Administrative sex."""


def likeness(found: Identity, person: Person) -> int:
    """How well an arrival fits a patient: 0 for not at all, and where birth date or sex speak against it."""
    if contradicts(found, person):
        return 0
    score = _NUMBER if _same_number(found, person) else 0
    score += _NAME if _same_name(found, person) else 0
    return score + (_BORN if person.birth_date and found.birth_date == person.birth_date.isoformat() else 0)


def is_certain(found: Identity, person: Person) -> bool:
    """Whether no person needs to look: number and name fit, and nothing speaks against it."""
    return _same_number(found, person) and _same_name(found, person) and not contradicts(found, person)


def contradicts(found: Identity, person: Person) -> bool:
    """Whether birth date or sex say that it is somebody else."""
    born = person.birth_date.isoformat() if person.birth_date else ""
    if born and found.birth_date and not born.startswith(found.birth_date):
        return True
    known = {Sex.MALE, Sex.FEMALE}
    return person.sex in known and found.sex in known and person.sex != found.sex


def differs(found: Identity, person: Person) -> Sequence[str]:
    """What a person should look at twice before matching: words `name`, `number`, `born`, `sex`."""
    words = []
    if not _same_name(found, person):
        words.append("name")
    if found.number and person.record_number and not _same_number(found, person):
        words.append("number")
    born = person.birth_date.isoformat() if person.birth_date else ""
    if born and found.birth_date and not born.startswith(found.birth_date):
        words.append("born")
    known = {Sex.MALE, Sex.FEMALE}
    if person.sex in known and found.sex in known and person.sex != found.sex:
        words.append("sex")
    return words


def _same_number(found: Identity, person: Person) -> bool:
    return bool(found.number) and found.number.strip() == person.record_number.strip()


def _same_name(found: Identity, person: Person) -> bool:
    return any(same_name(person.name, name) for name in found.names)
