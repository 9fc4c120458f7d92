"""Films are refused before the disk is full, with a reason, at every door; reading goes on, and so does all else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dicom_store.app import create_app, open_archive
from dicom_store.errors import StorageFull, Unavailable
from dicom_store.model import StudyUID
from dicom_store.storage.disk import Disk
from tests.builders import films
from tests.builders.archives import Porter, everything_of, origin, plain, settings

ROOM = "The server has no room for more films. Please tell its administrator."


async def test_films_are_refused_while_there_is_still_room_and_read_as_before(tmp_path: Path) -> None:
    film = films.film()
    async with open_archive(settings(tmp_path)) as archive:
        await archive.ingest.accept(film, origin())
    free = shutil.disk_usage(tmp_path).free
    async with open_archive(settings(tmp_path, reserve_bytes=2 * free)) as archive:
        with pytest.raises(StorageFull):
            await archive.ingest.accept(films.film(), origin())
        records = await archive.index.instances(everything_of("east"), StudyUID(films.uids(film)[0]))
        assert [await archive.films.whole(record) for record in records] == [film]
    async with open_archive(settings(tmp_path)) as archive:
        await archive.ingest.accept(films.film(), origin())


async def test_the_doors_say_507_and_why(tmp_path: Path, aiohttp_client: object) -> None:
    reserve = 2 * shutil.disk_usage(tmp_path).free
    async with open_archive(settings(tmp_path, reserve_bytes=reserve)) as archive:
        client = await aiohttp_client(  # type: ignore[operator]
            create_app(archive, Porter(), plain), headers={"Authorization": "Bearer east"}
        )
        answer = await client.post(
            "/dicomweb/studies", data=films.film(), headers={"Content-Type": "application/dicom"}
        )
        assert (answer.status, (await answer.json())["detail"]) == (507, ROOM)
        answer = await client.post("/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "1000"})
        assert (answer.status, (await answer.json())["detail"]) == (507, ROOM)


def test_room_is_counted_with_what_is_to_come(tmp_path: Path) -> None:
    disk = Disk(tmp_path, reserve_bytes=1)
    disk.refuse_if_full(1000)
    with pytest.raises(StorageFull):
        disk.refuse_if_full(shutil.disk_usage(tmp_path).free + (1 << 30))
    Disk(tmp_path).refuse_if_full(1 << 60)


def test_a_pack_that_is_not_there_is_said(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    assert disk.size("ab" * 16) is None
    assert not disk.idle("ab" * 16)
    with pytest.raises(Unavailable):
        disk.read("ab" * 16, 0, 10)


def test_what_the_kernel_has_in_memory_is_read_without_waiting(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    path = disk.path_of("ab12")
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * 1024)
    assert disk.read_cached("ab12", 0, 10) is None  # not open yet: opening may wait
    assert disk.read("ab12", 0, 1) == b"\0"
    here = disk.read_cached("ab12", 300, 10)
    if here is None:
        pytest.skip("this file system cannot read without waiting")
    assert here == bytes(range(44, 54))
    assert disk.read_cached("ab12", 256 * 1024 - 5, 10) is None
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if disk.read_cached("ab12", 300, 10) is None:  # a memory file system forgets nothing
        assert disk.read("ab12", 300, 10) == here
