"""Which index opens a search: decided here, so that it takes as long among a million films as among a thousand.

What names few things (UIDs, a patient's number) opens its index; what may name few or many (a name, a modality) is
counted first, up to a bound, and opens its index where they are few.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_, select, tuple_

from dicom_store.model import Level, MatchKind
from dicom_store.storage.matching import (
    ACCESSION,
    INSTANCE_UID,
    MODALITIES_IN_STUDY,
    NAME_COLUMNS,
    PATIENT_ID,
    PATIENT_NAME,
    SERIES_UID,
    STUDY_COLUMNS,
    STUDY_UID,
    compare,
    still,
)
from dicom_store.storage.tables import instances, series, studies

_MODALITY = 0x00080060
_LISTED = {MatchKind.EXACT, MatchKind.ONE_OF}
NUMBERS = (STUDY_UID, SERIES_UID, PATIENT_ID, ACCESSION)
"""One value of these names few studies; in the order in which they are asked for their index."""


class Shape(NamedTuple):
    """What of a search changes its SQL.

    Attributes:
        institutions: The scope has whole institutions.
        studies: It has single studies of others.
        narrow: The match that was found to name few studies.
    """

    level: Level
    matches: tuple[tuple[int, MatchKind, tuple[bool, ...]], ...]
    institutions: bool
    studies: bool
    in_study: bool
    in_series: bool
    header: bool
    narrow: int | None = None


def scope_condition(institutions: bool, single_studies: bool, *, open_index: bool = True) -> ColumnElement[bool]:
    """Rows of `studies` inside a scope; parameters `institutions` and `scope_studies`.

    Args:
        institutions: Whole institutions are in the scope.
        single_studies: Single studies are.
        open_index: False: other conditions find the rows, this one only filters.
    """
    holder = studies.c.institution if open_index else still(studies.c.institution)
    ways: list[ColumnElement[bool]] = []
    if institutions:
        ways.append(holder.in_(bindparam("institutions", expanding=True)))
    if single_studies:
        ways.append(tuple_(holder, studies.c.study_uid).in_(bindparam("scope_studies", expanding=True)))
    return or_(*ways) if ways else false()


def single_studies() -> ColumnElement[bool]:
    """The single studies of a scope. The UIDs said again open their index: SQLite has none for pairs."""
    uids = studies.c.study_uid.in_(bindparam("scope_uids", expanding=True))
    return _ids(_held(), uids, scope_condition(False, True, open_index=False))


def _held() -> ColumnElement[bool]:
    """Of an institution that the scope touches: follows from the scope; said again, it opens an index."""
    return studies.c.institution.in_(bindparam("holders", expanding=True))


def _ids(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Studies whose row is one of those that an index of studies finds."""
    return studies.c.id.in_(select(studies.c.id).where(*conditions).correlate(None))


def way_to(shape: Shape) -> ColumnElement[bool] | None:
    """The condition that opens an index, where one names few rows for certain."""
    listed = {tag: number for number, (tag, kind, _) in enumerate(shape.matches) if kind in _LISTED}
    if INSTANCE_UID in listed:
        return _by_film(shape, listed[INSTANCE_UID])
    if shape.in_study:
        return _ids(_held(), studies.c.study_uid == bindparam("study_uid"))
    for tag in NUMBERS:
        if tag in listed:
            number = listed[tag]
            if tag == SERIES_UID:
                found = select(series.c.study).where(_compared(shape, number, series.c.series_uid))
                return studies.c.id.in_(found.correlate(None))
            return _ids(_held(), _compared(shape, number, STUDY_COLUMNS[tag]))
    return None if shape.narrow is None else _narrowed(shape, shape.narrow)


def _by_film(shape: Shape, number: int) -> ColumnElement[bool]:
    held = instances.c.institution.in_(bindparam("holders", expanding=True))
    compared = _compared(shape, number, instances.c.instance_uid)
    if shape.level is Level.INSTANCE:
        return and_(held, compared)
    return studies.c.id.in_(select(instances.c.study).where(held, compared).correlate(None))


def _compared(shape: Shape, number: int, column: ColumnElement[Any]) -> ColumnElement[bool]:
    _, kind, traits = shape.matches[number]
    return compare(column, kind, traits, f"m{number}")


def _narrowed(shape: Shape, number: int) -> ColumnElement[bool]:
    """Studies that a match names, by its index."""
    return or_(*[studies.c.id.in_(found.correlate(None)) for found in named_by(shape, number)])


def named_by(shape: Shape, number: int) -> list[Select[Any]]:
    """The rows of the studies that a match names, each by an index: a name may be in letters or in characters."""
    tag = shape.matches[number][0]
    if tag in {_MODALITY, MODALITIES_IN_STUDY}:
        return [select(series.c.study).where(_compared(shape, number, series.c.modality))]
    columns = NAME_COLUMNS if tag == PATIENT_NAME else (STUDY_COLUMNS[tag],)
    return [select(studies.c.id).where(_held(), _compared(shape, number, column)) for column in columns]


# ---------------------------------------------------------------- counting first


@lru_cache(maxsize=512)
def countable(shape: Shape) -> tuple[int, ...]:
    """The matches that have an index and may name few studies or many."""
    if not shape.institutions or way_to(shape) is not None:
        return ()
    found = []
    for number, (tag, kind, traits) in enumerate(shape.matches):
        starts = kind is MatchKind.WILDCARD and traits[0]
        named = tag in {PATIENT_NAME, PATIENT_ID, ACCESSION} and (kind in _LISTED or starts)
        if named or (tag in {_MODALITY, MODALITIES_IN_STUDY} and (kind in _LISTED or starts)):
            found.append(number)
    return tuple(found)
