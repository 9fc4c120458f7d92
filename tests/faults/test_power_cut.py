"""Power cuts during ingest: every acknowledged film is there and whole, none that was not is half there."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from blake3 import blake3

from dicom_store.app import open_archive
from dicom_store.errors import NotFound, Unavailable
from dicom_store.model import Level, Search
from tests.builders.archives import everything_of, settings
from tests.builders.powercut import Event, PowerCut, recorded

# Closes the archive between rounds: then SQLite moves its log into the file and removes it.
WRITER = """
import asyncio, sys
from pathlib import Path
from dicom_store.app import open_archive
from tests.builders import films
from tests.builders.archives import origin, settings

async def main() -> None:
    for _ in range(3):
        async with open_archive(settings(Path(sys.argv[1]).parent)) as archive:
            async def one() -> None:
                for _ in range(3):
                    async with archive.ingest.batch(origin()) as batch:
                        for film in films.ct_series(3, size=48):
                            await batch.add(film)
                        for stored in await batch.commit():
                            print(stored.key.study, stored.series, stored.instance, stored.digest, flush=True)
            await asyncio.gather(one(), one())

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def deeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """What an archive did to its folder while 54 films came in."""
    folder, events = seen(tmp_path_factory.mktemp("recorded"), WRITER)
    assert sum(event.kind == "say" for event in events) >= 54
    assert sum(event.kind == "end sync" for event in events) > 18
    return folder, events


def seen(folder: Path, program: str) -> tuple[Path, list[Event]]:
    """Run a writer under strace; its archive's folder and what it did there."""
    if shutil.which("strace") is None or subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("strace is not installed, or may not look at processes here")
    (folder / "archive").mkdir()
    return folder / "archive", recorded(program, folder / "archive", folder / "trace")


@pytest.mark.fault
def test_acknowledged_films_survive_a_power_cut_at_any_moment(deeds: tuple[Path, list[Event]], tmp_path: Path) -> None:
    cut_at(deeds, tmp_path, moments=40)


@pytest.mark.fault
@pytest.mark.parametrize(
    "lie",
    [
        "import os; os.fdatasync = lambda fd: None",
        "import dicom_store.storage.packwriter as one; one.sync_folder = lambda folder: None",
    ],
    ids=["pack", "folder"],
)
def test_a_sync_that_is_left_out_is_noticed(tmp_path: Path, lie: str) -> None:
    with pytest.raises((NotFound, Unavailable, AssertionError)):
        cut_at(seen(tmp_path, f"{lie}\n{WRITER}"), tmp_path, moments=40)


@pytest.mark.soak
@pytest.mark.fault
def test_acknowledged_films_survive_power_cuts_at_two_thousand_moments(
    deeds: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    cut_at(deeds, tmp_path, moments=2000)


def cut_at(deeds: tuple[Path, list[Event]], folder: Path, moments: int) -> None:
    """Cut the power after some of the events, each time into a folder of its own, and look at what is left."""
    root, events = deeds
    chance = random.Random(11)
    # Half of the cuts come right after an answer got out, where a lost sync shows.
    answers = [place + 1 for place, event in enumerate(events) if event.kind == "say"]
    wanted = sorted(
        chance.choice(answers) if number % 2 else chance.randint(0, len(events)) for number in range(moments)
    )
    disk, done = PowerCut(root), 0
    for number, moment in enumerate(wanted):
        for event in events[done:moment]:
            disk.follow(event)
        done = moment
        left = folder / str(number)
        (left / "archive").mkdir(parents=True)
        disk.lay_down(left / "archive", seed=number)
        asyncio.run(everything_is_there(left, disk.said))
        shutil.rmtree(left)


async def everything_is_there(folder: Path, said: bytes) -> None:
    """The archive opens, holds what it acknowledged, holds nothing by halves, and takes films again."""
    answers = [line.split() for line in said.decode().splitlines(keepends=True) if line.endswith("\n")]
    scope = everything_of("east")
    async with open_archive(settings(folder)) as archive:
        for study, series, instance, digest in answers:
            record = await archive.index.instance(scope, study, series, instance)  # type: ignore[arg-type]
            assert record.digest == digest
        there = 0
        for row in await archive.index.search(scope, Search(Level.STUDY, limit=5000)):
            records = await archive.index.instances(scope, row.study)  # type: ignore[arg-type]
            assert len(records) == row.study_instance_count
            for record in records:
                assert blake3(await archive.films.whole(record)).hexdigest() == record.digest
                there += 1
        assert there >= len(answers)
        assert len(await archive.index.arrivals_after(0, 5000)) == there
