"""The patients' side of `People`: keeping, finding, changing. Each use case is one transaction."""

from collections.abc import Collection, Iterable
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.audit.trail import Witness, note
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import Conflict, FieldsRefused, NotAllowed, NotFound, Stale
from teleconsult.people import rules, sealing
from teleconsult.people.models import Patient, PatientNameGram
from teleconsult.people.rights import need
from teleconsult.people.views import PatientFields, PatientView
from teleconsult.vault import Vault

_KeyColumn = InstrumentedAttribute[bytes | None]

_MOST_FOUND = 50
_MOST_CANDIDATES = 300
_CHINA = ZoneInfo("Asia/Shanghai")  # identity numbers are born there, whatever the server's zone


class PatientExists(Conflict):
    """The institution already keeps a patient with this identity number.

    Attributes:
        patient: Its id, to be offered.
    """

    code = "patient_exists"

    def __init__(self, patient: str) -> None:
        self.patient = patient
        self.told = {"patient": patient}
        super().__init__("A patient with this identity number is already here. Open that one instead.")


class Patients:
    """Patients of institutions.

    Args:
        database: Where they are kept.
        vault: Seals their fields.
        witness: Notes who reads.
    """

    def __init__(self, database: Database, vault: Vault, witness: Witness) -> None:
        self._database = database
        self._vault = vault
        self._witness = witness

    async def add(self, actor: Actor, fields: PatientFields) -> PatientView:
        """Keep a new patient of the actor's institution.

        Raises:
            FieldsRefused: With the hint for each wrong field.
            PatientExists: Same identity number; names the one that is there.
        """
        need(actor, Permission.PATIENT_WRITE)
        kept = sealing.checked(fields, self._today())
        institution = actor.institution
        try:
            async with self._database.write(actor) as work:
                await self._refuse_double(work.session, institution, kept, but="")
                patient = Patient(id=new_id(), institution=institution, created_by=actor.id, version=1)
                patient.created_at = patient.changed_at = work.at
                sealing.fill(patient, kept, self._vault)
                work.session.add(patient)
                await work.session.flush()
                self._add_grams(work, patient, kept.name)
                note(work, "patient.add", f"patient/{patient.id}", patient=patient.id)
        except IntegrityError as error:
            raise await self._double(institution, kept) or error from None
        return sealing.view(patient, self._vault)

    async def change(self, actor: Actor, patient_id: str, version: int, fields: PatientFields) -> PatientView:
        """Put new fields in place of the old.

        Raises:
            Stale: Somebody was faster.
            FieldsRefused: With hints.
            PatientExists: The identity number is another patient's.
        """
        need(actor, Permission.PATIENT_WRITE)
        kept = sealing.checked(fields, self._today())
        try:
            async with self._database.write(actor) as work:
                patient = await work.session.get(Patient, patient_id, with_for_update=True)
                if patient is None or not _may_see(actor, patient):
                    raise NotFound
                if patient.version != version:
                    raise Stale(current=patient.version)
                await self._refuse_double(work.session, patient.institution, kept, but=patient.id)
                sealing.fill(patient, kept, self._vault)
                patient.version += 1
                patient.changed_at = work.at
                await work.session.execute(delete(PatientNameGram).where(PatientNameGram.patient == patient.id))
                self._add_grams(work, patient, kept.name)
                note(work, "patient.change", f"patient/{patient.id}", patient=patient.id)
        except IntegrityError as error:
            raise await self._double(actor.institution, kept) or error from None
        return sealing.view(patient, self._vault)

    async def one(self, actor: Actor, patient_id: str) -> PatientView:
        """A patient of the actor's own institution, or the patient themselves.

        Raises:
            NotFound: Not there, or not for this person.
        """
        return sealing.view(await self._opened(actor, patient_id), self._vault)

    async def fields(self, actor: Actor, patient_id: str) -> PatientFields:
        """All fields of a patient, for the form that changes them.

        Raises:
            NotFound: Not there, or not for this person.
        """
        need(actor, Permission.PATIENT_WRITE)
        return sealing.fields_of(await self._opened(actor, patient_id), self._vault)

    async def find(self, actor: Actor, text: str) -> list[PatientView]:
        """Patients of the actor's institution by name, pinyin, initials, identity number, phone or record number."""
        need(actor, Permission.PATIENT_READ)
        if actor.kind is ActorKind.PATIENT:
            raise NotAllowed
        query = text.strip()[:100]
        async with self._database.read() as session:
            rows = list(await session.scalars(self._matching(actor.institution, query)))
        views = [sealing.view(row, self._vault) for row in rows]
        exact = {row.id for row in rows if self._is_exact(row, query)}
        found = [
            patient for patient in views if not query or patient.id in exact or rules.name_fits(patient.name, query)
        ][:_MOST_FOUND]
        await self._witness.read_all(actor, "patient.find", [(f"patient/{it.id}", it.id) for it in found])
        return found

    async def views(self, ids: Iterable[str]) -> dict[str, PatientView]:
        """Patients by id, for rooms that have judged the case themselves: nothing is checked or noted here."""
        wanted = list(dict.fromkeys(ids))
        async with self._database.read() as session:
            rows = await session.scalars(select(Patient).where(Patient.id.in_(wanted)))
            return {row.id: sealing.view(row, self._vault) for row in rows}

    async def by_record_numbers(self, institution: str, numbers: Collection[str]) -> dict[str, list[str]]:
        """Number -> ids of patients whose films and lab reports carry it at this institution."""
        keys = {sealing.search_key(self._vault, "record_number", institution, number): number for number in numbers}
        wanted = Patient.institution == institution, Patient.record_number_key.in_(keys)
        found: dict[str, list[str]] = {}
        async with self._database.read() as session:
            for row in await session.execute(select(Patient.id, Patient.record_number_key).where(*wanted)):
                found.setdefault(keys[row.record_number_key], []).append(row.id)
        return found

    async def by_id_number(self, institution: str, number: str) -> str | None:
        """Id of the patient with this identity number."""
        key = sealing.search_key(self._vault, "id_number", institution, number.strip().upper())
        async with self._database.read() as session:
            found = select(Patient.id).where(Patient.institution == institution, Patient.id_number_key == key)
            return await session.scalar(found)

    def _matching(self, institution: str, query: str) -> Select[Patient]:
        rows = select(Patient).where(Patient.institution == institution)
        if not query:
            return rows.order_by(Patient.changed_at.desc()).limit(_MOST_FOUND)
        ways: list[ColumnElement[bool]] = [column == key for column, key in self._exact_keys(institution, query)]
        for grams in rules.query_grams(query):
            hashes = [self._gram(institution, gram) for gram in grams]
            ways.append(
                Patient.id.in_(
                    select(PatientNameGram.patient)
                    .where(PatientNameGram.gram.in_(hashes))
                    .group_by(PatientNameGram.patient)
                    .having(func.count() == len(hashes))
                )
            )
        return rows.where(or_(*ways)).order_by(Patient.changed_at.desc()).limit(_MOST_CANDIDATES)

    def _exact_keys(self, institution: str, query: str) -> list[tuple[_KeyColumn, bytes]]:
        number = query.replace(" ", "").upper()
        try:
            phone = rules.normal_phone(query)
        except FieldsRefused:
            phone = number
        return [
            (Patient.id_number_key, sealing.search_key(self._vault, "id_number", institution, number)),
            (Patient.phone_key, sealing.search_key(self._vault, "phone", institution, phone)),
            (Patient.record_number_key, sealing.search_key(self._vault, "record_number", institution, query)),
        ]

    def _is_exact(self, row: Patient, query: str) -> bool:
        keys = {row.id_number_key, row.phone_key, row.record_number_key}
        return any(key in keys for _, key in self._exact_keys(row.institution, query)) if query else False

    def _add_grams(self, work: Work, patient: Patient, name: str) -> None:
        grams = {self._gram(patient.institution, gram) for gram in rules.name_grams(name)}
        work.session.add_all(PatientNameGram(gram=gram, patient=patient.id) for gram in grams)

    def _gram(self, institution: str, gram: str) -> bytes:
        return sealing.search_key(self._vault, "name", institution, gram)

    async def _opened(self, actor: Actor, patient_id: str) -> Patient:
        need(actor, Permission.PATIENT_READ)
        async with self._database.read() as session:
            patient = await session.get(Patient, patient_id)
        if patient is None or not _may_see(actor, patient):
            raise NotFound
        await self._witness.read(actor, "patient.read", f"patient/{patient.id}", patient.id)
        return patient

    async def _refuse_double(
        self, session: AsyncSession, institution: InstitutionId | str, fields: PatientFields, but: str
    ) -> None:
        if fields.id_number is None:
            return
        key = sealing.search_key(self._vault, "id_number", institution, fields.id_number)
        found = await session.scalar(
            select(Patient.id).where(
                Patient.institution == institution, Patient.id_number_key == key, Patient.id != but
            )
        )
        if found:
            raise PatientExists(found)

    async def _double(self, institution: str, fields: PatientFields) -> PatientExists | None:
        # Two were added at the same moment on PostgreSQL: the second meets the unique index.
        found = await self.by_id_number(institution, fields.id_number) if fields.id_number else None
        return PatientExists(found) if found else None

    def _today(self) -> date:
        return self._database.clock.now().astimezone(_CHINA).date()


def _may_see(actor: Actor, patient: Patient) -> bool:
    if actor.kind is ActorKind.SYSTEM:
        return True
    if actor.kind is ActorKind.PATIENT:
        return actor.patient == patient.id
    return actor.institution == patient.institution
