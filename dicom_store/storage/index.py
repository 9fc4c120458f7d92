"""The index: which films there are, for whom, and where. SQLite (WAL, synchronous=FULL) or PostgreSQL, by URL.

Reads take a `Scope` and find nothing outside of it. Writes go through one writer (`write`), several jobs a commit.
"""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Executable, Select, and_, bindparam, func, select

from dicom_store.errors import NotFound
from dicom_store.model import (
    Arrival,
    BlobRef,
    InstanceKey,
    InstanceRecord,
    InstanceUID,
    InstitutionId,
    Origin,
    Search,
    SeriesUID,
    StudyKey,
    StudyUID,
)
from dicom_store.ports import Scope
from dicom_store.storage import keeping, searching, ways
from dicom_store.storage.database import database
from dicom_store.storage.jobs import Job
from dicom_store.storage.keeping import Kept, NewFilm
from dicom_store.storage.keys import KeyRing
from dicom_store.storage.searching import Found
from dicom_store.storage.tables import arrivals, headers, instances, series, studies
from dicom_store.storage.writer import Writer

T = TypeVar("T")

_NOT_FOUND = "There is no such study, series or film here."

_COLUMNS = (
    instances.c.id, instances.c.institution, studies.c.study_uid, series.c.series_uid, instances.c.instance_uid,
    instances.c.sop_class, instances.c.transfer_syntax, instances.c.digest, instances.c.pack, instances.c.pack_offset,
    instances.c.length, instances.c.frames, instances.c.rows, instances.c.columns, instances.c.bits_allocated,
    instances.c.samples, instances.c.photometric, instances.c.pixel_offset, instances.c.pixel_length,
    instances.c.flags, instances.c.received_at,
)  # fmt: skip
_FILM = (
    select(*_COLUMNS)
    .select_from(instances)
    .join(studies, studies.c.id == instances.c.study)
    .join(series, series.c.id == instances.c.series)
)
_HEADER = (
    select(
        instances.c.instance_uid, instances.c.institution, studies.c.study_uid, series.c.series_uid,
        instances.c.digest, headers.c.header,
    )
    .select_from(instances)
    .join(studies, studies.c.id == instances.c.study)
    .join(series, series.c.id == instances.c.series)
    .join(headers, headers.c.instance == instances.c.id)
)  # fmt: skip
_NAME = (
    select(instances.c.instance_uid, instances.c.institution)
    .select_from(instances)
    .join(studies, studies.c.id == instances.c.study)
    .join(series, series.c.id == instances.c.series)
)
_IN_STUDY = studies.c.study_uid == bindparam("study_uid")
_IN_SERIES = and_(_IN_STUDY, series.c.series_uid == bindparam("series_uid"))
_ONE = and_(_IN_SERIES, instances.c.instance_uid == bindparam("instance_uid"))
_ORDER = (series.c.number, series.c.id, instances.c.number, instances.c.id)
_STATEMENTS = {
    "study": select(studies.c.institution).where(_IN_STUDY),
    "film": _FILM.where(_ONE),
    "films of series": _FILM.where(_IN_SERIES).order_by(*_ORDER),
    "films of study": _FILM.where(_IN_STUDY).order_by(*_ORDER),
    "some films of series": (
        _FILM.where(_IN_SERIES).order_by(*_ORDER).offset(bindparam("first")).limit(bindparam("most"))
    ),
    "names of series": _NAME.where(_IN_SERIES).order_by(*_ORDER).limit(bindparam("most")),
    "header": _HEADER.where(_ONE),
    "headers of series": _HEADER.where(_IN_SERIES).order_by(*_ORDER),
    "headers of study": _HEADER.where(_IN_STUDY).order_by(*_ORDER),
}
_BRIEF = {"study", "film", "some films of series", "names of series", "header"}
_FEW_UIDS = 32
_ARRIVALS = (
    select(arrivals).where(arrivals.c.number > bindparam("number")).order_by(arrivals.c.number).limit(bindparam("most"))
)
_FRAGMENTS = select(headers.c.fragments).where(headers.c.instance == bindparam("row"))


class Described(NamedTuple):
    """A film's whole data set as DICOM JSON without the outer braces; `digest` is of the film, in hex."""

    key: StudyKey
    series: SeriesUID
    instance: InstanceUID
    digest: str
    header: bytes


