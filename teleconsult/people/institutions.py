"""The institutions' side of `People`: who takes part, how they work, their departments."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.audit.trail import note
from teleconsult.db import Database, new_id
from teleconsult.errors import Conflict, NotAllowed, NotFound
from teleconsult.people import rules
from teleconsult.people.models import Department, Institution
from teleconsult.people.rights import need_at
from teleconsult.people.state import InstitutionKind
from teleconsult.people.views import DepartmentView, InstitutionSettings, InstitutionView

_MOST = 500


class Institutions:
    """The tables of institutions and departments.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        actor: Actor,
        name: str,
        kind: InstitutionKind,
        parent: str | None = None,
        settings: InstitutionSettings | None = None,
    ) -> InstitutionView:
        """Take an institution in; only the house itself or a bureau's administrator may."""
        if actor.kind is not ActorKind.SYSTEM:
            raise NotAllowed
        async with self._database.write(actor) as work:
            row = Institution(id=new_id(), name=rules.normal_name(name), kind=kind, parent=parent, created_at=work.at)
            row.settings = asdict(settings or InstitutionSettings())
            work.session.add(row)
            note(work, "institution.add", f"institution/{row.id}")
        return _institution(row)

    async def change(self, actor: Actor, institution: str, settings: InstitutionSettings) -> InstitutionView:
        """Set how an institution works."""
        need_at(actor, Permission.SETTINGS_WRITE, institution)
        async with self._database.write(actor) as work:
            row = await work.session.get(Institution, institution)
            if row is None:
                raise NotFound
            row.settings = asdict(settings)
            note(work, "institution.change", f"institution/{row.id}", detail=_texts(row.settings))
        return _institution(row)

    async def one(self, institution: str) -> InstitutionView:
        """An institution; names of institutions are no secret.

        Raises:
            NotFound: There is none with this id.
        """
        async with self._database.read() as session:
            row = await session.get(Institution, institution)
        if row is None:
            raise NotFound
        return _institution(row)

    async def all_active(self) -> list[InstitutionView]:
        """All that take part, by name."""
        wanted = select(Institution).where(Institution.active).order_by(Institution.name).limit(_MOST)
        async with self._database.read() as session:
            return [_institution(row) for row in await session.scalars(wanted)]

    async def add_department(self, actor: Actor, institution: str, name: str) -> DepartmentView:
        """Add a department.

        Raises:
            Conflict: It has one of this name.
        """
        need_at(actor, Permission.SETTINGS_WRITE, institution)
        try:
            async with self._database.write(actor) as work:
                row = Department(id=new_id(), institution=institution, name=rules.normal_name(name))
                work.session.add(row)
                note(work, "department.add", f"department/{row.id}")
        except IntegrityError:
            raise Conflict("There is a department of this name.", code="department_exists") from None
        return DepartmentView(row.id, row.institution, row.name)

    async def departments(self, institution: str | None = None) -> list[DepartmentView]:
        """The departments of one institution, or of all."""
        wanted = select(Department).order_by(Department.name).limit(_MOST)
        if institution:
            wanted = wanted.where(Department.institution == institution)
        async with self._database.read() as session:
            return [DepartmentView(row.id, row.institution, row.name) for row in await session.scalars(wanted)]


def _institution(row: Institution) -> InstitutionView:
    known = InstitutionSettings.__dataclass_fields__
    settings = InstitutionSettings(**{name: value for name, value in row.settings.items() if name in known})
    return InstitutionView(row.id, row.name, InstitutionKind(row.kind), row.parent, settings)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}
