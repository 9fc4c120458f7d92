"""What the archive's gatekeeper remembers, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from dicom_store.errors import NotAllowed
from dicom_store.model import InstitutionId as ArchiveInstitution
from dicom_store.model import StudyKey, StudyUID
from dicom_store.ports import Action
from teleconsult.actor import SYSTEM, Actor, ActorKind, InstitutionId, Permission
from teleconsult.bridges.archive import ClinicGatekeeper, KnownCaller
from teleconsult.consults.ports import Opened, StudyRef
from teleconsult.db import Database
from tests.builders.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Database]:
    opened = Database.at(tmp_path / "clinic.db", clock)
    yield opened
    await opened.close()


class Cases:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.studies = frozenset({StudyRef(InstitutionId("west"), "1.2.3")})

    async def open_to(self, actor: Actor) -> Opened:
        self.asked += 1
        return Opened(self.studies)

    async def is_on_record(self, institution: str, study_uid: str) -> bool:
        return study_uid == "1.2.3"


class Book:
    """Remembers what was witnessed."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, list[tuple[str, str]]]] = []

    async def read_all(self, actor: Actor, action: str, subjects: list[tuple[str, str]]) -> None:
        self.lines.append((action, subjects))


def caller() -> KnownCaller:
    rights = frozenset({Permission.FILM_READ})
    return KnownCaller("u1", Actor("u1", "Wang", ActorKind.STAFF, InstitutionId("east"), permissions=rights))


def gate(cases: Cases, database: Database) -> ClinicGatekeeper:
    return ClinicGatekeeper(cast("Any", None), cast("Any", cases), cast("Any", None), None, database)


async def test_what_is_open_is_asked_once_for_many_frames(database: Database) -> None:
    cases = Cases()
    keeper = gate(cases, database)
    scopes = {await keeper.scope(caller(), Action.READ) for _ in range(100)}
    assert len(scopes) == 1
    assert cases.asked == 1


async def test_a_right_taken_away_here_ends_at_once(database: Database) -> None:
    cases = Cases()
    keeper = gate(cases, database)
    assert (await keeper.scope(caller(), Action.READ)).studies
    cases.studies = frozenset()
    async with database.write(SYSTEM):
        pass
    assert not (await keeper.scope(caller(), Action.READ)).studies


async def test_a_right_taken_away_by_another_process_ends_within_seconds(database: Database, clock: FixedClock) -> None:
    cases = Cases()
    keeper = gate(cases, database)
    assert (await keeper.scope(caller(), Action.READ)).studies
    cases.studies = frozenset()
    clock.turn(seconds=2)
    assert not (await keeper.scope(caller(), Action.READ)).studies


async def test_what_is_on_a_record_is_not_deleted_and_the_rest_only_after_it_is_written_down() -> None:
    book = Book()
    keeper = ClinicGatekeeper(cast("Any", None), cast("Any", Cases()), cast("Any", book))
    kept, free = (StudyKey(ArchiveInstitution("west"), StudyUID(uid)) for uid in ("1.2.3", "1.2.4"))
    with pytest.raises(NotAllowed) as refused:
        await keeper.witness(caller(), Action.DELETE, {kept, free})
    assert "must be kept" in refused.value.message
    assert book.lines == []
    await keeper.witness(caller(), Action.DELETE, {free})
    assert book.lines == [("film.delete", [("study/west/1.2.4", "")])]
    await keeper.witness(caller(), Action.READ, {kept})
