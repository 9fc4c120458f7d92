"""Films in an object storage: the same rule of acknowledgement, beside a real HTTP server that speaks S3."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("obstore")
pytest.importorskip("moto")

from dicom_store.app import open_archive
from dicom_store.archive import Archive
from dicom_store.errors import Unavailable
from dicom_store.model import InstanceKey, InstanceUID, InstitutionId, StudyUID
from dicom_store.storage.bucket import Bucket
from dicom_store.storage.compactor import Compactor
from dicom_store.storage.packbook import PackBook
from dicom_store.storage.sweep import Swept, sweep
from tests.builders import films
from tests.builders.archives import NOW, everything_of, origin, settings


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that speaks S3, with one bucket."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{address}/films", method="PUT"), timeout=5):  # noqa: S310
                break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


async def put(archive: Archive, series: list[bytes]) -> None:
    async with archive.ingest.batch(origin()) as batch:
        for film in series:
            await batch.add(film)
        await batch.commit()


async def kept(archive: Archive, series: list[bytes]) -> dict[str, bytes]:
    found = await archive.index.instances(everything_of("east"), StudyUID(films.uids(series[0])[0]))
    return {record.instance: await archive.films.whole(record) for record in found}


async def test_films_come_back_from_a_bucket_and_none_lies_on_the_disk(server: str, tmp_path: Path) -> None:
    inside = settings(tmp_path, blob_url=f"s3://films/clinic?endpoint={server}")
    series = films.ct_series(5, size=300)
    async with open_archive(inside) as archive:
        await put(archive, series)
        assert await kept(archive, series) == {films.uids(film)[2]: film for film in series}
    assert not list((tmp_path / "archive").rglob("*.pack"))
    async with open_archive(inside) as archive:
        assert await kept(archive, series) == {films.uids(film)[2]: film for film in series}
        record = (await archive.index.instances(everything_of("east"), StudyUID(films.uids(series[0])[0])))[0]
        film = series[[films.uids(one)[2] for one in series].index(record.instance)]
        assert await archive.blobs.read(record.blob, 140_000, 77) == film[140_000:140_077]


async def test_deleted_films_are_compacted_there_too(server: str, tmp_path: Path) -> None:
    inside = settings(tmp_path, blob_url=f"s3://films/compacted?endpoint={server}")
    series = films.ct_series(5, size=64)
    async with open_archive(inside) as archive:
        await put(archive, series)
        removed = [InstanceKey(InstitutionId("east"), InstanceUID(films.uids(film)[2])) for film in series[1:]]
        await archive.index.remove_films(removed, "tester", NOW)
        done = await Compactor(archive.blobs, PackBook(archive.index), timedelta()).run()
        assert (done.packs, done.films) == (1, 1)
        assert await kept(archive, series[:1]) == {films.uids(series[0])[2]: series[0]}


async def orphan(archive: Archive) -> str:
    """A pack as a process leaves it that is killed between put and index commit."""
    pack = await archive.blobs.run(archive.blobs.open)
    await archive.blobs.run(pack.append, films.film(), "east/1.2", b"{}")
    await archive.blobs.run(pack.sync)
    pack.close()
    return pack.id


async def test_packs_that_no_film_names_are_swept_when_they_are_old(server: str, tmp_path: Path) -> None:
    series = films.ct_series(2)
    async with open_archive(settings(tmp_path, blob_url=f"s3://films/swept?endpoint={server}")) as archive:
        bucket, book = archive.blobs.place, PackBook(archive.index)
        assert isinstance(bucket, Bucket)
        await put(archive, series)
        left = await orphan(archive)
        now = datetime.now(UTC)
        day = timedelta(days=1)
        assert await sweep(bucket, archive.blobs, book, now, day) == Swept()
        done = await sweep(bucket, archive.blobs, book, now + 2 * day, day)
        assert (done.packs, done.freed_bytes > 0, done.refused) == (1, True, False)
        assert bucket.size(left) is None
        assert await kept(archive, series) == {films.uids(film)[2]: film for film in series}


async def test_nothing_is_swept_where_the_index_knows_less_than_the_bucket(server: str, tmp_path: Path) -> None:
    async with open_archive(settings(tmp_path, blob_url=f"s3://films/older?endpoint={server}")) as archive:
        bucket = archive.blobs.place
        assert isinstance(bucket, Bucket)
        left = [await orphan(archive) for _ in range(17)]
        later = datetime.now(UTC) + timedelta(days=9)
        done = await sweep(bucket, archive.blobs, PackBook(archive.index), later, timedelta(days=1))
        assert done == Swept(refused=True)
        assert all(bucket.size(pack) for pack in left)


async def test_nothing_is_acknowledged_when_the_storage_is_away(tmp_path: Path) -> None:
    inside = settings(tmp_path, blob_url="s3://films/x?endpoint=http://127.0.0.1:9")
    async with open_archive(inside) as archive:
        with pytest.raises(Unavailable):
            await archive.ingest.accept(films.film(), origin())
        assert await archive.index.last_arrival() == 0
        assert not list((tmp_path / "archive").rglob("*.pack"))


async def test_a_bucket_that_is_not_there_is_said(server: str, tmp_path: Path) -> None:
    async with open_archive(settings(tmp_path, blob_url=f"s3://nowhere/x?endpoint={server}")) as archive:
        with pytest.raises(Unavailable):
            await archive.ingest.accept(films.film(), origin())


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    bucket = Bucket("s3://films?endpoint=http://127.0.0.1:9", tmp_path / "outgoing")
    bucket.prepare()
    left = bucket.path_of("ab" * 16)
    left.parent.mkdir()
    left.write_bytes(b"half")
    bucket.prepare()
    assert not left.exists()


@pytest.mark.parametrize("url", ["http://films", "s3://", "s3://films?password=1", "file:///films"])
def test_an_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="s3://bucket"):
        Bucket(url, tmp_path)
