"""What leaves the room."""

from dataclasses import dataclass
from datetime import datetime

from teleconsult.followups.state import VisitState


@dataclass(frozen=True, slots=True)
class Named:
    """An id with its name and title."""

    id: str
    name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class MoveOffer:
    """What may be done now, and the fields it needs."""

    move: str
    needs: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class VisitView:
    """A visit as the staff see it."""

    id: str
    consult: str
    state: VisitState
    version: int
    doctor: Named
    booked_by: Named
    starts_at: datetime
    ends_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    reason: str
    note_to_patient: str
    note: str
    said: str
    next_step: str
    because: str
    moves: tuple[MoveOffer, ...]


@dataclass(frozen=True, slots=True)
class Booked:
    """A new visit, with the patient's link.

    Attributes:
        link: Path of this site, `/p/…`; nobody can show it again.
    """

    visit: VisitView
    link: str


@dataclass(frozen=True, slots=True)
class PatientVisit:
    """A visit as its patient sees it: nothing of the doctor's own note."""

    id: str
    consult: str
    institution: str
    state: VisitState
    doctor: Named
    doctor_institution: str
    department: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    note_to_patient: str
    said: str
    next_step: str
    because: str
