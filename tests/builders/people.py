"""Institutions, users, patients and actors in one line each."""

import random
from datetime import date

from teleconsult.access.passwords import Cost, Passwords
from teleconsult.access.rules import PATIENT_PERMISSIONS, permissions_of
from teleconsult.actor import SYSTEM, Actor, ActorKind, InstitutionId, PatientId
from teleconsult.people.service import People
from teleconsult.people.state import InstitutionKind, Role
from teleconsult.people.views import InstitutionSettings, PatientFields, PatientView, UserFields

CHEAP = Cost(memory_kib=64, passes=1)
"""Passwords for tests that are not about their cost."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def cheap_passwords() -> Passwords:
    return Passwords(CHEAP)


def an_id_number(born: date = date(1961, 3, 8), serial: int | None = None, region: str = "411381") -> str:
    """A number that adds up; odd serials are men's."""
    order = random.randint(0, 999) if serial is None else serial
    body = f"{region}{born:%Y%m%d}{order:03d}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(_WEIGHTS, body, strict=True)) % 11]


def an_actor(*roles: Role, institution: str = "village", user: str = "user", name: str = "Wang") -> Actor:
    """Staff without rows in a database; permissions as the roles give them."""
    return Actor(
        id=user,
        name=name,
        kind=ActorKind.STAFF,
        institution=InstitutionId(institution),
        roles=frozenset(roles),
        permissions=permissions_of(roles),
        address="192.0.2.7",
        credential=f"session-of-{user}",
    )


def a_patient_actor(patient: str, institution: str = "village") -> Actor:
    return Actor(
        id=patient,
        name="patient",
        kind=ActorKind.PATIENT,
        institution=InstitutionId(institution),
        permissions=PATIENT_PERMISSIONS,
        patient=PatientId(patient),
        credential=f"link-of-{patient}",
    )


async def an_institution(
    people: People,
    name: str = "柳林镇卫生院",
    kind: InstitutionKind = InstitutionKind.TOWNSHIP,
    **settings: bool,
) -> str:
    """Id of a new institution: `await an_institution(people, "县医院", needs_audit=True)`."""
    made = await people.add_institution(SYSTEM, name, kind, settings=InstitutionSettings(**settings))
    return made.id


async def a_department(people: People, institution: str, name: str = "心内科") -> str:
    return (await people.add_department(SYSTEM, institution, name)).id


async def a_user(people: People, institution: str, *roles: Role, **fields: str) -> Actor:
    """A new user with rows, as the Actor they would be at this institution."""
    given = {"login": f"user{random.getrandbits(48):x}", "name": "李文博", "title": "主治医师", **fields}
    user = await people.add_user(SYSTEM, UserFields(**given))
    for role in roles:
        await people.add_membership(SYSTEM, user.id, institution, role)
    return an_actor(*roles, institution=institution, user=user.id, name=user.name)


async def a_patient(people: People, actor: Actor, name: str = "王秀英", **fields: object) -> PatientView:
    """A new patient of the actor's institution."""
    return await people.add_patient(actor, PatientFields(name=name, **fields))  # type: ignore[arg-type]
