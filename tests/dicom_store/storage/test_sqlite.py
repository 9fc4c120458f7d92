"""Where readings are done: in the event loop as long as that is quick, else in a thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, make_url, select, text
from sqlalchemy.engine import Engine

from dicom_store import query
from dicom_store.model import Level
from dicom_store.storage import searching
from dicom_store.storage.sqlite import Patience, SqliteFile

_THREAD = select(func.in_thread().label("at"))


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[SqliteFile]:
    made = SqliteFile(make_url(f"sqlite:///{tmp_path / 'index.db'}"), 2)
    await made.open()
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def knows_its_thread() -> Any:
    """Statements can say in which thread they are run."""

    def add(connection: sqlite3.Connection, _record: object) -> None:
        connection.create_function("in_thread", 0, threading.get_ident)

    event.listen(Engine, "connect", add)
    yield
    event.remove(Engine, "connect", add)


async def test_a_brief_reading_walks_nowhere_and_others_to_a_thread(file: SqliteFile) -> None:
    assert [tuple(row) for row in await file.rows(_THREAD, {}, brief=True)] == [(threading.get_ident(),)]
    assert (await file.rows(_THREAD, {}))[0].at != threading.get_ident()


async def test_a_locked_file_is_waited_for_in_a_thread(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    holder.execute("CREATE TABLE films (id)")
    holder.execute("BEGIN EXCLUSIVE")
    file = SqliteFile(make_url(f"sqlite:///{tmp_path / 'index.db'}"), 2)
    asked = select(func.in_thread().label("at"), func.count().label("many")).select_from(text("films"))
    reading = asyncio.ensure_future(file.rows(asked, {}, brief=True))
    await asyncio.sleep(0.1)
    assert not reading.done()
    holder.close()
    (found,) = await reading
    assert found.many == 0
    assert found.at != threading.get_ident()
    await file.close()


@pytest.mark.parametrize(("seconds", "from_disk", "here"), [
    (0.001, True, True), (0.1, True, False), (0.1, False, True), (0.3, False, False),
])  # fmt: skip
def test_after_a_slow_disk_the_next_readings_go_to_threads_for_a_while(
    seconds: float, from_disk: bool, here: bool
) -> None:
    patience = Patience()
    assert patience.here(10.0)
    patience.took(10.0, 10.0 + seconds, from_disk=from_disk)
    assert patience.here(10.5) is here
    assert patience.here(16.0)


async def test_a_slow_disk_moves_brief_readings_to_threads(file: SqliteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_store.storage.sqlite._TOO_LONG_S", -1.0)  # everything is long
    first, second = [(await file.rows(_THREAD, {}, brief=True))[0].at for _ in range(2)]
    assert first == threading.get_ident() != second


@pytest.mark.parametrize(
    ("level", "text", "expected"),
    [
        (Level.INSTANCE, "SOPInstanceUID=1.2.3", True),
        (Level.INSTANCE, "SOPInstanceUID=1.2.3,1.2.4", False),
        (Level.INSTANCE, "PatientID=7", False),
        (Level.INSTANCE, "limit=1", False),
        (Level.SERIES, "StudyInstanceUID=1.2.3", True),
        (Level.STUDY, "PatientID=7", True),
        (Level.STUDY, "PatientID=7*", False),
        (Level.STUDY, "AccessionNumber=7", True),
        (Level.STUDY, "PatientName=li", False),
        (Level.STUDY, "limit=25", False),
    ],
)
def test_brief_is_what_an_index_leads_to_few_of(level: Level, text: str, expected: bool) -> None:
    words = [part.split("=") for part in text.split("&")]
    search = query.from_parameters([(name, value) for name, value in words], level).search
    assert searching.brief(search) is expected
