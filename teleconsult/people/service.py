"""`People`: institutions, departments, users and their roles, and the patients. One transaction a use case."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.audit.trail import Witness, note
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotFound
from teleconsult.events import record
from teleconsult.people import rules
from teleconsult.people.events import RolesChanged
from teleconsult.people.institutions import Institutions
from teleconsult.people.models import Department, Institution, Membership, User
from teleconsult.people.patients import Patients
from teleconsult.people.rights import need, need_at
from teleconsult.people.state import InstitutionKind, Role
from teleconsult.people.views import (
    DepartmentView,
    InstitutionSettings,
    InstitutionView,
    PatientFields,
    PatientView,
    SpecialistView,
    UserFields,
    UserView,
)
from teleconsult.vault import Vault

_MOST = 500


class People:
    """Who there is.

    Args:
        database: Where they are kept.
        vault: Seals patients' fields.
        witness: Notes who reads patients; shared with other rooms so that a reading is one row.
    """

    def __init__(self, database: Database, vault: Vault, witness: Witness | None = None) -> None:
        self._database = database
        self._institutions = Institutions(database)
        self.patients = Patients(database, vault, witness or Witness(database))
        self._names: dict[str, str] = {}
        self._on_change: list[Callable[[str], None]] = []

    def on_change(self, call: Callable[[str], None]) -> None:
        """Be told the id of each user whose roles or state have changed, after the commit."""
        self._on_change.append(call)

    # institutions and departments

    async def add_institution(
        self,
        actor: Actor,
        name: str,
        kind: InstitutionKind,
        parent: str | None = None,
        settings: InstitutionSettings | None = None,
    ) -> InstitutionView:
        """See `Institutions.add`."""
        return await self._institutions.add(actor, name, kind, parent, settings)

    async def change_institution(
        self, actor: Actor, institution: str, settings: InstitutionSettings
    ) -> InstitutionView:
        """See `Institutions.change`."""
        return await self._institutions.change(actor, institution, settings)

    async def institution(self, institution: str) -> InstitutionView:
        """See `Institutions.one`."""
        return await self._institutions.one(institution)

    async def institutions(self) -> list[InstitutionView]:
        """See `Institutions.all_active`."""
        return await self._institutions.all_active()

    async def add_department(self, actor: Actor, institution: str, name: str) -> DepartmentView:
        """See `Institutions.add_department`."""
        return await self._institutions.add_department(actor, institution, name)

    async def departments(self, institution: str | None = None) -> list[DepartmentView]:
        """See `Institutions.departments`."""
        return await self._institutions.departments(institution)

    # users and roles

    async def add_user(self, actor: Actor, fields: UserFields) -> UserView:
        """Take a person in, yet without any role.

        Raises:
            FieldsRefused: The login is taken or not usable.
        """
        need(actor, Permission.PEOPLE_WRITE)
        login = rules.normal_login(fields.login)
        try:
            async with self._database.write(actor) as work:
                if fields.department and await work.session.get(Department, fields.department) is None:
                    raise FieldsRefused({"department": "There is no such department."})
                row = User(
                    id=new_id(),
                    login=login,
                    name=rules.normal_name(fields.name),
                    title=fields.title[:40],
                    department=fields.department,
                    language=fields.language,
                    active=True,
                    created_at=work.at,
                )
                work.session.add(row)
                note(work, "user.add", f"user/{row.id}", detail={"login": login})
        except IntegrityError:
            raise FieldsRefused({"login": "This login name is taken."}) from None
        return _user(row, [])

    async def change_user(self, actor: Actor, user: str, fields: UserFields) -> UserView:
        """Set name, title, department and language of somebody of the actor's own institution; the login stays.

        Raises:
            NotFound: Nobody, or nobody of the actor's institution.
            FieldsRefused: With hints.
        """
        need(actor, Permission.PEOPLE_WRITE)
        name = rules.normal_name(fields.name)
        async with self._database.write(actor) as work:
            row = await work.session.get(User, user)
            places = set(await work.session.scalars(select(Membership.institution).where(Membership.user == user)))
            if row is None or (actor.kind is not ActorKind.SYSTEM and actor.institution not in places):
                raise NotFound
            if fields.department and await work.session.get(Department, fields.department) is None:
                raise FieldsRefused({"department": "There is no such department."})
            row.name, row.title, row.department = name, fields.title[:40], fields.department
            row.language = fields.language
            note(work, "user.change", f"user/{user}")
            self._tell_change(work, user)
        return await self.user(user)

    async def add_membership(self, actor: Actor, user: str, institution: str, role: Role) -> None:
        """Give a role at an institution; having it already is no mistake."""
        need_at(actor, Permission.PEOPLE_WRITE, institution)
        async with self._database.write(actor) as work:
            if await work.session.get(Membership, (user, institution, role)) is not None:
                return
            if await work.session.get(User, user) is None or await work.session.get(Institution, institution) is None:
                raise NotFound
            work.session.add(Membership(user=user, institution=institution, role=role, since=work.at))
            note(work, "membership.add", f"user/{user}", detail={"institution": institution, "role": role})
            self._tell_change(work, user)

    async def end_membership(self, actor: Actor, user: str, institution: str, role: Role) -> None:
        """Take a role away: it counts no more from this moment on."""
        need_at(actor, Permission.PEOPLE_WRITE, institution)
        async with self._database.write(actor) as work:
            row = await work.session.get(Membership, (user, institution, role))
            if row is None:
                raise NotFound
            await work.session.delete(row)
            note(work, "membership.end", f"user/{user}", detail={"institution": institution, "role": role})
            self._tell_change(work, user)

    async def set_active(self, actor: Actor, user: str, *, active: bool) -> None:
        """Close or open a user's account; a closed one is out at once.

        Raises:
            NotFound: Nobody, or nobody of the actor's institution.
        """
        need(actor, Permission.PEOPLE_WRITE)
        async with self._database.write(actor) as work:
            row = await work.session.get(User, user)
            theirs = select(Membership.institution).where(Membership.user == user)
            places = set(await work.session.scalars(theirs))
            if row is None or (actor.kind is not ActorKind.SYSTEM and places != {actor.institution}):
                raise NotFound
            row.active = active
            note(work, "user.open" if active else "user.close", f"user/{user}")
            self._tell_change(work, user)

    async def user(self, user: str) -> UserView:
        """A user with all roles.

        Raises:
            NotFound: Nobody has this id.
        """
        return await self._user_where(User.id == user)

    async def user_by_login(self, login: str) -> UserView:
        """A user by login name.

        Raises:
            NotFound: Nobody has it.
        """
        return await self._user_where(User.login == login.strip().casefold())

    async def users(self, actor: Actor) -> list[UserView]:
        """Everybody with a role at the actor's institution."""
        need(actor, Permission.PEOPLE_WRITE)
        async with self._database.read() as session:
            members = select(Membership).where(Membership.institution == actor.institution)
            roles = list(await session.scalars(members))
            wanted = select(User).where(User.id.in_({row.user for row in roles})).order_by(User.name).limit(_MOST)
            users = list(await session.scalars(wanted))
        return [_user(row, [role for role in roles if role.user == row.id]) for row in users]

    async def specialists(
        self, actor: Actor, institution: str | None = None, department: str | None = None
    ) -> list[SpecialistView]:
        """Who can be asked: all active specialists, or those of an institution or department."""
        need(actor, Permission.SELF)
        wanted = (
            select(User, Department.name, Institution)
            .join(Membership, Membership.user == User.id)
            .join(Institution, Institution.id == Membership.institution)
            .outerjoin(Department, Department.id == User.department)
            .where(Membership.role == Role.SPECIALIST, User.active, Institution.active)
            .order_by(Institution.name, Department.name, User.name)
            .limit(_MOST)
        )
        if institution:
            wanted = wanted.where(Membership.institution == institution)
        if department:
            wanted = wanted.where(User.department == department)
        async with self._database.read() as session:
            rows = (await session.execute(wanted)).all()
        return [
            SpecialistView(user.id, user.name, user.title, user.department, name or "", place.id, place.name)
            for user, name, place in rows
        ]

    async def names(self, ids: Iterable[str]) -> dict[str, str]:
        """Names of users and institutions by id, for lists; kept in memory."""
        wanted = {found for found in ids if found}
        missing = wanted - self._names.keys()
        if missing:
            async with self._database.read() as session:
                for kind in (User, Institution):
                    rows = await session.execute(select(kind.id, kind.name).where(kind.id.in_(missing)))
                    self._names |= {row.id: row.name for row in rows}
        return {found: self._names.get(found, "") for found in wanted}

    async def name_of(self, user: str) -> str:
        """The name of a user or institution, "" for an unknown id."""
        return (await self.names([user])).get(user, "")

    # patients: the words other rooms use

    async def add_patient(self, actor: Actor, fields: PatientFields) -> PatientView:
        """See `Patients.add`."""
        return await self.patients.add(actor, fields)

    async def change_patient(self, actor: Actor, patient: str, version: int, fields: PatientFields) -> PatientView:
        """See `Patients.change`."""
        return await self.patients.change(actor, patient, version, fields)

    async def patient(self, actor: Actor, patient: str) -> PatientView:
        """See `Patients.one`."""
        return await self.patients.one(actor, patient)

    async def find_patients(self, actor: Actor, text: str) -> list[PatientView]:
        """See `Patients.find`."""
        return await self.patients.find(actor, text)

    async def patient_views(self, ids: Iterable[str]) -> dict[str, PatientView]:
        """See `Patients.views`: for rooms that have judged the case themselves."""
        return await self.patients.views(ids)

    async def _user_where(self, condition: Any) -> UserView:
        async with self._database.read() as session:
            row = await session.scalar(select(User).where(condition))
            if row is None:
                raise NotFound
            return _user(row, list(await session.scalars(select(Membership).where(Membership.user == row.id))))

    def _tell_change(self, work: Work, user: str) -> None:
        record(work, RolesChanged(user))
        work.after_commit(lambda: self._changed(user))

    def _changed(self, user: str) -> None:
        self._names.pop(user, None)
        for call in self._on_change:
            call(user)


def _user(row: User, members: list[Membership]) -> UserView:
    roles: dict[str, set[Role]] = {}
    for member in members:
        roles.setdefault(member.institution, set()).add(Role(member.role))
    held = {institution: frozenset(found) for institution, found in roles.items()}
    return UserView(row.id, row.login, row.name, row.title, row.department, row.language, row.active, held)
