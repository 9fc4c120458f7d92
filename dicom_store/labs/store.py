"""Keep lab reports and find them again: encrypted rows, versions, each with its arrival in the same transaction.

Must not know HTTP, HL7 or what a consult is. Everything read by a caller is read within a `Scope`.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, insert, or_, select, update

from dicom_store.errors import LabRefused, NotFound
from dicom_store.labs.hashes import Hashes, fold_identifier, fold_name
from dicom_store.labs.model import KeptReport, LabReport, LabReportId, check
from dicom_store.labs.payload import packed, unpacked
from dicom_store.labs.tables import lab_messages, lab_reports
from dicom_store.model import ArrivalKind, Door, InstitutionId, Origin
from dicom_store.ports import LabReportStored, Scope
from dicom_store.storage.jobs import Writing
from dicom_store.storage.keeping import add_arrival, arrival_row
from dicom_store.storage.keys import KeyRing

T = TypeVar("T")

MAX_FOUND = 200
_IDS_PER_QUERY = 500
_NOT_FOUND = "There is no such lab report here."


class Database(Protocol):
    """What the store needs of the index; `storage.index.Index` is one."""

    async def write(self, job: Callable[[Writing], Awaitable[T]]) -> T:
        """Run a job in the writer's transaction."""

    async def rows(self, query: Select[Any], values: Any = None) -> Sequence[Any]:
        """Run a reading statement."""


@dataclass(frozen=True, slots=True)
class LabSearch:
    """What to look for; empty fields match everything.

    Attributes:
        identifier: The patient's number, exact but for case, width and blanks.
        name: The patient's name, likewise.
        since: Effective (collected, else reported, else received) at or after.
        before: Effective before.
        critical: Only reports with a critical result.
        all_versions: Also those that a newer version replaces.
    """

    identifier: str = ""
    name: str = ""
    since: datetime | None = None
    before: datetime | None = None
    critical: bool = False
    all_versions: bool = False
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Resent:
    """How a message is known again: what its sender calls it, and a digest of its content."""

    sender: str
    control_id: str
    digest: bytes


