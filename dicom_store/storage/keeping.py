"""What one index transaction does with new films: sorts out duplicates, adds rows, counts, announces the arrivals.

Everything here runs inside a job of the writer, so nobody else changes the index meanwhile: row numbers are counted up
by hand and counters cannot be lost.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, delete, func, insert, select, update

from dicom_store.model import (
    Arrival,
    ArrivalKind,
    BlobRef,
    Door,
    InstanceKey,
    InstanceUID,
    InstitutionId,
    Origin,
    SeriesUID,
    StudyUID,
)
from dicom_store.storage.jobs import Writing
from dicom_store.storage.rows import add_rows
from dicom_store.storage.tables import arrivals, headers, instances, removals, series, studies


@dataclass(frozen=True, slots=True)
class NewFilm:
    """A film whose bytes are safe in a pack, ready to be indexed.

    Attributes:
        digest: See `fingerprint`.
        study_columns: Columns of `studies` for the first film of a study.
        series_columns: Columns of `series` for the first film of a series.
        columns: Columns of `instances` that describe the film.
        header: The whole data set as sealed JSON.
        fragments: See `tables.headers`.
    """

    study: StudyUID
    series: SeriesUID
    instance: InstanceUID
    modality: str
    digest: bytes
    blob: BlobRef
    study_columns: dict[str, Any]
    series_columns: dict[str, Any]
    columns: dict[str, Any]
    header: bytes
    fragments: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one film: new, here before with the same bytes, or here before with others."""

    added: bool
    same: bool


_KNOWN = select(instances.c.instance_uid, instances.c.digest).where(
    instances.c.institution == bindparam("institution"),
    instances.c.instance_uid.in_(bindparam("uids", expanding=True)),
)
_STUDY = select(studies.c.id, studies.c.modalities).where(
    studies.c.institution == bindparam("institution"), studies.c.study_uid == bindparam("uid")
)
_SERIES = select(series.c.id).where(series.c.study == bindparam("study_id"), series.c.series_uid == bindparam("uid"))
_LAST_STUDY = select(func.coalesce(func.max(studies.c.id), 0))
_LAST_SERIES = select(func.coalesce(func.max(series.c.id), 0))
_LAST_INSTANCE = select(func.coalesce(func.max(instances.c.id), 0))
_COUNT_STUDY = (
    update(studies)
    .where(studies.c.id == bindparam("row"))
    .values(
        instance_count=studies.c.instance_count + bindparam("more"),
        series_count=studies.c.series_count + bindparam("more_series"),
        modalities=bindparam("now"),
        changed_at=bindparam("at"),
    )
)
_COUNT_SERIES = (
    update(series)
    .where(series.c.id == bindparam("row"))
    .values(instance_count=series.c.instance_count + bindparam("more"))
)


Ask = Callable[[Executable, Any], Awaitable[Iterable[Any]]]
"""Runs a statement: a writing connection or a reader."""


async def known_films(ask: Ask, institution: str, uids: Sequence[str]) -> dict[str, bytes]:
    """Which of these films the institution holds, with the hash of their bytes."""
    found: dict[str, bytes] = {}
    for start in range(0, len(uids), 500):
        rows = await ask(_KNOWN, {"institution": institution, "uids": list(uids[start : start + 500])})
        found.update((row[0], row[1]) for row in rows)
    return found


async def keep_films(connection: Writing, films: Sequence[NewFilm], origin: Origin, at: datetime) -> list[Kept]:
    """Index films, in order.

    Returns:
        For each film what became of it.
    """
    known = await known_films(connection.execute, origin.institution, [film.instance for film in films])
    outcomes: list[Kept] = []
    fresh: list[NewFilm] = []
    for film in films:
        before = known.get(film.instance)
        if before is None:
            known[film.instance] = film.digest
            fresh.append(film)
            outcomes.append(Kept(added=True, same=True))
        else:
            outcomes.append(Kept(added=False, same=before == film.digest))
    if fresh:
        await _add(connection, fresh, origin, at)
    return outcomes


async def _add(connection: Writing, films: list[NewFilm], origin: Origin, at: datetime) -> None:
    places = await _places(connection, films, origin.institution, at)
    row = int((await connection.execute(_LAST_INSTANCE)).scalar_one())
    instance_rows: list[dict[str, Any]] = []
    header_rows: list[dict[str, Any]] = []
    for film in films:
        row += 1
        study_row, series_row = places[film.study, film.series]
        instance_rows.append(
            {
                "id": row,
                "institution": origin.institution,
                "instance_uid": film.instance,
                "series": series_row,
                "study": study_row,
                "digest": film.digest,
                "pack": film.blob.pack,
                "pack_offset": film.blob.offset,
                "length": film.blob.length,
                "received_at": at,
                **film.columns,
            }
        )
        header_rows.append({"instance": row, "header": film.header, "fragments": film.fragments})
    await add_rows(connection, instances, instance_rows)
    await add_rows(connection, headers, header_rows)
    await add_rows(connection, arrivals, [_arrival_row(film, origin, at) for film in films])


