"""Names, patients and memberships by id, read in the caller's session: nested sessions could starve each other."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.consults.views import Named
from teleconsult.people import sealing
from teleconsult.people.models import Department, Institution, Membership, Patient, User
from teleconsult.people.state import Role
from teleconsult.people.views import PatientView
from teleconsult.vault import Vault


class Names:
    """Names of users, institutions and departments that a view mentions."""

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known

    def named(self, found: str) -> Named:
        """An id with its name; "" for one that is no longer known."""
        return Named(found, self._known.get(found, ""))

    def maybe(self, found: str | None) -> Named | None:
        """The same, or None for None."""
        return None if found is None else self.named(found)


async def names_of(session: AsyncSession, ids: Iterable[str | None]) -> Names:
    """Look up all names at once."""
    wanted = {found for found in ids if found}
    known: dict[str, str] = {}
    if wanted:
        for kind in (User, Institution, Department):
            known |= {
                row.id: row.name for row in await session.execute(select(kind.id, kind.name).where(kind.id.in_(wanted)))
            }
    return Names(known)


async def cards_of(session: AsyncSession, vault: Vault, ids: Iterable[str | None]) -> dict[str, PatientView]:
    """Patients by id; the caller has judged who may see them and notes it."""
    wanted = {found for found in ids if found}
    if not wanted:
        return {}
    rows = await session.scalars(select(Patient).where(Patient.id.in_(wanted)))
    return {row.id: sealing.view(row, vault) for row in rows}


async def card_of(session: AsyncSession, vault: Vault, patient: str | None) -> PatientView | None:
    """One patient, or None."""
    return (await cards_of(session, vault, [patient])).get(patient or "")


async def holders_of(
    session: AsyncSession, institution: str | None, role: Role, department: str | None = None
) -> frozenset[str]:
    """Ids of all active users with a role at an institution (and in a department), at most 500."""
    if institution is None:
        return frozenset()
    held: list[ColumnElement[bool]] = [
        Membership.institution == institution,
        Membership.role == role,
        User.active.is_(True),
    ]
    if department is not None:
        held.append(User.department == department)
    rows = await session.scalars(select(User.id).join(Membership, Membership.user == User.id).where(*held).limit(500))
    return frozenset(rows)


async def holds(session: AsyncSession, user: str, institution: str | None, role: Role) -> bool:
    """Whether an active user has a role at an institution."""
    if institution is None:
        return False
    found = await session.scalar(
        select(User.id)
        .join(Membership, Membership.user == User.id)
        .where(User.id == user, User.active, Membership.institution == institution, Membership.role == role)
    )
    return found is not None
