"""What a house that embeds the archive shows of studies and series: plain figures by key, one statement each.

Rights were judged by the caller: this is for the embedding house, never for a request.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from dicom_store.model import InstitutionId, StudyKey, StudyUID
from dicom_store.storage.index import Index
from dicom_store.storage.tables import series, studies

_KEYS_PER_QUERY = 200
_STUDY_DESCRIPTION, _SERIES_DESCRIPTION = "00081030", "0008103E"
_PATIENT_NAME, _PATIENT_ID, _BIRTH_DATE, _SEX = "00100010", "00100020", "00100030", "00100040"


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A study.

    Attributes:
        modalities: Each once, sorted.
        date: YYYYMMDD as the films say, "" where they do not.
        time: HHMMSS likewise.
    """

    key: StudyKey
    description: str
    modalities: tuple[str, ...]
    date: str
    time: str
    instances: int


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """A series."""

    study: StudyKey
    series: str
    number: int | None
    modality: str
    description: str
    instances: int


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """Whose a study is, as its films say; nobody has checked it.

    Attributes:
        name: Family and given name with a blank between them.
        ideographic: The same in Chinese characters, without a blank; "" where the films do not say it.
        birth_date: YYYYMMDD as the films say.
        sex: M, F, O or "".
    """

    key: StudyKey
    name: str
    ideographic: str
    number: str
    birth_date: str
    sex: str


async def patients_of(index: Index, keys: Collection[StudyKey]) -> list[PatientSummary]:
    """What the studies that are there say of their patients."""
    found = []
    for part in _parts(keys):
        columns = (studies.c.institution, studies.c.study_uid, studies.c.answer, studies.c.extra)
        for row in await index.rows(select(*columns).where(_any_of(part))):
            said = json.loads(b"{" + row.answer + b"}")
            name = _first(said, _PATIENT_NAME)
            groups = name if isinstance(name, dict) else {}
            found.append(
                PatientSummary(
                    key=StudyKey(InstitutionId(row.institution), StudyUID(row.study_uid)),
                    name=_spoken(groups.get("Alphabetic", ""), " "),
                    ideographic=_spoken(groups.get("Ideographic", ""), ""),
                    number=str(_first(said, _PATIENT_ID) or ""),
                    birth_date=str(_first(said, _BIRTH_DATE) or ""),
                    sex=str(_first(said, _SEX) or ""),
                )
            )
    return found


def _first(said: dict[str, Any], tag: str) -> Any:
    values = said.get(tag, {}).get("Value", [])
    return values[0] if values else None


def _spoken(group: str, between: str) -> str:
    """Family and given name of a person name's group. Source: DICOM PS3.5 6.2.1."""
    return between.join(part.strip() for part in group.split("^")[:2] if part.strip())


async def studies_of(index: Index, keys: Collection[StudyKey]) -> list[StudySummary]:
    """Those of the studies that are there."""
    found = []
    for part in _parts(keys):
        query = select(
            studies.c.institution,
            studies.c.study_uid,
            studies.c.answer,
            studies.c.extra,
            studies.c.modalities,
            studies.c.study_date,
            studies.c.study_time,
            studies.c.instance_count,
        ).where(_any_of(part))
        for row in await index.rows(query):
            key = StudyKey(InstitutionId(row.institution), StudyUID(row.study_uid))
            described = _text(_STUDY_DESCRIPTION, row.answer, row.extra)
            words = tuple(sorted(word.upper() for word in row.modalities.replace("\\", " ").split()))
            found.append(StudySummary(key, described, words, row.study_date, row.study_time, row.instance_count))
    return found


async def series_of(index: Index, keys: Collection[StudyKey]) -> list[SeriesSummary]:
    """The series of these studies, by number."""
    found = []
    for part in _parts(keys):
        query = (
            select(
                studies.c.institution,
                studies.c.study_uid,
                series.c.series_uid,
                series.c.number,
                series.c.modality,
                series.c.answer,
                series.c.extra,
                series.c.instance_count,
            )
            .join(studies, series.c.study == studies.c.id)
            .where(_any_of(part))
            .order_by(studies.c.id, series.c.number, series.c.id)
        )
        for row in await index.rows(query):
            key = StudyKey(InstitutionId(row.institution), StudyUID(row.study_uid))
            described, modality = _text(_SERIES_DESCRIPTION, row.answer, row.extra), row.modality.upper()
            found.append(SeriesSummary(key, row.series_uid, row.number, modality, described, row.instance_count))
    return found


def _text(tag: str, *fragments: bytes) -> str:
    """An attribute as it was written; the index's own columns are folded for searching."""
    for fragment in fragments:
        values = json.loads(b"{" + fragment + b"}").get(tag, {}).get("Value", [])
        if values:
            return str(values[0])
    return ""


def _parts(keys: Collection[StudyKey]) -> list[Sequence[StudyKey]]:
    listed = list(keys)
    return [listed[start : start + _KEYS_PER_QUERY] for start in range(0, len(listed), _KEYS_PER_QUERY)]


def _any_of(keys: Sequence[StudyKey]) -> ColumnElement[bool]:
    return or_(*(and_(studies.c.institution == key.institution, studies.c.study_uid == key.study) for key in keys))


__all__ = ["PatientSummary", "SeriesSummary", "StudySummary", "patients_of", "series_of", "studies_of"]
