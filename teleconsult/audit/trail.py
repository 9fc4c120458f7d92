"""Writes the audit: a change's row in the change's own transaction, a reading's row before the first byte leaves."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from teleconsult.actor import Actor
from teleconsult.audit.models import AuditRow
from teleconsult.db import Database, Work
from teleconsult.errors import Unavailable

_WINDOW = timedelta(minutes=15)
_REMEMBERED = 50_000
_PAGE = 100

_Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit row for showing."""

    number: int
    at: datetime
    actor: str
    actor_name: str
    actor_kind: str
    institution: str
    address: str
    action: str
    subject: str
    patient: str
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the audit is asked for; "" asks for all.

    Attributes:
        before: Only numbers below it: the last number of the page before. 0 begins at the newest.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    patient: str = ""
    before: int = 0


def note(work: Work, action: str, subject: str, *, patient: str = "", detail: Mapping[str, str] | None = None) -> None:
    """Add one row to the transaction.

    Args:
        work: The change's transaction; its actor is who did it.
        action: `room.move`, in the words of the code.
        subject: `table/ID`.
        patient: Id of the patient concerned.
        detail: Small texts without patient data.
    """
    work.session.add(AuditRow(**_row(work.actor, work.at, action, subject, patient, detail)))


class Witness:
    """Notes who reads a patient's data: one row per person, subject, action and quarter of an hour.

    Readers that come together share one transaction. Nobody reads before the row is durable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._waiting: dict[_Key, dict[str, Any]] = {}
        self._noted: OrderedDict[_Key, None] = OrderedDict()

    async def read(self, actor: Actor, action: str, subject: str, patient: str) -> None:
        """Call before giving the data out; returns once the row is on the disk.

        Raises:
            Unavailable: The row cannot be written: then nothing may be read.
        """
        await self.read_all(actor, action, [(subject, patient)])

    async def read_all(self, actor: Actor, action: str, subjects: list[tuple[str, str]]) -> None:
        """Several subjects at once, as (subject, patient).

        Raises:
            Unavailable: The rows cannot be written.
        """
        at = self._database.clock.now()
        window = int(at.timestamp() // _WINDOW.total_seconds())
        keys = {(actor.id, action, subject, window): patient for subject, patient in subjects}
        fresh = {key: patient for key, patient in keys.items() if key not in self._noted}
        for key, patient in fresh.items():
            self._waiting.setdefault(key, _row(actor, at, action, key[2], patient, None))
        if not fresh:
            return
        try:
            async with self._turn:
                if any(key in self._waiting for key in fresh):
                    await self._write()
        except Unavailable as error:
            raise Unavailable("The audit cannot be written, so nothing may be read now.") from error
        finally:
            for key in fresh:
                self._waiting.pop(key, None)

    async def _write(self) -> None:
        batch = dict(self._waiting)
        await self._database.append(AuditRow, list(batch.values()))
        for key in batch:
            self._waiting.pop(key, None)
            self._noted[key] = None
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)


class Trail:
    """Reads the audit."""

    page_size = _PAGE

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, actor: Actor, wanted: Wanted) -> list[Entry]:
        """A page of the rows of the actor's institution, the newest first; a hundred at most."""
        rows = select(AuditRow).where(AuditRow.institution == actor.institution).order_by(AuditRow.number.desc())
        if wanted.before:
            rows = rows.where(AuditRow.number < wanted.before)
        for column, value in (
            (AuditRow.actor, wanted.actor),
            (AuditRow.action, wanted.action),
            (AuditRow.subject, wanted.subject),
            (AuditRow.patient, wanted.patient),
        ):
            if value:
                rows = rows.where(column == value)
        async with self._database.read() as session:
            return [_entry(row) for row in await session.scalars(rows.limit(_PAGE))]


def _row(
    actor: Actor, at: datetime, action: str, subject: str, patient: str, detail: Mapping[str, str] | None
) -> dict[str, Any]:
    return {
        "at": at,
        "actor": actor.id,
        "actor_name": actor.name[:120],
        "actor_kind": str(actor.kind),
        "institution": actor.institution,
        "address": actor.address,
        "action": action,
        "subject": subject,
        "patient": patient,
        "detail": json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True),
    }


def _entry(row: AuditRow) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        actor=row.actor,
        actor_name=row.actor_name,
        actor_kind=row.actor_kind,
        institution=row.institution,
        address=row.address,
        action=row.action,
        subject=row.subject,
        patient=row.patient,
        detail=json.loads(row.detail),
    )
