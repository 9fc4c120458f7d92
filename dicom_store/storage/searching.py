"""Turns a `Search` within a `Scope` into SQL. Statements are built once for each shape of search and kept."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_, select, tuple_

from dicom_store.model import Level, Match, MatchKind, Search
from dicom_store.ports import Scope
from dicom_store.storage.tables import headers, instances, series, studies

STUDY_COLUMNS = {
    0x00080020: studies.c.study_date,
    0x00080030: studies.c.study_time,
    0x00080050: studies.c.accession,
    0x00080090: studies.c.referrer,
    0x00081030: studies.c.description,
    0x00100020: studies.c.patient_id,
    0x00100030: studies.c.birth_date,
    0x00100040: studies.c.sex,
    0x0020000D: studies.c.study_uid,
    0x00200010: studies.c.study_id,
}
SERIES_COLUMNS = {
    0x00080060: series.c.modality,
    0x0008103E: series.c.description,
    0x00081010: series.c.station,
    0x00180015: series.c.body_part,
    0x0020000E: series.c.series_uid,
    0x00200011: series.c.number,
    0x00400244: series.c.started_date,
    0x00400245: series.c.started_time,
}
INSTANCE_COLUMNS = {
    0x00080016: instances.c.sop_class,
    0x00080018: instances.c.instance_uid,
    0x00200013: instances.c.number,
}
PATIENT_NAME = 0x00100010
_INSTANCE_UID = 0x00080018
MODALITIES_IN_STUDY = 0x00080061
SEARCHABLE = {*STUDY_COLUMNS, *SERIES_COLUMNS, *INSTANCE_COLUMNS, PATIENT_NAME, MODALITIES_IN_STUDY}
NUMBERS = {0x00200011, 0x00200013}

# No DICOM text holds it, and it sorts after every other character.
_AFTER_ALL = "\U0010ffff"


class Found(NamedTuple):
    """One answer of a search; byte strings are DICOM JSON without the outer braces, None above the level asked."""

    institution: str
    study: str
    modalities: str
    series_count: int
    study_instance_count: int
    study_answer: bytes
    study_extra: bytes
    series: str | None = None
    series_instance_count: int = 0
    series_answer: bytes | None = None
    series_extra: bytes | None = None
    instance: str | None = None
    instance_answer: bytes | None = None
    header: bytes | None = None


class _Shape(NamedTuple):
    level: Level
    matches: tuple[tuple[int, MatchKind, tuple[bool, ...]], ...]
    institutions: bool
    studies: bool
    in_study: bool
    in_series: bool
    header: bool


def statement(search: Search, scope: Scope) -> tuple[Select[Any], Mapping[str, Any]]:
    """The SQL of a search and its parameters."""
    wants_header = search.level is Level.INSTANCE and (search.include_all or bool(search.include))
    shape = _Shape(
        search.level,
        tuple((match.tag, match.kind, _traits(match)) for match in search.matches),
        bool(scope.institutions),
        bool(scope.studies),
        search.study is not None,
        search.series is not None,
        wants_header,
    )
    values: dict[str, Any] = {
        "institutions": sorted(scope.institutions),
        "scope_studies": sorted((key.institution, key.study) for key in scope.studies),
        "holders": sorted({*scope.institutions, *(key.institution for key in scope.studies)}),
        "study_uid": search.study,
        "series_uid": search.series,
        "limit": search.limit,
        "offset": search.offset,
    }
    for number, match in enumerate(search.matches):
        values.update(_values(f"m{number}", match))
    query, names = _build(shape)
    return query, {name: values[name] for name in names if name in values}


def scope_condition(institutions: bool, single_studies: bool) -> ColumnElement[bool]:
    """Rows of `studies` inside a scope; parameters `institutions` and `scope_studies`."""
    ways: list[ColumnElement[bool]] = []
    if institutions:
        ways.append(studies.c.institution.in_(bindparam("institutions", expanding=True)))
    if single_studies:
        pair = tuple_(studies.c.institution, studies.c.study_uid)
        ways.append(pair.in_(bindparam("scope_studies", expanding=True)))
    return or_(*ways) if ways else false()


def _traits(match: Match) -> tuple[bool, ...]:
    """What of a match's values changes the SQL: which range ends are open, whether a pattern has a fixed start."""
    if match.kind is MatchKind.RANGE:
        return tuple(bool(value) for value in match.values)
    if match.kind is MatchKind.WILDCARD:
        return (bool(_fixed_start(match.values[0])),)
    if match.kind is MatchKind.FUZZY:
        return (True,) * len(match.values)
    return ()


def _fixed_start(pattern: str) -> str:
    ends = [place for place in (pattern.find("*"), pattern.find("?")) if place >= 0]
    return pattern[: min(ends)] if ends else pattern


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _values(name: str, match: Match) -> dict[str, Any]:
    number = match.tag in NUMBERS
    if match.kind is MatchKind.EXACT:
        return {name: int(match.values[0]) if number else match.values[0]}
    if match.kind is MatchKind.ONE_OF:
        return {name: [int(value) for value in match.values] if number else list(match.values)}
    if match.kind is MatchKind.RANGE:
        return {f"{name}_low": match.values[0], f"{name}_high": match.values[1]}
    if match.kind is MatchKind.WILDCARD:
        start = _fixed_start(match.values[0])
        return {name: _like(match.values[0]), f"{name}_low": start, f"{name}_high": start + _AFTER_ALL}
    return {f"{name}_{place}": f"% {_like(word)}%" for place, word in enumerate(match.values)}


