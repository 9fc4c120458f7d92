"""Seals the audit rows into a hash chain, and checks the chain.

One task seals in commit order, within a second (within five what another process wrote); a chain inside every
transaction would make all writers queue. Each batch ends with a signed anchor, which is also appended to a file outside
of the database: so an edit, a deletion, a new order, a cut tail and a restored old copy all show.
"""

import asyncio
import hmac
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Row, Select, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditAnchor, AuditRow, AuditSeal
from teleconsult.db import Database, Work
from teleconsult.errors import ClinicError
from teleconsult.vault import Vault

log = structlog.get_logger()

_EVERY = timedelta(milliseconds=500)
_LOOK_ANYWAY = 10
"""Rounds after which is looked although this process wrote nothing: another may have."""
_BATCH = 500
_LATE = 10_000
"""How far below the newest sealed number rows are still looked for: PostgreSQL may commit row 12 after row 13."""
_START = b"\0" * 32
_ADVISORY_LOCK = 7_219_402_118  # any number; one sealer at a time on PostgreSQL


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found.

    Attributes:
        sound: Nothing was edited, deleted, moved or cut.
        rows: How many rows there are.
        sealed: How many of them hold their place in the chain.
        unsealed: The tail that waits for its seal.
        first_bad: Number of the first row that is not as it was sealed.
        reason: What is wrong, in a word for the console.
        gaps: First missing numbers of rows; no fault on PostgreSQL, where a transaction given up leaves one.
    """

    sound: bool
    rows: int
    sealed: int
    unsealed: int
    first_bad: int | None = None
    reason: str = ""
    gaps: tuple[int, ...] = ()


class Sealer:
    """Seals what was committed.

    Args:
        database: Where the audit is.
        vault: Gives the signing key.
        copies: File outside of the database to which every anchor is appended; None keeps none.
    """

    def __init__(self, database: Database, vault: Vault, copies: Path | None = None) -> None:
        self._database = database
        self._key = _signing_key(vault)
        self._copies = copies

    async def run(self) -> None:
        """Seal for ever; the shell that starts this cancels it."""
        while True:
            before = self._database.writes
            try:
                while await self.seal_once() == _BATCH:
                    continue
            except (SQLAlchemyError, ClinicError, OSError) as error:
                log.warning("audit.seal_failed", error=type(error).__name__)
            for _ in range(_LOOK_ANYWAY):
                await asyncio.sleep(_EVERY.total_seconds())
                if self._database.writes != before:
                    break

    async def seal_once(self) -> int:
        """Seal up to 500 rows. Returns how many."""
        async with self._database.read() as session:
            if not await session.scalar(_unsealed(await _newest_sealed(session)).limit(1)):
                return 0
        async with self._database.write(SYSTEM, aside=True) as work:
            if not self._database.is_sqlite:
                await work.session.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            anchor, count = await self._seal(work)
        if anchor is not None and self._copies is not None:
            await asyncio.to_thread(_append, self._copies, _line(anchor))
        return count

    async def _seal(self, work: Work) -> tuple[AuditAnchor | None, int]:
        last = await work.session.scalar(select(AuditSeal).order_by(AuditSeal.position.desc()).limit(1))
        position, head = (last.position, last.hash) if last else (0, _START)
        # Columns, not records: there is a row for every reading of every doctor.
        unsealed = _unsealed(await _newest_sealed(work.session)).order_by(AuditRow.number).limit(_BATCH)
        rows = (await work.session.execute(unsealed.with_only_columns(*AuditRow.__table__.columns))).all()
        seals = []
        for row in rows:
            position, head = position + 1, link(head, row)
            seals.append({"position": position, "number": row.number, "hash": head})
        if not rows:
            return None, 0
        await work.session.execute(insert(AuditSeal), seals)
        signature = self._key.sign(_signed(position, head))
        anchor = AuditAnchor(position=position, hash=head, at=work.at, signature=signature)
        work.session.add(anchor)
        return anchor, len(rows)


def link(previous: bytes, row: AuditRow | Row[Any]) -> bytes:
    """The hash of a row on top of the chain before it."""
    told = [
        row.number,
        row.at.isoformat(timespec="microseconds"),
        row.actor,
        row.actor_name,
        row.actor_kind,
        row.institution,
        row.address,
        row.action,
        row.subject,
        row.patient,
        row.detail,
    ]
    return sha256(previous + json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).digest()


async def verify(database: Database, vault: Vault, copies: Path | None = None) -> Verdict:
    """Walk the whole chain.

    Args:
        database: Where the audit is.
        vault: Checks the anchors' signatures.
        copies: The sealer's file of anchors, where it is kept.
    """
    async with database.read() as session:
        rows = await session.scalar(select(func.count()).select_from(AuditRow)) or 0
        sealed = await session.scalar(select(func.count()).select_from(AuditSeal)) or 0
        anchors = {row.position: row for row in await session.scalars(select(AuditAnchor))}
        gaps = await _gaps(session, counts_all=database.is_sqlite)
    bad, reason = await _walk(database, _signing_key(vault), anchors)
    if not reason and copies is not None:
        reason = await asyncio.to_thread(_compare_copies, copies, anchors)
    if not reason and gaps and database.is_sqlite:
        bad, reason = gaps[0], "a row is missing"
    return Verdict(not reason, rows, sealed, max(rows - sealed, 0), bad, reason, gaps)


async def _walk(database: Database, key: Ed25519PrivateKey, anchors: dict[int, AuditAnchor]) -> tuple[int | None, str]:
    public = key.public_key()
    head, position = _START, 0
    async for seal, row in _chain(database):
        position += 1
        if seal.position != position:
            return seal.number, "a seal is missing"
        if row is None:
            return seal.number, "the row was deleted"
        head = link(head, row)
        if not hmac.compare_digest(head, seal.hash):
            return seal.number, "the row was changed or moved"
        anchor = anchors.get(position)
        if anchor is None:
            continue
        try:
            public.verify(anchor.signature, _signed(position, head))
        except InvalidSignature:
            return seal.number, "the chain was made anew without the key"
    last_anchored = max(anchors, default=0)
    if last_anchored > position:
        return None, f"the chain was cut: signed up to place {last_anchored}, kept up to {position}"
    if last_anchored < position:
        return None, f"places {last_anchored + 1} to {position} were never signed"
    return None, ""


async def _chain(database: Database) -> AsyncIterator[tuple[AuditSeal, AuditRow | None]]:
    after = 0
    while True:
        async with database.read() as session:
            found: Sequence[tuple[AuditSeal, AuditRow | None]] = [
                (seal, row)
                for seal, row in await session.execute(
                    select(AuditSeal, AuditRow)
                    .outerjoin(AuditRow, AuditRow.number == AuditSeal.number)
                    .where(AuditSeal.position > after)
                    .order_by(AuditSeal.position)
                    .limit(_BATCH)
                )
            ]
        for seal, row in found:
            yield seal, row
        if len(found) < _BATCH:
            return
        after = found[-1][0].position


async def _gaps(session: AsyncSession, *, counts_all: bool) -> tuple[int, ...]:
    number, before = AuditRow.number, func.lag(AuditRow.number, 1, 0).over(order_by=AuditRow.number)
    steps = select(number.label("number"), before.label("before")).subquery()
    rows = await session.execute(select(steps).where(steps.c.number > steps.c.before + 1).limit(20))
    gaps = [int(row.before) + 1 for row in rows]
    if counts_all:
        # SQLite remembers the highest number ever given: rows cut from the end show.
        given = await session.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'audit_rows'")) or 0
        newest = await session.scalar(select(func.max(AuditRow.number))) or 0
        if int(given) > newest:
            gaps.append(newest + 1)
    return tuple(gaps)


async def _newest_sealed(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(AuditSeal.number))) or 0


def _unsealed(newest: int) -> Select[AuditRow]:
    there = select(AuditSeal.number).where(AuditSeal.number == AuditRow.number)
    return select(AuditRow).where(AuditRow.number > newest - _LATE, ~there.exists())


def _signing_key(vault: Vault) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(vault.subkey("audit-anchors"))


def _signed(position: int, head: bytes) -> bytes:
    return b"teleconsult audit\0" + position.to_bytes(8, "big") + head


def _line(anchor: AuditAnchor) -> str:
    return f"{anchor.position} {anchor.hash.hex()} {anchor.signature.hex()} {anchor.at.isoformat()}\n"


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _compare_copies(path: Path, anchors: dict[int, AuditAnchor]) -> str:
    if not path.exists():
        return "" if not anchors else "the file of anchors is missing"
    for line in path.read_text().splitlines():
        place, _, rest = line.partition(" ")
        anchor = anchors.get(int(place)) if place.isdigit() else None
        if anchor is None:
            return f"the database is older than its anchors: place {place} is missing"
        if anchor.hash.hex() != rest.partition(" ")[0]:
            return f"the anchor of place {place} is not the one that was written"
    return ""
