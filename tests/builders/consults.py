"""A village that asks, a county hospital that answers, real services: `async with a_site(tmp_path) as site:`."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access import models as _access_models  # noqa: F401 - its tables belong to a whole site
from teleconsult.actor import SYSTEM, Actor, InstitutionId
from teleconsult.agreements.service import AgreementFields, Agreements
from teleconsult.audit.trail import Witness
from teleconsult.consults.fields import DraftFields, MoveFields
from teleconsult.consults.ports import LabSummary, StudyRef, StudySummary
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move
from teleconsult.consults.views import ConsultView
from teleconsult.db import Database
from teleconsult.deadlines.rules import Calendar, Policy
from teleconsult.deadlines.service import Deadlines
from teleconsult.notifications.service import Notifications
from teleconsult.people.service import People
from teleconsult.people.state import Role, Sex
from teleconsult.vault import Vault
from tests.builders.clock import FixedClock
from tests.builders.database import a_database, a_vault
from tests.builders.people import a_department, a_patient, a_user, an_institution

CHINA = ZoneInfo("Asia/Shanghai")
QUESTION = "右肺上叶结节的性质？能否在本院穿刺？"


class Shelf:
    """An archive of summaries: satisfies `consults.ports.Archive`."""

    def __init__(self) -> None:
        self.held: dict[StudyRef, StudySummary] = {}
        self.labs: dict[str, LabSummary] = {}

    def add(self, institution: str, study_uid: str, *modalities: str) -> StudyRef:
        ref = StudyRef(InstitutionId(institution), study_uid)
        self.held[ref] = StudySummary(ref, "胸部 CT", modalities or ("CT",), None, 3)
        return ref

    def add_lab(self, institution: str, report: str) -> str:
        self.labs[report] = LabSummary(report, InstitutionId(institution), "血常规", None, 10, 2)
        return report

    async def studies(self, refs: Collection[StudyRef]) -> list[StudySummary]:
        return [self.held[ref] for ref in refs if ref in self.held]

    async def lab_reports(self, ids: Collection[str]) -> list[LabSummary]:
        return [self.labs[found] for found in ids if found in self.labs]


class Duty:
    """A roster with one name on it: satisfies `consults.ports.Roster`."""

    def __init__(self) -> None:
        self.who: str | None = None

    async def on_duty(
        self, session: AsyncSession, institution: str, department: str | None, kind: str, at: datetime
    ) -> str | None:
        return self.who


@dataclass
class Site:
    """Everything a test of consults needs, and the people in it."""

    database: Database
    clock: FixedClock
    vault: Vault
    people: People
    agreements: Agreements
    deadlines: Deadlines
    consults: Consults
    notifications: Notifications
    shelf: Shelf
    duty: Duty
    village: str = ""
    county: str = ""
    city: str = ""
    department: str = ""
    patient: str = ""
    staff: dict[str, Actor] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Actor:
        """`site.doctor`, `site.specialist` … are people."""
        try:
            return self.__dict__["staff"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    def fields(self, **changes: Any) -> DraftFields:
        """A whole request."""
        whole: dict[str, Any] = {
            "patient_id": self.patient,
            "question": QUESTION,
            "history": "咳嗽、痰中带血 2 周。",
            "anticoagulants": "yes",
            "target_institution_id": self.county,
            "consent_how": "paper",
        }
        return DraftFields.model_validate(whole | changes)

    async def draft(self, **changes: Any) -> ConsultView:
        """A draft that could be sent, but for its materials."""
        return await self.consults.draft(self.doctor, self.fields(**changes))

    async def make(self, actor: Actor, consult: ConsultView, move: Move, **needs: Any) -> ConsultView:
        """A move on the newest version, seen by whoever made it (else by the house)."""
        now = await self.consults.view(SYSTEM, consult.id)
        given = MoveFields.model_validate({"move": move, "version": now.version, **needs})
        view = await self.consults.move(actor, consult.id, given)
        return view or await self.consults.view(SYSTEM, consult.id)

    async def submitted(self, **changes: Any) -> ConsultView:
        return await self.make(self.doctor, await self.draft(**changes), Move.SUBMIT, reason="没有影像")

    async def assigned(self, **changes: Any) -> ConsultView:
        consult = await self.submitted(**changes)
        return await self.make(self.coordinator, consult, Move.ASSIGN, specialist_id=self.specialist.id)

    async def accepted(self, **changes: Any) -> ConsultView:
        return await self.make(self.specialist, await self.assigned(**changes), Move.ACCEPT)

    async def delivered(self, **changes: Any) -> ConsultView:
        consult = await self.accepted(**changes)
        async with self.database.write(self.specialist) as work:
            await self.consults.may_write(work, consult.id)
        async with self.database.write(self.specialist) as work:
            await self.consults.record_report(work, consult.id, None, 1)
        return await self.consults.view(self.specialist, consult.id)


@asynccontextmanager
async def a_site(folder: Path, **settings: bool) -> AsyncIterator[Site]:
    """A site with two institutions under an agreement and a third that has none with the village.

    Args:
        folder: For the database.
        settings: Of both institutions: `needs_approval=True`.
    """
    clock, vault = FixedClock(), a_vault()
    async with a_database(folder, clock) as database:
        people = People(database, vault)
        agreements = Agreements(database, vault, CHINA)
        deadlines = Deadlines(database, Policy(Calendar(CHINA)))
        shelf, duty = Shelf(), Duty()
        consults = Consults(
            database,
            vault,
            agreements,
            deadlines,
            zone=CHINA,
            archive=shelf,
            roster=duty,
            witness=Witness(database),
        )
        site = Site(
            database,
            clock,
            vault,
            people,
            agreements,
            deadlines,
            consults,
            Notifications(database),
            shelf,
            duty,
        )
        await _populate(site, settings)
        yield site


async def _populate(site: Site, settings: dict[str, bool]) -> None:
    people = site.people
    site.village = await an_institution(people, "石渡镇卫生院", **settings)
    site.county = await an_institution(people, "临澜县人民医院", **settings)
    site.city = await an_institution(people, "市中心医院")
    site.department = await a_department(people, site.county, "呼吸科")
    who = {
        "doctor": (site.village, Role.REQUESTER),
        "colleague": (site.village, Role.REQUESTER),
        "approver": (site.village, Role.APPROVER),
        "village_coordinator": (site.village, Role.COORDINATOR),
        "village_auditor": (site.village, Role.AUDITOR),
        "administrator": (site.village, Role.ADMINISTRATOR),
        "coordinator": (site.county, Role.COORDINATOR),
        "specialist": (site.county, Role.SPECIALIST),
        "second": (site.county, Role.SPECIALIST),
        "third": (site.county, Role.SPECIALIST),
        "auditor": (site.county, Role.AUDITOR),
        "city_coordinator": (site.city, Role.COORDINATOR),
        "city_specialist": (site.city, Role.SPECIALIST),
    }
    for name, (institution, role) in who.items():
        site.staff[name] = await a_user(
            people,
            institution,
            role,
            name=name,
            **({"department": site.department} if name in {"specialist", "second"} else {}),
        )
    patient = await a_patient(
        people, site.doctor, "周启明", sex=Sex.MALE, birth_date=date(1959, 3, 8), allergies="青霉素"
    )
    site.patient = patient.id
    for inviting, invited in ((site.village, site.county), (site.county, site.city)):
        await site.agreements.add_agreement(
            SYSTEM, AgreementFields(inviting, invited, "远程会诊协议", date(2026, 1, 1), fee_fen=5000)
        )