def _compare(column: ColumnElement[Any], kind: MatchKind, traits: tuple[bool, ...], name: str) -> ColumnElement[bool]:
    if kind is MatchKind.EXACT:
        return column == bindparam(name)
    if kind is MatchKind.ONE_OF:
        return column.in_(bindparam(name, expanding=True))
    if kind is MatchKind.RANGE:
        # A film without the value is not in any range.
        ends = [column >= bindparam(f"{name}_low")] if traits[0] else [column > ""]
        return and_(*ends, *([column <= bindparam(f"{name}_high")] if traits[1] else []))
    if kind is MatchKind.WILDCARD:
        like = column.like(bindparam(name), escape="\\")
        if traits[0]:
            return and_(column >= bindparam(f"{name}_low"), column < bindparam(f"{name}_high"), like)
        return like
    return and_(*[column.like(bindparam(f"{name}_{place}"), escape="\\") for place in range(len(traits))])


def _condition(level: Level, tag: int, kind: MatchKind, traits: tuple[bool, ...], name: str) -> ColumnElement[bool]:
    if tag == PATIENT_NAME:
        if kind is MatchKind.FUZZY:
            return _compare(studies.c.patient_sounds, kind, traits, name)
        columns = (studies.c.patient_name, studies.c.patient_ideographic)
        return or_(*[_compare(column, kind, traits, name) for column in columns])
    if tag in STUDY_COLUMNS:
        return _compare(STUDY_COLUMNS[tag], kind, traits, name)
    if tag == MODALITIES_IN_STUDY or (tag in SERIES_COLUMNS and level is Level.STUDY):
        column = series.c.modality if tag == MODALITIES_IN_STUDY else SERIES_COLUMNS[tag]
        inner = series.alias("inner_series")
        compared = _compare(inner.c[column.name], kind, traits, name)
        return select(inner.c.id).where(inner.c.study == studies.c.id, compared).exists()
    if tag in SERIES_COLUMNS:
        return _compare(SERIES_COLUMNS[tag], kind, traits, name)
    if level is Level.INSTANCE:
        return _compare(INSTANCE_COLUMNS[tag], kind, traits, name)
    film = instances.alias("inner_instances")
    compared = _compare(film.c[INSTANCE_COLUMNS[tag].name], kind, traits, name)
    parent = film.c.study == studies.c.id if level is Level.STUDY else film.c.series == series.c.id
    return select(film.c.id).where(parent, compared).exists()


def _newest_films(shape: _Shape) -> Select[Any]:
    """A page of all films inside the scope, the newest first: walked by number, so that nothing is sorted."""
    ways: list[ColumnElement[bool]] = []
    if shape.institutions:
        ways.append(instances.c.institution.in_(bindparam("institutions", expanding=True)))
    if shape.studies:
        ways.append(instances.c.study.in_(select(studies.c.id).where(scope_condition(False, True))))
    page = select(instances.c.id).where(or_(*ways)).order_by(instances.c.id.desc())
    return page.limit(bindparam("limit")).offset(bindparam("offset"))


@lru_cache(maxsize=512)
def _build(shape: _Shape) -> tuple[Select[Any], tuple[str, ...]]:
    columns: list[Any] = [
        studies.c.institution,
        studies.c.study_uid,
        studies.c.modalities,
        studies.c.series_count,
        studies.c.instance_count,
        studies.c.answer,
        studies.c.extra,
    ]
    source: Any = studies
    # The newest study first; within it series and films as a person would lay them out.
    order: list[Any] = [] if shape.in_study else [studies.c.study_date.desc(), studies.c.id.desc()]
    if shape.level is not Level.STUDY:
        columns += [series.c.series_uid, series.c.instance_count, series.c.answer, series.c.extra]
        source = source.join(series, series.c.study == studies.c.id)
        order += [] if shape.in_series else [series.c.number, series.c.id]
    if shape.level is Level.INSTANCE:
        columns += [instances.c.instance_uid, instances.c.answer]
        source = source.join(instances, instances.c.series == series.c.id)
        order += [instances.c.number, instances.c.id]
        if shape.header:
            columns.append(headers.c.header)
            source = source.join(headers, headers.c.instance == instances.c.id)
    if shape.level is Level.INSTANCE and not shape.matches and not shape.in_study:
        query = select(*columns).select_from(source).where(instances.c.id.in_(_newest_films(shape)))
        query = query.order_by(instances.c.id.desc())
        return query, tuple(query.compile().params)
    conditions = [scope_condition(shape.institutions, shape.studies)]
    if shape.level is Level.INSTANCE and any(tag == _INSTANCE_UID for tag, _, _ in shape.matches):
        # Follows from the scope; said again, it opens the index of films by institution and UID.
        conditions.append(instances.c.institution.in_(bindparam("holders", expanding=True)))
    if shape.in_study:
        conditions.append(studies.c.study_uid == bindparam("study_uid"))
    if shape.in_series:
        conditions.append(series.c.series_uid == bindparam("series_uid"))
    for number, (tag, kind, traits) in enumerate(shape.matches):
        conditions.append(_condition(shape.level, tag, kind, traits, f"m{number}"))
    query = select(*columns).select_from(source).where(*conditions)
    query = query.order_by(*order, studies.c.id) if shape.in_study else query.order_by(*order)
    query = query.limit(bindparam("limit")).offset(bindparam("offset"))
    return query, tuple(query.compile().params)