class Index:
    """The index of one archive in one process. `open` first, `close` last.

    Args:
        url: SQLAlchemy URL of an async driver.
        keys: Seals the headers.
        readers: How many connections read.
    """

    def __init__(self, url: str, keys: KeyRing, readers: int = 4) -> None:
        self._keys = keys
        self._database = database(url, readers)
        self._writer = Writer(self._database)

    async def open(self) -> None:
        """Bring the tables up to date and begin to take writes."""
        await self._database.open()
        self._writer.start()

    async def close(self) -> None:
        """Finish what waits and let go of the database."""
        await self._writer.stop()
        await self._database.close()

    # ------------------------------------------------------------ writing

    async def write(self, job: Job[T]) -> T:
        """Run a job in the writer's transaction; returns after the commit. See `Writer.write`."""
        return await self._writer.write(job)

    async def keep_films(self, films: Sequence[NewFilm], origin: Origin, at: datetime) -> list[Kept]:
        """Index films whose bytes are safe, with their arrivals, in one transaction."""
        return await self.write(lambda connection: keeping.keep_films(connection, films, origin, at))

    async def refer_again(self, films: Sequence[tuple[StudyUID, InstanceUID]], origin: Origin, at: datetime) -> None:
        """Announce films that are here already to what they now refer to."""
        await self.write(lambda connection: keeping.refer_again(connection, films, origin, at))

    async def remove_films(self, keys: Sequence[InstanceKey], caller: str, at: datetime) -> int:
        """Take films out of the index. Returns how many there were."""
        return await self.write(lambda connection: keeping.remove_films(connection, keys, caller, at))

    # ------------------------------------------------------------ reading

    async def search(self, scope: Scope, search: Search) -> list[Found]:
        """What a search finds inside the scope, at the search's level."""
        if not scope.institutions and not scope.studies:
            return []
        narrow = None
        if (asked := searching.counted(search, scope)) is not None:
            query, values, places = asked
            narrow = searching.few(places, (await self._rows(query, values))[0])
        query, values = searching.statement(search, scope, narrow)
        rows = await self._rows(query, values, brief=searching.brief(search))
        return [Found(*row) for row in rows]

    async def study(self, scope: Scope, study: StudyUID) -> list[StudyKey]:
        """The copies of a study inside the scope: none, one, or one for each institution.

        Returns:
            Empty when there is none for this caller.
        """
        rows = await self._scoped("study", scope, {"study_uid": study})
        return [StudyKey(InstitutionId(row.institution), study) for row in rows]

    async def instance(
        self, scope: Scope, study: StudyUID, series_uid: SeriesUID, instance: InstanceUID
    ) -> InstanceRecord:
        """One film.

        Raises:
            NotFound: Not there, or outside the scope.
        """
        values = {"study_uid": study, "series_uid": series_uid, "instance_uid": instance}
        rows = await self._scoped("film", scope, values)
        return _record(_only_own(rows)[0])

    async def instances(
        self, scope: Scope, study: StudyUID, series_uid: SeriesUID | None = None
    ) -> list[InstanceRecord]:
        """The films of a study or series, in order.

        Raises:
            NotFound: None there, or outside the scope.
        """
        name = "films of study" if series_uid is None else "films of series"
        rows = await self._scoped(name, scope, _named(study, series_uid))
        return [_record(row) for row in _only_own(rows)]

    async def some_instances(
        self, scope: Scope, study: StudyUID, series_uid: SeriesUID, first: int, most: int
    ) -> list[InstanceRecord]:
        """A few neighbours among the films of a series, in the order of `instances`.

        Args:
            scope: What the caller may see.
            study: Its study.
            series_uid: The series.
            first: The place of the first one, from 0.
            most: How many.

        Raises:
            NotFound: None there, or outside the scope.
        """
        values = {**_named(study, series_uid), "first": first, "most": most}
        return [_record(row) for row in _only_own(await self._scoped("some films of series", scope, values))]

    async def names(
        self, scope: Scope, study: StudyUID, series_uid: SeriesUID, most: int
    ) -> list[InstanceUID]:  # fmt: skip
        """The UIDs of the first `most` films of a series, in the order of `instances`.

        Raises:
            NotFound: None there, or outside the scope.
        """
        rows = await self._scoped("names of series", scope, {**_named(study, series_uid), "most": most})
        return [row[0] for row in _only_own(rows)]

    async def described(
        self,
        scope: Scope,
        study: StudyUID,
        series_uid: SeriesUID | None = None,
        instance: InstanceUID | None = None,
    ) -> list[Described]:
        """The films of a study, series, or one film, with their data sets as JSON, in order.

        Raises:
            NotFound: None there, or outside the scope.
        """
        name = "header" if instance is not None else "headers of study" if series_uid is None else "headers of series"
        rows = await self._scoped(name, scope, _named(study, series_uid, instance))
        return [
            Described(
                StudyKey(holder, study),
                series_found,
                film,
                digest.hex(),
                self.open_header(film_name(holder, film), sealed),
            )
            for film, holder, _, series_found, digest, sealed in _only_own(rows)
        ]

    def open_header(self, name: str, sealed: bytes) -> bytes:
        """A stored header as DICOM JSON without the outer braces."""
        return zlib.decompress(self._keys.unseal(sealed, name.encode()))

    def seal_header(self, name: str, header: bytes) -> bytes:
        """What `open_header` opens again."""
        return self._keys.seal(zlib.compress(header, 1), name.encode())

    async def fragments(self, record: InstanceRecord) -> bytes:
        """Where each fragment of encapsulated pixel data lies: see `fragments.unpack_fragments`."""
        rows = await self._rows(_FRAGMENTS, {"row": record.row}, brief=True)
        if not rows:
            raise NotFound(_NOT_FOUND)
        return zlib.decompress(rows[0].fragments) if rows[0].fragments else b""

    async def known_films(self, institution: InstitutionId, uids: Sequence[str]) -> dict[str, bytes]:
        """Which of these films an institution holds, with the hash of their bytes; for the door, not for callers."""
        ask = partial(self._rows, brief=len(uids) <= _FEW_UIDS)
        return await keeping.known_films(ask, institution, uids)

    async def arrivals_after(self, number: int, limit: int = 500) -> list[Arrival]:
        """What came in after an arrival's number, oldest first."""
        rows = await self._rows(_ARRIVALS, {"number": number, "most": limit})
        return [keeping.to_arrival(row) for row in rows]

    async def last_arrival(self) -> int:
        """The number of the newest arrival, 0 if there is none."""
        rows = await self._rows(select(func.coalesce(func.max(arrivals.c.number), 0)), {})
        return int(rows[0][0])

    async def rows(self, query: Select[Any], values: Any = None) -> Sequence[Any]:
        """Run a reading statement over tables that a room above keeps here, such as lab reports."""
        return await self._rows(query, values or {})

    async def _rows(self, query: Executable, values: Any, *, brief: bool = False) -> Sequence[Any]:
        return await self._database.rows(query, values, brief=brief)

    async def _scoped(self, name: str, scope: Scope, values: dict[str, Any]) -> Sequence[Any]:
        if not scope.institutions and not scope.studies:
            return []
        parameters: dict[str, Any] = dict(values)
        if scope.institutions:
            parameters["institutions"] = sorted(scope.institutions)
        if scope.studies:
            wanted = [key for key in scope.studies if key.study == values["study_uid"]]
            if not wanted and not scope.institutions:
                return []
            parameters["scope_studies"] = [(key.institution, key.study) for key in wanted]
        statement = _statement(name, bool(scope.institutions), bool(scope.studies))
        return await self._rows(statement, parameters, brief=name in _BRIEF)


