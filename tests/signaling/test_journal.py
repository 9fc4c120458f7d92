"""No fact is lost by a death, none is given out twice."""

import asyncio
import json
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from signaling.journal import Journal
from signaling.ports import Happening

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def happening(kind="joined"):
    return Happening("r", kind, "li", NOON, {"n": 1})


@pytest.fixture
async def begun():
    """`await begun(path)`: a journal that writes."""
    async with AsyncExitStack() as stack:

        async def begin(path):
            return await stack.enter_async_context(Journal(path))

        yield begin


async def written(journal, number):
    async with asyncio.timeout(5):
        while not journal.after(number - 1):
            await asyncio.sleep(0.01)
    return journal.after(0)


async def test_what_was_heard_outlives_the_process(tmp_path, begun):
    first = await begun(tmp_path / "j")
    first.heard(happening())
    first.heard(happening("left"))
    await written(first, 2)
    again = Journal(tmp_path / "j")
    assert [(entry["number"], entry["kind"]) for entry in again.after(0)] == [(1, "joined"), (2, "left")]


async def test_a_torn_last_line_costs_nothing_that_was_acknowledged_or_comes_later(tmp_path, begun):
    path = tmp_path / "j"
    first = await begun(path)
    first.heard(happening())
    await written(first, 1)
    with path.open("a") as file:
        file.write('{"number": 2, "kind": "le')
    second = await begun(path)
    second.heard(happening("back"))
    await written(second, 2)
    assert [entry["kind"] for entry in Journal(path).after(0)] == ["joined", "back"]


async def test_numbers_go_on_after_everything_was_acknowledged_and_the_file_shrinks(tmp_path, begun):
    path = tmp_path / "j"
    journal = await begun(path)
    for _ in range(50):
        journal.heard(happening())
    await written(journal, 50)
    journal.acknowledge(50)
    async with asyncio.timeout(5):
        while path.stat().st_size > 100:
            await asyncio.sleep(0.01)
    assert json.loads(path.read_text()) == {"number": 50}
    again = await begun(path)
    again.heard(happening())
    assert (await written(again, 51))[0]["number"] == 51


async def test_what_comes_while_the_file_is_written_anew_is_kept(tmp_path, begun):
    path = tmp_path / "j"
    journal = await begun(path)
    for number in range(1, 200):
        journal.heard(happening())
        if number % 7 == 0:
            await written(journal, number)
            journal.acknowledge(number - 3)
        if number % 50 == 0:
            journal.acknowledge(number)
    await written(journal, 199)
    kept = [entry["number"] for entry in journal.after(0)]
    assert [entry["number"] for entry in Journal(path).after(kept[0] - 1)] == kept


async def test_a_clinic_that_knows_more_than_a_lost_file_gets_new_numbers(begun):
    journal = await begun(None)
    journal.acknowledge(40)
    journal.heard(happening())
    assert (await written(journal, 41))[0]["number"] == 41


async def test_quality_goes_before_facts_when_the_clinic_is_away_for_long(begun, monkeypatch):
    monkeypatch.setattr("signaling.journal._KEPT_IN_MEMORY", 10)
    journal = await begun(None)
    for _ in range(8):
        journal.heard(happening("quality"))
        journal.heard(happening("joined"))
    await written(journal, 16)
    assert sum(entry["kind"] == "joined" for entry in journal.after(0)) == 8


async def test_an_orderly_stop_writes_what_was_just_heard(tmp_path):
    async with Journal(tmp_path / "j") as journal:
        journal.heard(happening())
        await asyncio.sleep(0)  # the writer has begun
        journal.heard(happening("left"))
    assert [entry["kind"] for entry in Journal(tmp_path / "j").after(0)] == ["joined", "left"]


async def test_a_full_disk_is_tried_again_and_no_line_is_half_there_or_twice(tmp_path, begun, monkeypatch):
    monkeypatch.setattr("signaling.journal._AGAIN_S", 0.01)
    sync, tries = os.fsync, iter([OSError("full"), OSError("full")])

    def full(handle):
        if error := next(tries, None):
            os.ftruncate(handle, os.fstat(handle).st_size - 5)
            raise error
        sync(handle)

    monkeypatch.setattr("signaling.journal.os.fsync", full)
    journal = await begun(tmp_path / "j")
    journal.heard(happening())
    journal.heard(happening("left"))
    await written(journal, 2)
    journal.heard(happening("back"))
    await written(journal, 3)
    assert [entry["number"] for entry in Journal(tmp_path / "j").after(0)] == [1, 2, 3]