class LabStore:
    """The lab reports of one archive.

    Args:
        index: Writes and reads the tables.
        keys: Seal the reports.
        clock: Says the time of arrival.
        announce: Is told of every kept report after the commit.
    """

    def __init__(
        self,
        index: Database,
        keys: KeyRing,
        clock: Callable[[], datetime],
        announce: Callable[[LabReportStored], None] = lambda _event: None,
    ) -> None:
        self._index = index
        self._keys = keys
        self._hashes = Hashes(keys.current, keys.old)
        self._clock = clock
        self._announce = announce

    # ------------------------------------------------------------ writing

    async def add(self, report: LabReport, origin: Origin, *, replaces: LabReportId | None = None) -> LabReportId:
        """Keep one report.

        Args:
            report: Judged already (see `ingest`).
            origin: Names the institution that holds it.
            replaces: The version that a person corrects; without it the laboratory's order number tells.

        Returns:
            The new report's id, or that of the current version when it says just the same.

        Raises:
            LabRefused: It cannot be kept, or `replaces` is not the current version of a report held there.
        """
        return (await self._keep([report], origin, None, replaces))[0]

    async def add_all(
        self, reports: Sequence[LabReport], origin: Origin, resent: Resent | None = None
    ) -> list[LabReportId]:
        """Keep the reports of one message, all or none; a message kept before keeps nothing and gives the old ids."""
        return await self._keep(reports, origin, resent, None)

    async def _keep(
        self, reports: Sequence[LabReport], origin: Origin, resent: Resent | None, replaces: LabReportId | None
    ) -> list[LabReportId]:
        for report in reports:
            check(report)
        at = self._clock()

        async def job(connection: Writing) -> tuple[list[LabReportId], list[LabReportId]]:
            known = await self._known(connection, origin, resent) if resent else None
            if known is not None:
                return known, []
            kept = [await self._keep_one(connection, report, origin, at, replaces) for report in reports]
            ids = [each for each, _ in kept]
            if resent is not None:
                row = {"message_hash": self._message_hashes(origin, resent)[0], "received_at": at}
                await connection.execute(insert(lab_messages), [{**row, "reports": " ".join(ids)}])
            return ids, [each for each, new in kept if new]

        ids, fresh = await self._index.write(job)
        for each in fresh:
            self._announce(LabReportStored(each, origin))
        return ids

    def _message_hashes(self, origin: Origin, resent: Resent) -> list[bytes]:
        return self._hashes.all("message", origin.institution, resent.sender, resent.control_id, resent.digest)

    async def _known(self, connection: Writing, origin: Origin, resent: Resent) -> list[LabReportId] | None:
        hashes = self._message_hashes(origin, resent)
        query = select(lab_messages.c.reports).where(lab_messages.c.message_hash.in_(hashes))
        row = (await connection.execute(query)).first()
        return None if row is None else [LabReportId(each) for each in row.reports.split()]

    async def _keep_one(
        self,
        connection: Writing,
        report: LabReport,
        origin: Origin,
        at: datetime,
        replaces: LabReportId | None,
    ) -> tuple[LabReportId, bool]:
        """Insert one report; (its id, whether it is new)."""
        payload = packed(report)
        before = await self._before(connection, report, origin, replaces)
        if before is not None and before.content_hash in self._hashes.all("content", payload):
            return LabReportId(before.id), False
        report_id = LabReportId(uuid.uuid4().hex)
        if before is not None:
            # One current version: the row is taken over or, by a neighbour's faster correction, refused.
            await connection.execute(
                update(lab_reports).where(lab_reports.c.id == before.id).values(replaced_by=report_id)
            )
        row = {
            **self._row(report, origin, at),
            "id": report_id,
            "version": before.version + 1 if before is not None else 1,
            "replaces": before.id if before is not None else None,
            "content_hash": self._hashes.new("content", payload),
            "payload": self._keys.seal(payload, _about(origin.institution, report_id)),
        }
        await connection.execute(insert(lab_reports), [row])
        await add_arrival(connection, arrival_row(ArrivalKind.LAB, origin, at, study="", subject=report_id))
        return report_id, True

    async def _before(
        self, connection: Writing, report: LabReport, origin: Origin, replaces: LabReportId | None
    ) -> Any:
        """The row that this report is a newer version of, or None."""
        held = and_(lab_reports.c.institution == origin.institution, lab_reports.c.replaced_by.is_(None))
        if replaces is not None:
            row = (await connection.execute(select(lab_reports).where(held, lab_reports.c.id == replaces))).first()
            if row is None:
                raise LabRefused(
                    "The report to be corrected is not here, or a newer version of it is.", code="not_current"
                )
            return row
        if not report.order:
            return None
        hashes = self._hashes.all("order", *_order(report))
        query = select(lab_reports).where(held, lab_reports.c.order_hash.in_(hashes))
        return (await connection.execute(query.order_by(lab_reports.c.version.desc()).limit(1))).first()

    def _row(self, report: LabReport, origin: Origin, at: datetime) -> dict[str, Any]:
        new = self._hashes.new
        return {
            "institution": origin.institution,
            "patient_hash": new("patient", fold_identifier(report.patient.identifier)),
            "name_hash": new("name", fold_name(report.patient.name)),
            "order_hash": new("order", *_order(report)) if report.order else b"",
            "replaced_by": None,
            "status": report.status.value,
            "critical": report.critical,
            "effective_at": (report.collected_at or report.reported_at or at).astimezone(UTC),
            "received_at": at,
            "door": origin.door.value,
            "caller": origin.caller,
            "reference": origin.reference,
        }

    # ------------------------------------------------------------ reading

    async def get(self, scope: Scope, report: LabReportId) -> KeptReport:
        """One report.

        Raises:
            NotFound: Not there, or outside the scope.
        """
        found = await self._inside_only(scope, report)
        if found is None:
            raise NotFound(_NOT_FOUND)
        return found

    async def of(self, reports: Collection[str]) -> list[KeptReport]:
        """The reports with these ids, in their order, whoever holds them: for the house that embeds the archive."""
        wanted = list(dict.fromkeys(reports))
        found: dict[str, KeptReport] = {}
        for start in range(0, len(wanted), _IDS_PER_QUERY):
            query = select(lab_reports).where(lab_reports.c.id.in_(wanted[start : start + _IDS_PER_QUERY]))
            found.update((row.id, self._kept(row)) for row in await self._index.rows(query))
        return [found[each] for each in wanted if each in found]

    async def search(self, scope: Scope, search: LabSearch) -> list[KeptReport]:
        """The reports inside the scope that a search matches, newest first."""
        conditions = [_inside(scope), *self._conditions(search)]
        query = select(lab_reports).where(*conditions)
        newest = query.order_by(lab_reports.c.effective_at.desc(), lab_reports.c.id)
        limited = newest.limit(max(1, min(search.limit, MAX_FOUND))).offset(max(0, search.offset))
        return [self._kept(row) for row in await self._index.rows(limited)]

    async def versions(self, scope: Scope, report: LabReportId) -> list[KeptReport]:
        """Every version of a report inside the scope, oldest first, from any one of them. Raises NotFound."""
        asked = await self.get(scope, report)
        older, newer = [asked], [asked]
        while (earlier := older[0].replaces) and (found := await self._inside_only(scope, earlier)):
            older.insert(0, found)
        while (later := newer[-1].replaced_by) and (found := await self._inside_only(scope, later)):
            newer.append(found)
        return [*older, *newer[1:]]

    async def _inside_only(self, scope: Scope, report: LabReportId) -> KeptReport | None:
        rows = await self._index.rows(select(lab_reports).where(lab_reports.c.id == report, _inside(scope)))
        return self._kept(rows[0]) if rows else None

    def _conditions(self, search: LabSearch) -> list[ColumnElement[bool]]:
        table = lab_reports.c
        conditions: list[ColumnElement[bool]] = []
        if search.identifier:
            conditions.append(table.patient_hash.in_(self._hashes.all("patient", fold_identifier(search.identifier))))
        if search.name:
            conditions.append(table.name_hash.in_(self._hashes.all("name", fold_name(search.name))))
        if search.since is not None:
            conditions.append(table.effective_at >= search.since.astimezone(UTC))
        if search.before is not None:
            conditions.append(table.effective_at < search.before.astimezone(UTC))
        if search.critical:
            conditions.append(table.critical)
        if not search.all_versions:
            conditions.append(table.replaced_by.is_(None))
        return conditions

    def _kept(self, row: Any) -> KeptReport:
        payload = self._keys.unseal(row.payload, _about(row.institution, row.id))
        received = row.received_at if row.received_at.tzinfo else row.received_at.replace(tzinfo=UTC)
        return KeptReport(
            id=LabReportId(row.id),
            institution=InstitutionId(row.institution),
            report=unpacked(payload),
            origin=Origin(InstitutionId(row.institution), Door(row.door), row.caller, row.reference),
            received_at=received,
            version=row.version,
            replaces=LabReportId(row.replaces) if row.replaces else None,
            replaced_by=LabReportId(row.replaced_by) if row.replaced_by else None,
        )


def _about(institution: str, report: str) -> bytes:
    """What a sealed payload is bound to: it cannot be moved to another row or institution."""
    return f"lab report {institution} {report}".encode()


def _order(report: LabReport) -> tuple[str, ...]:
    """What makes two reports versions of one: analysers use the same number every day, so the number is not enough."""
    collected = report.collected_at.isoformat() if report.collected_at else ""
    patient = report.patient
    return (
        report.sender, report.order, report.panel_code or report.panel, collected,
        fold_identifier(patient.identifier), fold_name(patient.name),
    )  # fmt: skip


def _inside(scope: Scope) -> ColumnElement[bool]:
    table = lab_reports.c
    inside: list[ColumnElement[bool]] = []
    if scope.institutions:
        inside.append(table.institution.in_(sorted(scope.institutions)))
    if scope.lab_reports:
        inside.append(table.id.in_(sorted(scope.lab_reports)))
    return or_(*inside) if inside else false()
