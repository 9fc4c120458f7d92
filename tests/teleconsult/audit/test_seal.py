"""Tampering with the audit is done as an intruder would: on the database file, past triggers."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditRow
from teleconsult.audit.seal import Sealer, verify
from teleconsult.audit.trail import note
from tests.builders.database import a_database, a_vault

ROWS = 12
EVERYTHING = ["DELETE FROM audit_anchors", "DELETE FROM audit_seals", "DELETE FROM audit_rows"]
CUT_TAIL = (
    "DELETE FROM audit_anchors WHERE position > 8",
    "DELETE FROM audit_seals WHERE position > 8",
    "DELETE FROM audit_rows WHERE number > 8",
)


@pytest.fixture
async def database(tmp_path: Path):
    async with a_database(tmp_path) as made:
        yield made


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "anchors.log"


@pytest.fixture
async def sealed(database, copies):
    """Twelve rows, sealed in three batches."""
    sealer = Sealer(database, a_vault(), copies)
    for number in range(ROWS):
        async with database.write(SYSTEM) as work:
            note(work, "thing.do", f"thing/{number}", detail={"n": str(number)})
        if number % 4 == 3:
            assert await sealer.seal_once() == 4
    return sealer


def break_in(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path / "clinic.db")
    connection.execute("PRAGMA foreign_keys=OFF")
    for table in ("audit_rows", "audit_seals", "audit_anchors"):
        for verb in ("update", "delete"):
            connection.execute(f"DROP TRIGGER {table}_no_{verb}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


async def test_an_untouched_chain_is_sound(database, sealed, copies):
    verdict = await verify(database, a_vault(), copies)
    assert (verdict.sound, verdict.rows, verdict.sealed, verdict.unsealed, verdict.gaps) == (True, ROWS, ROWS, 0, ())


async def test_the_unsealed_tail_is_told(database, sealed, copies):
    async with database.write(SYSTEM) as work:
        note(work, "thing.do", "thing/tail")
    verdict = await verify(database, a_vault(), copies)
    assert (verdict.sound, verdict.unsealed) == (True, 1)


async def test_nothing_to_seal_makes_no_anchor(sealed):
    assert await sealed.seal_once() == 0


@pytest.mark.parametrize("statement", [update(AuditRow).values(actor="nobody"), delete(AuditRow)])
async def test_the_database_itself_refuses_to_change_rows(database, sealed, statement):
    with pytest.raises(DatabaseError, match="append-only"):
        async with database.write(SYSTEM) as work:
            await work.session.execute(statement)


@pytest.mark.parametrize(
    ("statements", "first_bad", "reason"),
    [
        (["UPDATE audit_rows SET actor = 'nobody' WHERE number = 5"], 5, "changed"),
        (["UPDATE audit_rows SET at = '2020-01-01 00:00:00.000000' WHERE number = 1"], 1, "changed"),
        (["DELETE FROM audit_rows WHERE number = 7"], 7, "deleted"),
        (["DELETE FROM audit_rows WHERE number = 7", "DELETE FROM audit_seals WHERE number = 7"], 8, "missing"),
        (
            [
                "UPDATE audit_seals SET number = 100 WHERE position = 3",
                "UPDATE audit_seals SET number = 3 WHERE position = 4",
                "UPDATE audit_seals SET number = 4 WHERE position = 3",
            ],
            4,
            "changed or moved",
        ),
        (
            ["DELETE FROM audit_seals WHERE position > 8", "DELETE FROM audit_rows WHERE number > 8"],
            None,
            "cut",
        ),
        (
            list(CUT_TAIL),
            None,
            "older than its anchors",
        ),
        (["DELETE FROM audit_anchors WHERE position > 8"], None, "never signed"),
        (
            ["DELETE FROM audit_anchors", "DELETE FROM audit_seals", "DELETE FROM audit_rows"],
            None,
            "older than its anchors",
        ),
    ],
)
async def test_tampering_is_found_and_the_row_named(database, sealed, copies, tmp_path, statements, first_bad, reason):
    break_in(tmp_path, *statements)
    verdict = await verify(database, a_vault(), copies)
    assert not verdict.sound
    assert reason in verdict.reason
    assert verdict.first_bad == first_bad


async def test_a_cut_tail_shows_even_without_the_file_of_anchors(database, sealed, tmp_path):
    break_in(tmp_path, *CUT_TAIL)
    verdict = await verify(database, a_vault())
    assert (verdict.sound, verdict.first_bad) == (False, 9)


async def test_a_chain_made_anew_without_the_key_is_found(database, sealed, copies, tmp_path):
    break_in(
        tmp_path,
        "UPDATE audit_rows SET actor = 'nobody' WHERE number = 5",
        "DELETE FROM audit_seals",
        "DELETE FROM audit_anchors",
    )
    forger = Sealer(database, type(a_vault())({0: b"another secret, as a thief would have"}, 0))
    await forger.seal_once()
    verdict = await verify(database, a_vault())
    assert not verdict.sound
    assert "without the key" in verdict.reason


async def test_two_sealers_do_not_seal_a_row_twice(database, sealed):
    async with database.write(SYSTEM) as work:
        note(work, "thing.do", "thing/last")
    assert sorted([await Sealer(database, a_vault()).seal_once(), await sealed.seal_once()]) == [0, 1]
    assert (await verify(database, a_vault())).sound
