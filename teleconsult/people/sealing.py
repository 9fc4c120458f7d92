"""Between a patient's record, whose fields are sealed, and what people see and type. Decides no right."""

from dataclasses import replace
from datetime import date

from teleconsult.errors import FieldsRefused
from teleconsult.people import rules
from teleconsult.people.models import Patient
from teleconsult.people.state import Sex
from teleconsult.people.views import PatientFields, PatientView
from teleconsult.vault import Vault

_ALLERGIES_MOST = 1_000
_RECORD_NUMBER_MOST = 64  # DICOM LO, PS3.5 table 6.2-1


def checked(fields: PatientFields, today: date) -> PatientFields:
    """The fields in their normal form, completed from the identity number.

    Raises:
        FieldsRefused: Every wrong field with its hint.
    """
    wrong: dict[str, str] = {}
    kept = fields
    try:
        kept = replace(kept, name=rules.normal_name(fields.name))
    except FieldsRefused as error:
        wrong |= error.errors
    try:
        kept = replace(kept, phone=rules.normal_phone(fields.phone) if fields.phone else None)
    except FieldsRefused as error:
        wrong |= error.errors
    try:
        kept = _from_id_number(kept, today, wrong)
    except FieldsRefused as error:
        wrong |= error.errors
    if fields.birth_date and not date(1880, 1, 1) <= fields.birth_date <= today:
        wrong["birth_date"] = "This date of birth cannot be right."
    if len(fields.allergies or "") > _ALLERGIES_MOST:
        wrong["allergies"] = "Please shorten this."
    if len(fields.record_number or "") > _RECORD_NUMBER_MOST:
        wrong["record_number"] = "Please shorten this."
    if wrong:
        raise FieldsRefused(wrong)
    return kept


def _from_id_number(fields: PatientFields, today: date, wrong: dict[str, str]) -> PatientFields:
    if not fields.id_number:
        return replace(fields, id_number=None)
    number = rules.read_id_number(fields.id_number, today)
    if fields.birth_date not in (None, number.birth_date):
        wrong["birth_date"] = "This is not the date of birth in the identity number."
    if fields.sex not in (None, Sex.UNKNOWN, number.sex):
        wrong["sex"] = "This is not the sex in the identity number."
    return replace(fields, id_number=number.text, birth_date=number.birth_date, sex=number.sex)


def fill(patient: Patient, fields: PatientFields, vault: Vault) -> None:
    """Put checked fields into a record, sealed."""

    def seal(column: str, text: str | None) -> bytes | None:
        return None if text is None else vault.seal(text, _row(patient.id, column))

    def key(column: str, text: str | None) -> bytes | None:
        return search_key(vault, column, patient.institution, text) if text else None

    patient.name = vault.seal(fields.name, _row(patient.id, "name"))
    patient.sex = fields.sex or Sex.UNKNOWN
    patient.birth_date = seal("birth_date", fields.birth_date.isoformat() if fields.birth_date else None)
    patient.id_number = seal("id_number", fields.id_number)
    patient.id_number_key = key("id_number", fields.id_number)
    patient.phone = seal("phone", fields.phone)
    patient.phone_key = key("phone", fields.phone)
    patient.record_number = seal("record_number", fields.record_number or None)
    patient.record_number_key = key("record_number", fields.record_number)
    patient.allergies = seal("allergies", fields.allergies)


def fields_of(patient: Patient, vault: Vault) -> PatientFields:
    """Everything, opened."""

    def opened(column: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else vault.open(sealed, _row(patient.id, column))

    born = opened("birth_date", patient.birth_date)
    return PatientFields(
        name=vault.open(patient.name, _row(patient.id, "name")),
        sex=Sex(patient.sex),
        birth_date=date.fromisoformat(born) if born else None,
        id_number=opened("id_number", patient.id_number),
        phone=opened("phone", patient.phone),
        record_number=opened("record_number", patient.record_number),
        allergies=opened("allergies", patient.allergies),
    )


def view(patient: Patient, vault: Vault) -> PatientView:
    """What is shown."""
    fields = fields_of(patient, vault)
    return PatientView(
        id=patient.id,
        institution=patient.institution,
        name=fields.name,
        sex=fields.sex or Sex.UNKNOWN,
        birth_date=fields.birth_date,
        id_number_last4=(fields.id_number or "")[-4:],
        phone_last4=(fields.phone or "")[-4:],
        allergies=fields.allergies,
        version=patient.version,
        record_number=fields.record_number or "",
    )


def search_key(vault: Vault, column: str, institution: str, text: str) -> bytes:
    """The keyed hash by which a value is found within one institution."""
    return vault.fingerprint(text, f"patient/{column}/{institution}")


def _row(patient: str, column: str) -> str:
    return f"patients/{patient}/{column}"
