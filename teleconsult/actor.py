"""Who acts, with which permissions. Every use case takes an Actor first; nothing is done by nobody."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

UserId = NewType("UserId", str)
InstitutionId = NewType("InstitutionId", str)
PatientId = NewType("PatientId", str)
ConsultId = NewType("ConsultId", str)


class Permission(StrEnum):
    """What a route or use case may ask for. Roles give them (`access/rules.py`); the case decides the rest."""

    PATIENT_WRITE = "patient.write"
    PATIENT_READ = "patient.read"
    CONSULT_READ = "consult.read"
    CONSULT_CREATE = "consult.create"
    CONSULT_MOVE = "consult.move"
    CONSULT_COORDINATE = "consult.coordinate"
    MESSAGE_WRITE = "message.write"
    MATERIAL_WRITE = "material.write"
    REPORT_WRITE = "report.write"
    REPORT_READ = "report.read"
    FILM_READ = "film.read"
    FILM_STORE = "film.store"
    FILM_DELETE = "film.delete"
    LAB_READ = "lab.read"
    LAB_STORE = "lab.store"
    CALL_JOIN = "call.join"
    ROOM_PUBLISH = "room.publish"
    FOLLOWUP_WRITE = "followup.write"
    FOLLOWUP_READ = "followup.read"
    UNMATCHED_READ = "unmatched.read"
    AUDIT_READ = "audit.read"
    PEOPLE_WRITE = "people.write"
    SETTINGS_WRITE = "settings.write"
    SELF = "self"
    """What every identified person may do about themselves: log out, see /me, change the password."""


class ActorKind(StrEnum):
    """What sort of party acts."""

    STAFF = "staff"
    PATIENT = "patient"
    STATION = "station"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A party and what it may do, fixed for one request.

    Attributes:
        id: User id of staff, patient id of a patient, station id of a machine, a word for the system.
        name: For showing and for the audit row; never a patient's name.
        institution: Where they act for; "" only for the system.
        roles: Texts of `people.state.Role` held there.
        permissions: What the roles give.
        patient: The only patient a patient's actor may see.
        address: Network address of the request, "" inside the house.
        credential: Id of the session, token or link by which they came: revoking it ends them.
    """

    id: str
    name: str
    kind: ActorKind
    institution: InstitutionId
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    patient: PatientId | None = None
    address: str = ""
    credential: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether the permission is held."""
        return permission in self.permissions


SYSTEM = Actor("system", "system", ActorKind.SYSTEM, InstitutionId(""), permissions=frozenset(Permission))
"""The house itself: timers, reactions, the sample hospital's builder."""