async def _places(
    connection: Writing, films: list[NewFilm], institution: str, at: datetime
) -> dict[tuple[str, str], tuple[int, int]]:
    """The rows of each film's study and series; made where missing, counters moved on."""
    places: dict[tuple[str, str], tuple[int, int]] = {}
    by_study: dict[str, dict[str, list[NewFilm]]] = {}
    for film in films:
        by_study.setdefault(film.study, {}).setdefault(film.series, []).append(film)
    for study_uid, by_series in by_study.items():
        first = next(iter(by_series.values()))[0]
        found = (await connection.execute(_STUDY, {"institution": institution, "uid": study_uid})).first()
        if found is None:
            study_row = int((await connection.execute(_LAST_STUDY)).scalar_one()) + 1
            values = {"id": study_row, "institution": institution, "study_uid": study_uid, "changed_at": at}
            await add_rows(connection, studies, [{**first.study_columns, **values}])
            modalities: set[str] = set()
        else:
            study_row = found.id
            modalities = set(found.modalities.split("\\")) - {""}
        new_series = 0
        for series_uid, members in by_series.items():
            series_row, made = await _series_row(connection, study_row, members[0])
            new_series += made
            places[study_uid, series_uid] = (study_row, series_row)
            modalities.add(members[0].modality)
            await connection.execute(_COUNT_SERIES, {"row": series_row, "more": len(members)})
        moved = {
            "row": study_row,
            "more": sum(len(members) for members in by_series.values()),
            "more_series": new_series,
            "now": "\\".join(sorted(modalities - {""})),
            "at": at,
        }
        await connection.execute(_COUNT_STUDY, moved)
    return places


async def _series_row(connection: Writing, study_row: int, film: NewFilm) -> tuple[int, int]:
    found = (await connection.execute(_SERIES, {"study_id": study_row, "uid": film.series})).scalar_one_or_none()
    if found is not None:
        return found, 0
    row = int((await connection.execute(_LAST_SERIES)).scalar_one()) + 1
    values = {"id": row, "study": study_row, "series_uid": film.series}
    await add_rows(connection, series, [{**film.series_columns, **values}])
    return row, 1


def _arrival_row(film: NewFilm, origin: Origin, at: datetime) -> dict[str, Any]:
    return arrival_row(ArrivalKind.FILM, origin, at, study=film.study, subject=film.instance)


def arrival_row(kind: ArrivalKind, origin: Origin, at: datetime, *, study: str, subject: str) -> dict[str, Any]:
    """A row for `arrivals`, to be inserted in the transaction that indexed the thing."""
    return {
        "kind": kind.value,
        "institution": origin.institution,
        "door": origin.door.value,
        "caller": origin.caller,
        "reference": origin.reference,
        "study": study,
        "subject": subject,
        "at": at,
    }


async def refer_again(
    connection: Writing, films: Sequence[tuple[StudyUID, InstanceUID]], origin: Origin, at: datetime
) -> None:
    """Arrivals of films that were kept before, for the reference they carry now."""
    rows = [arrival_row(ArrivalKind.FILM, origin, at, study=study, subject=film) for study, film in films]
    await connection.execute(insert(arrivals), rows)


async def add_arrival(connection: Writing, arrival: dict[str, Any]) -> None:
    """Insert one `arrival_row`; for lab reports."""
    await connection.execute(insert(arrivals), [arrival])


async def remove_films(connection: Writing, keys: Sequence[InstanceKey], caller: str, at: datetime) -> int:
    """Take films out of the index and remember that they were there; their bytes are freed by the compactor.

    Returns:
        How many there were.
    """
    removed = 0
    for key in keys:
        query = (
            select(instances, studies.c.study_uid)
            .join(studies, studies.c.id == instances.c.study)
            .where(instances.c.institution == key.institution, instances.c.instance_uid == key.instance)
        )
        found = (await connection.execute(query)).mappings().first()
        if found is None:
            continue
        removed += 1
        copied = ("institution", "study_uid", "instance_uid", "digest", "pack", "pack_offset", "length")
        row = {**{name: found[name] for name in copied}, "caller": caller, "at": at}
        await connection.execute(insert(removals), [row])
        await connection.execute(delete(headers).where(headers.c.instance == found["id"]))
        await connection.execute(delete(instances).where(instances.c.id == found["id"]))
        await _uncount(connection, found["study"], found["series"])
    return removed


async def _uncount(connection: Writing, study_row: int, series_row: int) -> None:
    """One film fewer; an empty series or study goes."""
    fewer = update(series).where(series.c.id == series_row).values(instance_count=series.c.instance_count - 1)
    left = (await connection.execute(fewer.returning(series.c.instance_count))).scalar_one()
    if left == 0:
        await connection.execute(delete(series).where(series.c.id == series_row))
    rest = (await connection.execute(select(series.c.modality).where(series.c.study == study_row))).scalars().all()
    if not rest:
        await connection.execute(delete(studies).where(studies.c.id == study_row))
        return
    values = {
        "instance_count": studies.c.instance_count - 1,
        "series_count": len(rest),
        "modalities": "\\".join(sorted({modality for modality in rest if modality})),
    }
    await connection.execute(update(studies).where(studies.c.id == study_row).values(values))


def to_arrival(row: Any) -> Arrival:
    """An arrivals row as a value."""
    origin = Origin(InstitutionId(row.institution), Door(row.door), row.caller, row.reference)
    return Arrival(row.number, ArrivalKind(row.kind), origin, row.study, row.subject, row.at)
