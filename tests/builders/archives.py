"""An archive for tests: settings on a temporary folder, and a Gatekeeper whose tokens are names of institutions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, update

from dicom_store.archive import Archive
from dicom_store.config import ArchiveSettings
from dicom_store.errors import NotAllowed, NotIdentified, Unavailable
from dicom_store.model import Door, InstitutionId, Origin, StudyKey
from dicom_store.ports import Action, Caller, Credentials, Scope
from dicom_store.storage.tables import instances
from tests.builders import films

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def settings(folder: Path, **changes: Any) -> ArchiveSettings:
    """Settings of an archive below a temporary folder."""
    # Most tests show no picture: those that do wait for the workers once.
    usual = {"data_dir": folder / "archive", "key": b"k" * 32, "clock": lambda: NOW, "warm_workers": False}
    return ArchiveSettings(**{**usual, **changes})


def origin(institution: str = "east", door: Door = Door.STOW, caller: str = "tester") -> Origin:
    """Where a test's film comes from."""
    return Origin(InstitutionId(institution), door, caller)


def everything_of(*institutions: str) -> Scope:
    """The scope of someone who works at these institutions."""
    return Scope(institutions=frozenset(map(InstitutionId, institutions)))


async def as_of_old(archive: Archive, series: list[bytes]) -> None:
    """Give films that were kept the digest that versions before BLAKE3 wrote."""
    by_uid = update(instances).where(instances.c.instance_uid == bindparam("uid"))
    query = by_uid.values({instances.c.digest: bindparam("old")})
    values = [{"uid": films.uids(film)[2], "old": hashlib.sha256(film).digest()} for film in series]
    await archive.index.write(lambda connection: connection.execute(query, values))


class Porter:
    """A Gatekeeper: the bearer token is the institution. What was witnessed is remembered.

    Attributes:
        readers: Studies that the caller `guest` may see beside.
        audit_works: False makes every witness fail.
        on_record: Studies that may not be deleted.
    """

    def __init__(self) -> None:
        self.witnessed: list[tuple[str, Action, frozenset[StudyKey]]] = []
        self.readers: set[StudyKey] = set()
        self.audit_works = True
        self.references_allowed = True
        self.on_record: set[StudyKey] = set()

    async def identify(self, credentials: Credentials) -> Caller:
        token = credentials.authorization.removeprefix("Bearer ")
        if not token:
            raise NotIdentified("Please sign in.")
        return Caller(token)

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        return Caller(ae_title)

    async def scope(self, caller: Caller, action: Action) -> Scope:
        if caller.id == "guest":
            return Scope(studies=frozenset(self.readers))
        institution = InstitutionId(caller.id)
        return Scope(frozenset({institution}), store_into=institution if action is Action.STORE else None)

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        if origin.reference and not self.references_allowed:
            raise NotAllowed("This consult is not yours.")

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        if not self.audit_works:
            raise Unavailable("The audit trail cannot be written.")
        if action is Action.DELETE and self.on_record & set(studies):
            raise NotAllowed("This film belongs to a consult's record and must be kept.")
        self.witnessed.append((caller.id, action, frozenset(studies)))

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        if not self.audit_works:
            raise Unavailable("The audit trail cannot be written.")


def plain(message: str, _language: str) -> str:
    """A Translate that leaves everything in English."""
    return message
