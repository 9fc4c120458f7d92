"""The compactor frees the room of deleted films; killed at any moment it loses nothing, and bytes stay as they came."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from blake3 import blake3

from dicom_store.app import open_archive
from dicom_store.archive import Archive
from dicom_store.model import InstanceKey, InstanceUID, InstitutionId, Level, Search, StudyUID
from dicom_store.storage import compactor as room
from dicom_store.storage.compactor import Compacted, Compactor
from dicom_store.storage.packbook import PackBook
from tests.builders import films
from tests.builders.archives import NOW, as_of_old, everything_of, origin, settings

ROOT = Path(__file__).resolve().parents[3]
EAST = InstitutionId("east")


async def put(archive: Archive, series: list[bytes]) -> None:
    async with archive.ingest.batch(origin()) as batch:
        for film in series:
            await batch.add(film)
        await batch.commit()


async def delete(archive: Archive, series: list[bytes]) -> None:
    keys = [InstanceKey(EAST, InstanceUID(films.uids(film)[2])) for film in series]
    assert await archive.index.remove_films(keys, "tester", NOW) == len(series)


async def check(archive: Archive, series: list[bytes]) -> None:
    found = await archive.index.instances(everything_of("east"), StudyUID(films.uids(series[0])[0]))
    kept = {record.instance: await archive.films.whole(record) for record in found}
    assert kept == {films.uids(film)[2]: film for film in series}


def packs_of(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_size for path in (folder / "archive" / "packs").glob("??/*.pack")}


def compactor(archive: Archive) -> Compactor:
    return Compactor(archive.blobs, PackBook(archive.index), timedelta())


async def test_a_mostly_empty_pack_is_written_anew_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_GROUP_FILMS", 2)
    monkeypatch.setattr(room, "_IN_MEMORY_BYTES", 5000)
    series = films.ct_series(9, size=64)
    async with open_archive(settings(tmp_path)) as archive:
        await put(archive, series)
        await delete(archive, series[3:8])
    before = packs_of(tmp_path)
    async with open_archive(settings(tmp_path)) as archive:
        done = await compactor(archive).run()
        after = packs_of(tmp_path)
        assert (done.packs, done.films, done.damaged) == (1, 4, 0)
        assert done.freed_bytes == sum(before.values())
        assert sum(after.values()) < 0.6 * sum(before.values())
        assert not before.keys() & after.keys()
        await check(archive, series[:3] + series[8:])
        assert await compactor(archive).run() == Compacted()
    async with open_archive(settings(tmp_path)) as archive:
        await check(archive, series[:3] + series[8:])


async def test_films_of_before_blake3_are_moved(tmp_path: Path) -> None:
    series = films.ct_series(6, size=64)
    async with open_archive(settings(tmp_path)) as archive:
        await put(archive, series)
        await as_of_old(archive, series)
        await delete(archive, series[:4])
    async with open_archive(settings(tmp_path)) as archive:
        done = await compactor(archive).run()
        assert (done.films, done.damaged) == (2, 0)
        await check(archive, series[4:])


async def test_a_pack_that_somebody_writes_or_that_is_well_filled_stays(tmp_path: Path) -> None:
    series = films.ct_series(6, size=64)
    async with open_archive(settings(tmp_path)) as archive:
        await put(archive, series)
        await delete(archive, series[:-1])
        assert await compactor(archive).run() == Compacted(), "it is still on the shelf"
    async with open_archive(settings(tmp_path)) as archive:
        more = films.ct_series(6, size=64)
        await put(archive, more)
        await delete(archive, more[:1])
    async with open_archive(settings(tmp_path)) as archive:
        assert (await compactor(archive).run()).packs == 1
        await check(archive, series[-1:])
        await check(archive, more[1:])


async def test_a_damaged_pack_is_left_for_people(tmp_path: Path) -> None:
    series = films.ct_series(4, size=64)
    async with open_archive(settings(tmp_path)) as archive:
        await put(archive, series)
        await delete(archive, series[:-1])
    (path,) = (tmp_path / "archive" / "packs").glob("??/*.pack")
    whole = bytearray(path.read_bytes())
    whole[-100] ^= 1
    path.write_bytes(whole)
    async with open_archive(settings(tmp_path)) as archive:
        assert await compactor(archive).run() == Compacted(damaged=1)
        assert path.read_bytes() == bytes(whole)


WORKER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from dicom_store.app import open_archive
from dicom_store.storage import compactor as room
from dicom_store.storage.packbook import PackBook
from tests.builders.archives import settings

room._GROUP_FILMS = 3

async def main() -> None:
    async with open_archive(settings(Path(sys.argv[1]))) as archive:
        print("ready", flush=True)
        await room.Compactor(archive.blobs, PackBook(archive.index), timedelta(milliseconds=50)).run()

asyncio.run(main())
"""


@pytest.mark.fault
async def test_nothing_is_lost_when_it_is_killed_in_the_middle(tmp_path: Path) -> None:
    series = films.ct_series(120, size=128)
    kept = series[::3]
    async with open_archive(settings(tmp_path, pack_bytes=500_000)) as archive:
        for start in range(0, len(series), 12):
            await put(archive, series[start : start + 12])
        await delete(archive, [film for place, film in enumerate(series) if place % 3])
    full = sum(packs_of(tmp_path).values())
    moments = [0.0, 0.01, 0.02, 0.04, 0.06, 0.09]
    for moment in moments:
        worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        time.sleep(moment)
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
    async with open_archive(settings(tmp_path)) as archive:
        await check(archive, kept)
        await compactor(archive).run()
        await check(archive, kept)
        for row in await archive.index.search(everything_of("east"), Search(Level.STUDY)):
            for record in await archive.index.instances(everything_of("east"), StudyUID(str(row.study))):
                assert blake3(await archive.films.whole(record)).hexdigest() == record.digest
    assert sum(packs_of(tmp_path).values()) < 0.45 * full
