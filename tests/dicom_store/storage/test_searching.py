"""Searches take as long in a large archive as in a small one, and give the same order whatever way they take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, NullPool, create_engine

from bench.million import fill
from dicom_store import query
from dicom_store.model import InstitutionId, Level, Search, StudyKey, StudyUID
from dicom_store.ports import Scope
from dicom_store.storage import searching

_CLINIC = InstitutionId("clinic")
OWN = Scope(frozenset({_CLINIC}))


@pytest.fixture(scope="module")
def two_sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[Connection, list[str]]]]:
    """Indexes of 1,000 and 40,000 films; with each the values of one study: UID, series, patient, name, film."""
    found = {}
    for films_there in (1000, 40_000):
        data = tmp_path_factory.mktemp("archive") / "data"
        one = fill(data, films_there)[25]
        engine = create_engine(f"sqlite:///{data / 'archive.db'}", poolclass=NullPool)
        found[films_there] = (engine.connect(), [one.study, one.series[0], one.patient, one.name, one.instance])
    yield found
    for connection, _ in found.values():
        connection.close()


def steps(connection: Connection, search: Search, scope: Scope) -> int:
    """Instructions of SQLite's machine that a search takes, in hundreds."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    plain = connection.connection.dbapi_connection
    assert plain is not None
    narrow = None
    plain.set_progress_handler(count, 100)
    asked = searching.counted(search, scope)
    if asked is not None:
        statement, values, places = asked
        narrow = searching.few(places, connection.execute(statement, values).one())
    connection.execute(*searching.statement(search, scope, narrow)).all()
    plain.set_progress_handler(None, 0)
    return taken


@pytest.mark.parametrize("cases", [False, True])
@pytest.mark.parametrize(
    ("level", "text"),
    [
        (Level.STUDY, "limit=25&offset=10"),
        (Level.STUDY, "PatientID={patient}"),
        (Level.STUDY, "AccessionNumber=nothing"),
        (Level.STUDY, "PatientName={name}"),
        (Level.STUDY, "PatientName=qqqq*"),
        (Level.STUDY, "PatientName=li*&limit=3"),
        (Level.STUDY, "ModalitiesInStudy=CT&StudyDate=20150101-20231231&limit=3"),
        (Level.STUDY, "ModalitiesInStudy=ZZ"),
        (Level.STUDY, "StudyInstanceUID={study}"),
        (Level.STUDY, "SOPInstanceUID={film}"),
        (Level.SERIES, "limit=25"),
        (Level.SERIES, "SeriesInstanceUID={series}"),
        (Level.INSTANCE, "SOPInstanceUID={film}"),
        (Level.INSTANCE, "PatientID={patient}"),
        (Level.INSTANCE, "limit=100&offset=500"),
    ],
)
def test_a_search_does_not_notice_how_much_else_is_there(
    two_sizes: dict[int, tuple[Connection, list[str]]], level: Level, text: str, cases: bool
) -> None:
    taken = []
    for connection, values in two_sizes.values():
        names = dict(zip(("study", "series", "patient", "name", "film"), values, strict=True))
        words = [tuple(part.split("=")) for part in text.format(**names).split("&")]
        search = query.from_parameters([(word[0], word[1]) for word in words], level).search
        scope = Scope(OWN.institutions, frozenset({StudyKey(InstitutionId("west"), StudyUID("1.2"))})) if cases else OWN
        taken.append(steps(connection, search, scope))
    small, large = taken
    # What may name few studies or many is counted first, at most that far.
    counting = searching.FEW * 40 // 100 if "*&" in text or "Modalities" in text else 0
    assert large <= 1.5 * small + 10 + counting
