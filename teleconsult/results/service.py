"""The room's use cases: typing a lab report for a consult, reading a consult's results, noting critical ones."""

from dataclasses import dataclass
from datetime import datetime

from teleconsult import events
from teleconsult.actor import SYSTEM, Actor, Permission
from teleconsult.audit import trail
from teleconsult.audit.trail import Witness
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.models import Material
from teleconsult.consults.service import Consults
from teleconsult.db import Database
from teleconsult.errors import FieldsRefused, NotAllowed
from teleconsult.results.events import CriticalValue
from teleconsult.results.models import CriticalNotice
from teleconsult.results.ports import Analyte, LabStore, NewReport, NewResult
from teleconsult.results.rules import Table, coded, tables


@dataclass(frozen=True, slots=True)
class LabFields:
    """A report as it was typed; whose it is, the consult says."""

    title: str
    results: tuple[NewResult, ...]
    specimen: str = ""
    collected_at: datetime | None = None
    reported_at: datetime | None = None
    laboratory: str = ""
    comment: str = ""


class Results:
    """Lab results of consults.

    Args:
        database: The clinic's.
        consults: The cases.
        store: The archive of lab reports.
        witness: Notes who reads; shared with other rooms.
    """

    def __init__(self, database: Database, consults: Consults, store: LabStore, witness: Witness | None = None) -> None:
        self._database = database
        self._consults = consults
        self._store = store
        self._witness = witness or Witness(database)

    async def add(self, actor: Actor, consult_id: str, fields: LabFields) -> str:
        """Keep a typed report and put it on the consult. Returns its id.

        Raises:
            NotFound: The consult is not there, or not for this actor.
            NotAllowed: They may not add to it now.
            FieldsRefused: A field is missing.
            Refused: The archive cannot keep it; says which field.
        """
        view = await self._consults.view(actor, consult_id)
        if not actor.may(Permission.LAB_STORE) or not await self._consults.may_attach(actor, consult_id):
            raise NotAllowed
        if view.patient is None:
            raise FieldsRefused({"patient": "Please choose the patient of this consult first."})
        _refuse_empty(fields, self._database.clock.now())
        analytes = self._store.analytes()
        born = view.patient.birth_date
        report = NewReport(
            patient_name=view.patient.name,
            patient_number=view.patient.id,
            sex=view.patient.sex,
            birth_date=born.isoformat() if born else "",
            title=fields.title,
            results=tuple(coded(each, analytes) for each in fields.results),
            reference=consult_id,
            specimen=fields.specimen,
            collected_at=fields.collected_at,
            reported_at=fields.reported_at,
            laboratory=fields.laboratory or view.institution.name,
            comment=fields.comment,
        )
        # Two houses, two transactions: if the second never comes, the arrival's reference leads the report here.
        number = await self._store.add(actor, report)
        await self._consults.attach(actor, consult_id, lab_report_id=number)
        await self.note_critical(consult_id, number)
        return number

    async def tables_of(self, actor: Actor, consult_id: str) -> tuple[Table, ...]:
        """A consult's lab reports, the newest first; the reading is noted.

        Raises:
            NotFound: Not there, or not for this actor.
        """
        view = await self._consults.view(actor, consult_id)
        materials = await self._consults.materials(actor, consult_id)
        ids = [each.reference for each in materials if each.kind == MaterialKind.LAB_REPORT]
        if not ids:
            return ()
        patient = view.patient.id if view.patient else ""
        await self._witness.read(actor, "lab.read", f"consults/{consult_id}", patient)
        return tables(await self._store.read(ids), self._store.analytes())

    async def note_critical(self, consult_id: str, lab_report_id: str) -> bool:
        """Tell once that a report of a consult holds critical values. Returns whether it was told now.

        For reports that arrive by machine, the bridge calls this after it has linked them.
        """
        found = await self._store.read([lab_report_id])
        critical = sum(result.critical for report in found for result in report.results)
        if not critical:
            return False
        async with self._database.write(SYSTEM) as work:
            if await work.session.get(CriticalNotice, (lab_report_id, consult_id)) is not None:
                return False
            notice = CriticalNotice(
                lab_report_id=lab_report_id, consult_id=consult_id, results=critical, noted_at=work.at
            )
            work.session.add(notice)
            trail.note(work, "lab.critical", f"consults/{consult_id}", detail={"lab_report": lab_report_id})
            events.record(work, CriticalValue(consult_id, lab_report_id, critical))
        return True

    async def note_critical_of(self, material: str) -> bool:
        """The same for a material of a consult, by its id; one that was taken off meanwhile tells nothing."""
        async with self._database.read() as session:
            row = await session.get(Material, material)
        return row is not None and await self.note_critical(row.consult_id, row.reference)

    def analytes(self) -> tuple[Analyte, ...]:
        """What is commonly measured, for the form."""
        return self._store.analytes()


def _refuse_empty(fields: LabFields, now: datetime) -> None:
    wrong: dict[str, str] = {}
    if not fields.results:
        wrong["results"] = "Please give at least one result."
    for place, each in enumerate(fields.results):
        if not each.name.strip():
            wrong[f"results.{place}.name"] = "Please write what was measured."
        if not each.value.strip():
            wrong[f"results.{place}.value"] = "Please write the result."
    if fields.collected_at is not None and fields.collected_at > now:
        wrong["collected_at"] = "This time has not come yet."
    if wrong:
        raise FieldsRefused(wrong)