@lru_cache(maxsize=64)
def _statement(name: str, institutions: bool, single_studies: bool) -> Select[Any]:
    """A statement within a scope of this shape, built once."""
    return _STATEMENTS[name].where(ways.scope_condition(institutions, single_studies))


def _named(study: str, series_uid: str | None, instance: str | None = None) -> dict[str, Any]:
    values = {"study_uid": study, "series_uid": series_uid, "instance_uid": instance}
    return {name: value for name, value in values.items() if value is not None}


def _only_own(rows: Sequence[Any]) -> Sequence[Any]:
    """Where two institutions' copies are visible, answer one whole copy: the first. Raises NotFound for none."""
    if not rows:
        raise NotFound(_NOT_FOUND)
    # The second column is the institution.
    holders = {row[1] for row in rows}
    if len(holders) == 1:
        return rows
    chosen = min(holders)
    return [row for row in rows if row[1] == chosen]


def film_name(institution: str, instance: str) -> str:
    """A film's name inside its pack."""
    return f"{institution}/{instance}"


def _record(row: Sequence[Any]) -> InstanceRecord:
    """A row of `_COLUMNS` as a value."""
    number, institution, study, series_uid, instance, sop_class, syntax, digest, pack, offset, length, *rest = row
    frames, rows, columns, bits, samples, photometric, pixel_offset, pixel_length, flags, received = rest
    return InstanceRecord(
        number,
        StudyKey(institution, study),
        series_uid,
        instance,
        sop_class,
        syntax,
        digest.hex(),
        BlobRef(pack, offset, length, film_name(institution, instance)),
        frames,
        rows,
        columns,
        bits,
        samples,
        photometric,
        pixel_offset,
        pixel_length,
        frozenset(flags.split()),
        received if received.tzinfo else received.replace(tzinfo=UTC),
    )
