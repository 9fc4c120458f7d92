"""A site with two hospitals and a consult on its way, through the real services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from teleconsult.actor import SYSTEM, Actor
from teleconsult.agreements.service import AgreementFields, Agreements
from teleconsult.agreements.state import ConsentHow
from teleconsult.audit.trail import Witness
from teleconsult.consults.fields import ConsentBody, DraftFields, MoveFields
from teleconsult.consults.ports import Archive
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Kind, Mode, Move
from teleconsult.consults.views import ConsultView
from teleconsult.db import Database
from teleconsult.deadlines.rules import Calendar, Policy
from teleconsult.deadlines.service import Deadlines
from teleconsult.errors import FieldsRefused, NotFound
from teleconsult.people.service import People
from teleconsult.people.state import InstitutionKind, Role, Sex
from teleconsult.people.views import PatientView
from teleconsult.reports.ports import Window
from teleconsult.reports.press import Press
from teleconsult.reports.release import Site
from teleconsult.reports.service import Films, Reports, Tools
from teleconsult.reports.signing import open_signer
from tests.builders.clock import FixedClock
from tests.builders.database import a_database, a_vault
from tests.builders.opinions import film
from tests.builders.people import a_department, a_patient, a_user, an_institution

ZONE = ZoneInfo("Asia/Shanghai")
PASSWORD = "correct horse battery staple"


class OnePassword:
    """Satisfies `reports.ports.Passwords`."""

    async def check_password(self, actor: Actor, password: str) -> None:
        if password != PASSWORD:
            raise FieldsRefused({"password": "The password is wrong."})


class Lightbox:
    """Satisfies `reports.ports.KeyImages`: every film is the same wedge but those that were taken away."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Window | None]] = []
        self.gone: set[str] = set()

    async def picture(
        self, actor: Actor, study_uid: str, series_uid: str, instance_uid: str, frame: int, window: Window | None
    ) -> bytes:
        if instance_uid in self.gone:
            raise NotFound
        self.asked.append((instance_uid, frame, window))
        return film()


@dataclass(slots=True)
class House:
    """What a test of the upper rooms needs."""

    database: Database
    clock: FixedClock
    people: People
    consults: Consults
    reports: Reports
    films: Lightbox
    witness: Witness
    folder: Path
    village: str
    hospital: str
    requester: Actor
    coordinator: Actor
    specialist: Actor
    colleague: Actor
    auditor: Actor
    outsider: Actor
    patient: PatientView

    async def move(self, actor: Actor, consult: str, move: Move, **needs: object) -> ConsultView | None:
        """One move over the version that is there."""
        version = (await self.consults.view(actor, consult)).version
        return await self.consults.move(actor, consult, MoveFields(move=move, version=version, **needs))  # type: ignore[arg-type]

    async def accepted(self, *, kind: Kind = Kind.IMAGING, mode: Mode = Mode.ASYNCHRONOUS) -> str:
        """A consult that the specialist has accepted. Returns its id."""
        fields = DraftFields(
            patient_id=self.patient.id,
            kind=kind,
            mode=mode,
            question="右肺结节性质？是否可在本院穿刺？",
            history="咳嗽、痰中带血两周。吸烟 40 年。",
            target_institution_id=self.hospital,
        )
        drafted = await self.consults.draft(self.requester, fields)
        consent = ConsentBody(how=next(iter(ConsentHow)), name="周启明")
        await self.move(self.requester, drafted.id, Move.SUBMIT, consent=consent, reason="急需意见")
        await self.move(self.coordinator, drafted.id, Move.ASSIGN, specialist_id=self.specialist.id)
        await self.move(self.specialist, drafted.id, Move.ACCEPT)
        return drafted.id


@asynccontextmanager
async def a_house(folder: Path, *, needs_audit: bool = False, archive: Archive | None = None) -> AsyncIterator[House]:
    """Two hospitals under an agreement, one more that has no part in anything, and a patient."""
    clock = FixedClock()
    vault = a_vault()
    async with a_database(folder, clock) as database:
        people = People(database, vault)
        village = await an_institution(people, "石渡镇卫生院")
        hospital = await an_institution(people, "临澜市第一人民医院", InstitutionKind.CITY, needs_audit=needs_audit)
        far = await an_institution(people, "远山镇卫生院")
        department = await a_department(people, hospital, "放射科")
        agreements = Agreements(database, vault, ZONE)
        await agreements.add_agreement(SYSTEM, AgreementFields(village, hospital, "远程会诊协议", date(2026, 1, 1)))
        witness = Witness(database)
        consults = Consults(
            database,
            vault,
            agreements,
            Deadlines(database, Policy(Calendar(ZONE))),
            zone=ZONE,
            witness=witness,
            archive=archive,
        )
        films = Lightbox()
        signer = open_signer(folder / "signing", vault, clock, "临澜会诊中心")
        tools = Tools(vault, Press(), signer, Site("http://127.0.0.1:8080", "Asia/Shanghai"), witness)
        reports = Reports(database, consults, people, OnePassword(), tools, Films(films))
        consults.let_reports_move(reports)
        requester = await a_user(people, village, Role.REQUESTER, name="李文")
        patient = await a_patient(people, requester, "周𠮷明", sex=Sex.MALE, birth_date=date(1959, 3, 8))
        yield House(
            database=database,
            clock=clock,
            people=people,
            consults=consults,
            reports=reports,
            films=films,
            witness=witness,
            folder=folder,
            village=village,
            hospital=hospital,
            requester=requester,
            coordinator=await a_user(people, hospital, Role.COORDINATOR, name="调度员"),
            specialist=await a_user(
                people, hospital, Role.SPECIALIST, name="沈若川", title="主任医师", department=department
            ),
            colleague=await a_user(people, hospital, Role.SPECIALIST, name="周静安", title="副主任医师"),
            auditor=await a_user(people, hospital, Role.AUDITOR, name="顾行之", title="主任医师"),
            outsider=await a_user(people, far, Role.REQUESTER, Role.SPECIALIST, name="外人"),
            patient=patient,
        )


OPINION: dict[str, object] = {
    "findings": "右肺上叶后段见软组织密度结节，约 22 mm × 18 mm。",
    "opinion": "周围型肺癌可能性大。",
    "suggestion": "转上级医院评估。",
}
