"""A statement that is kept gives the rows that SQLAlchemy gives, whatever the shape of its values."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    tuple_,
)  # fmt: skip

from dicom_store.storage.ready import Statements

ROWS = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("at", String), Column("name", String),
    Column("made", DateTime), Column("data", LargeBinary),
)  # fmt: skip
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("ready")
    made = create_engine(f"sqlite:///{folder}/things.db")
    with made.begin() as connection:
        ROWS.create(connection)
        things = [{"at": at, "name": name, "made": NOON, "data": b"x"} for at in "abc" for name in "xyz"]
        connection.execute(insert(ROWS), things)
    yield made
    made.dispose()


QUERY = (
    select(ROWS, ROWS.c.name.label("again"))
    .where(
        ROWS.c.at.in_(bindparam("places", expanding=True))
        | tuple_(ROWS.c.at, ROWS.c.name).in_(bindparam("pairs", expanding=True))
        | (ROWS.c.name == bindparam("name"))
    )
    .where(ROWS.c.id > 0, ROWS.c.made <= bindparam("until", type_=DateTime))
    .order_by(ROWS.c.id)
    .limit(bindparam("limit"))
)
letters = st.sampled_from("abcxyz';")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "places": st.lists(letters, max_size=3),
                "pairs": st.lists(st.tuples(letters, letters), max_size=3),
                "name": letters | st.none(),
                "until": st.just(NOON),
                "limit": st.integers(0, 9),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_rows_are_those_that_sqlalchemy_reads(engine: Engine, asked: list[dict[str, Any]]) -> None:
    statements = Statements(engine.dialect)
    with engine.connect() as connection:
        for values in asked:
            found = statements.rows(connection.connection, QUERY, values)
            expected = connection.execute(QUERY, values).all()
            assert [tuple(row) for row in found] == [tuple(row) for row in expected]
            assert [(row.id, row.at, row.made, row.again) for row in found] == [
                (row.id, row.at, row.made, row.again) for row in expected
            ]


def test_few_are_kept(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_store.storage.ready._KEPT", 3)
    statements = Statements(engine.dialect)
    with engine.connect() as connection:
        for number in range(1, 9):
            values = {"places": ["a"] * number, "pairs": [], "name": None, "until": NOON, "limit": 100}
            assert len(statements.rows(connection.connection, QUERY, values)) == 3
    assert len(statements._known) == 3
