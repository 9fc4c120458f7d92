"""Turns a `Search` within a `Scope` into SQL. Statements are built once for each shape of search and kept.

`ways` says which index opens a search; what has none walks the studies from the newest one until the page is full. A
page is found by row numbers alone, then read.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from operator import add
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Select, bindparam, false, func, select, union_all

from dicom_store.model import Level, MatchKind, Search
from dicom_store.ports import Scope
from dicom_store.storage.matching import INSTANCE_UID, condition, traits_of, values_of
from dicom_store.storage.tables import headers, instances, series, studies
from dicom_store.storage.ways import NUMBERS, Shape, countable, named_by, scope_condition, single_studies, way_to

FEW = 200
"""So many studies are sorted rather than walked past."""


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


def statement(search: Search, scope: Scope, narrow: int | None = None) -> tuple[Select[Any], Mapping[str, Any]]:
    """The SQL of a search and its parameters.

    Args:
        search: What is asked.
        scope: Within what.
        narrow: The match that `counted` found to name few studies.
    """
    shape = _shape(search, scope)._replace(narrow=narrow)
    return _with_values(*_build(shape), search, scope)


def counted(search: Search, scope: Scope) -> tuple[Select[Any], Mapping[str, Any], Sequence[int]] | None:
    """SQL that says how many studies each of some matches names, up to one more than `FEW`; None: no need to ask.

    Returns:
        The SQL, its parameters, and which matches its columns count.
    """
    shape = _shape(search, scope)
    places = countable(shape)
    return (*_with_values(*_count(shape), search, scope), places) if places else None


def brief(search: Search) -> bool:
    """Whether an index leads to few answers for certain: a film by its UID, what is above it by a number of its own."""
    exact = {match.tag for match in search.matches if match.kind is MatchKind.EXACT}
    if search.level is Level.INSTANCE:
        return INSTANCE_UID in exact
    return search.study is not None or not exact.isdisjoint((INSTANCE_UID, *NUMBERS))


def few(places: Sequence[int], counts: Sequence[int]) -> int | None:
    """The match that names fewest studies, if they are few."""
    count, place = min(zip(counts, places, strict=True))
    return place if count <= FEW else None


def _shape(search: Search, scope: Scope) -> Shape:
    return Shape(
        search.level,
        tuple((match.tag, match.kind, traits_of(match)) for match in search.matches),
        bool(scope.institutions),
        any(key.institution not in scope.institutions for key in scope.studies),
        search.study is not None,
        search.series is not None,
        search.level is Level.INSTANCE and (search.include_all or bool(search.include)),
    )


def _with_values(
    query: Select[Any], names: tuple[str, ...], search: Search, scope: Scope
) -> tuple[Select[Any], Mapping[str, Any]]:
    single = sorted((key.institution, key.study) for key in scope.studies if key.institution not in scope.institutions)
    values: dict[str, Any] = {
        "institutions": sorted(scope.institutions),
        "scope_studies": single,
        "scope_uids": sorted({study for _, study in single}),
        "holders": sorted({*scope.institutions, *(holder for holder, _ in single)}),
        "study_uid": search.study,
        "series_uid": search.series,
        "limit": search.limit,
        "offset": search.offset,
    }
    for number, match in enumerate(search.matches):
        values.update(values_of(f"m{number}", match))
    return query, {name: values[name] for name in names if name in values}


@lru_cache(maxsize=512)
def _count(shape: Shape) -> tuple[Select[Any], tuple[str, ...]]:
    counts: list[ColumnElement[int]] = []
    for number in countable(shape):
        each = [found.limit(FEW + 1).subquery() for found in named_by(shape, number)]
        first, *rest = [select(func.count()).select_from(rows).scalar_subquery() for rows in each]
        counts.append(reduce(add, rest, cast("ColumnElement[int]", first)))
    query = cast("Select[Any]", select(*counts))
    return query, tuple(query.compile().params)


# ---------------------------------------------------------------- the statement


@lru_cache(maxsize=512)
def _build(shape: Shape) -> tuple[Select[Any], tuple[str, ...]]:
    columns: list[Any] = [
        studies.c.institution, studies.c.study_uid, studies.c.modalities, studies.c.series_count,
        studies.c.instance_count, studies.c.answer, studies.c.extra,
    ]  # fmt: skip
    if shape.level is not Level.STUDY:
        columns += [series.c.series_uid, series.c.instance_count, series.c.answer, series.c.extra]
    if shape.level is Level.INSTANCE:
        columns += [instances.c.instance_uid, instances.c.answer]
    source = _source(shape.level)
    if shape.header:
        columns.append(headers.c.header)
        source = source.join(headers, headers.c.instance == instances.c.id)
    order = _order(shape)
    query = select(*columns).select_from(source).where(_key(shape.level).in_(_page(shape))).order_by(*order)
    return query, tuple(query.compile().params)


def _source(level: Level) -> Any:
    source: Any = studies
    if level is not Level.STUDY:
        source = source.join(series, series.c.study == studies.c.id)
    if level is Level.INSTANCE:
        source = source.join(instances, instances.c.series == series.c.id)
    return source


def _key(level: Level) -> ColumnElement[int]:
    return {Level.STUDY: studies.c.id, Level.SERIES: series.c.id, Level.INSTANCE: instances.c.id}[level]


def _any_film(shape: Shape) -> bool:
    """A page of all films, which has an order of its own."""
    return shape.level is Level.INSTANCE and not shape.matches and not shape.in_study


def _order(shape: Shape) -> list[Any]:
    """The newest study first; within it series and films as a person would lay them out."""
    if _any_film(shape):
        return [instances.c.id.desc()]
    order: list[Any] = [] if shape.in_study else [studies.c.study_date.desc(), studies.c.id.desc()]
    if shape.level is not Level.STUDY:
        order += [] if shape.in_series else [series.c.number, series.c.id]
    if shape.level is Level.INSTANCE:
        order += [instances.c.number, instances.c.id]
    return [*order, studies.c.id] if shape.in_study else order


def _page(shape: Shape) -> Select[Any]:
    """The rows of the page, by their numbers alone: what is skipped is never read whole."""
    branches = _films(shape) if _any_film(shape) else _walks(shape)
    order = _order(shape)
    if len(branches) == 1:
        page = branches[0].with_only_columns(_key(shape.level)).order_by(*order)
        return page.limit(bindparam("limit")).offset(bindparam("offset"))
    # The databases merge what each way gives in order, and stop when the page is full.
    plain = [getattr(word, "element", word) for word in order]
    named = [column.label(f"o{number}") for number, column in enumerate(plain)]
    both = union_all(*[way.with_only_columns(_key(shape.level).label("row"), *named) for way in branches])
    merged = both.selected_columns
    words = [
        merged[f"o{number}"].desc() if word is not column else merged[f"o{number}"]
        for number, (word, column) in enumerate(zip(order, plain, strict=True))
    ]
    page_rows = both.order_by(*words).limit(bindparam("limit")).offset(bindparam("offset")).subquery()
    return select(page_rows.c.row)


def _films(shape: Shape) -> list[Select[Any]]:
    """All films inside the scope."""
    own = select(instances).where(instances.c.institution.in_(bindparam("institutions", expanding=True)))
    others = select(instances).where(
        instances.c.study.in_(select(studies.c.id).where(single_studies()).correlate(None))
    )
    ways = [way for way, there in ((own, shape.institutions), (others, shape.studies)) if there]
    return [way.correlate(None) for way in ways] or [select(instances).where(false())]


def _walks(shape: Shape) -> list[Select[Any]]:
    """What is inside the scope and matches; what an institution holds and what single cases open are two ways."""
    conditions = [
        condition(shape.level, tag, kind, traits, f"m{number}")
        for number, (tag, kind, traits) in enumerate(shape.matches)
    ]
    if shape.in_series:
        conditions.append(series.c.series_uid == bindparam("series_uid"))
    rows = select(_key(shape.level)).select_from(_source(shape.level)).where(*conditions).correlate(None)
    way = way_to(shape)
    if way is not None:
        return [rows.where(way, scope_condition(shape.institutions, shape.studies, open_index=False))]
    ways = []
    if shape.institutions:
        ways.append(rows.where(scope_condition(True, False)))
    if shape.studies:
        ways.append(rows.where(single_studies()))
    return ways or [rows.where(false())]
