"""What a house that embeds the archive shows of studies and series: plain figures by key, one statement each.

Rights were judged by the caller: this is for the embedding house, never for a request.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select

from dicom_store.model import InstitutionId, StudyKey, StudyUID
from dicom_store.storage.index import Index
from dicom_store.storage.tables import series, studies

_KEYS_PER_QUERY = 200
_STUDY_DESCRIPTION, _SERIES_DESCRIPTION = "00081030", "0008103E"


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


__all__ = ["SeriesSummary", "StudySummary", "series_of", "studies_of"]
