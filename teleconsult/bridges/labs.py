"""The archive's lab reports in the clinic's words: implements `results.ports.LabStore`."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from dicom_store import errors as archive_errors
from dicom_store.labs import analytes, model
from dicom_store.labs.analytes import Limits
from dicom_store.labs.form import report_of
from dicom_store.labs.ingest import judged
from dicom_store.labs.store import LabStore
from dicom_store.model import Door, InstitutionId, Origin
from teleconsult.actor import Actor
from teleconsult.errors import Refused, Unavailable
from teleconsult.results.ports import Analyte, KeptReport, KeptResult, NewReport


class ArchiveLabs:
    """Lab reports of the archive.

    Args:
        store: The archive's lab reports.
    """

    def __init__(self, store: LabStore) -> None:
        self._store = store

    async def add(self, actor: Actor, report: NewReport) -> str:
        """See `results.ports.LabStore.add`."""
        origin = Origin(InstitutionId(actor.institution), Door.FORM, actor.id, report.reference)
        try:
            return await self._store.add(judged(report_of(_body(report))), origin)
        except archive_errors.Refused as error:
            raise Refused(error.message, code=error.code, **error.fields) from error
        except archive_errors.Unavailable as error:
            raise Unavailable(error.message, retry_after=error.retry_after) from error

    async def read(self, ids: Collection[str]) -> list[KeptReport]:
        """See `results.ports.LabStore.read`."""
        return [_kept(one) for one in await self._store.of(list(ids))]

    def analytes(self) -> tuple[Analyte, ...]:
        """The bundled table."""
        return tuple(
            Analyte(one.loinc, one.abbreviation, one.zh, one.en, one.unit, _typical(one.male or one.female))
            for one in analytes.ANALYTES
        )


def _typical(limits: Limits | None) -> str:
    if limits is None:
        return ""
    low, high = limits
    if low is not None and high is not None:
        return f"{low}-{high}"
    return f"<{high}" if high is not None else f">{low}" if low is not None else ""


def _body(report: NewReport) -> dict[str, object]:
    body: dict[str, object] = {
        "patient": {
            "name": report.patient_name,
            "identifier": report.patient_number,
            "sex": report.sex,
            "birth_date": report.birth_date,
        },
        "panel": report.title,
        "specimen": report.specimen,
        "laboratory": report.laboratory,
        "comment": report.comment,
        "observations": [
            {
                "name": one.name,
                "value": one.value,
                "unit": one.unit,
                "range": one.range,
                "code": one.code,
                "system": one.system,
                "comment": one.comment,
            }
            for one in report.results
        ],
    }
    for name, at in (("collected_at", report.collected_at), ("reported_at", report.reported_at)):
        if at is not None:
            body[name] = at.isoformat()
    return body


def _kept(kept: model.KeptReport) -> KeptReport:
    said = kept.report
    return KeptReport(
        id=kept.id,
        institution=kept.institution,
        title=said.panel or said.panel_code,
        taken_at=_taken_at(kept),
        received_at=kept.received_at,
        results=tuple(_result(one) for one in said.observations),
        laboratory=said.laboratory,
        specimen=said.specimen,
        status=said.status,
        version=kept.version,
        replaced_by=kept.replaced_by or "",
        comment=said.comment,
        notices=tuple(said.notices),
    )


def _taken_at(kept: model.KeptReport) -> datetime:
    return kept.report.collected_at or kept.report.reported_at or kept.received_at


def _result(one: model.Observation) -> KeptResult:
    number: Decimal | None = one.value.number if isinstance(one.value, model.Numeric) else None
    return KeptResult(
        name=one.name or one.code,
        value=one.value.text,
        unit=one.unit,
        code=one.code,
        system=one.system,
        number=number,
        range=one.range_text,
        low=one.range_low,
        high=one.range_high,
        flags=one.flags,
        computed=one.computed or "",
        computed_from=one.computed_from,
        critical=one.critical,
        observed_at=one.observed_at,
        comment=one.comment,
    )
