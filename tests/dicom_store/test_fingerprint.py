"""Films that an archive has kept since before BLAKE3 are known by their SHA-256 still."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, update

from dicom_store.app import open_archive
from dicom_store.archive import Archive
from dicom_store.errors import FilmRefused
from dicom_store.fingerprint import fingerprint, is_of
from dicom_store.model import InstanceKey, InstanceUID, InstitutionId
from dicom_store.storage.compactor import Compactor
from dicom_store.storage.packbook import PackBook
from dicom_store.storage.tables import instances
from tests.builders import films
from tests.builders.archives import NOW, origin, settings

EAST = InstitutionId("east")
_SET = (
    update(instances).where(instances.c.instance_uid == bindparam("uid")).values({instances.c.digest: bindparam("old")})
)


async def as_of_old(archive: Archive, series: list[bytes]) -> None:
    """Give films the digest that earlier versions wrote."""
    for film in series:
        values = {"uid": films.uids(film)[2], "old": hashlib.sha256(film).digest()}
        await archive.index.write(lambda connection, values=values: connection.execute(_SET, values))


def test_a_digest_is_of_the_bytes_that_it_was_made_of() -> None:
    for digest in (fingerprint(b"film"), hashlib.sha256(b"film").digest()):
        assert is_of(b"film", digest)
        assert not is_of(b"filn", digest)


async def test_an_old_film_that_comes_again_is_a_duplicate_and_another_one_is_refused(tmp_path: Path) -> None:
    film, *_ = series = films.ct_series(2, size=64)
    other = film[:-2] + bytes([film[-2] ^ 1, film[-1]])
    async with open_archive(settings(tmp_path)) as archive:
        for one in series:
            await archive.ingest.accept(one, origin())
        await as_of_old(archive, series)
        assert (await archive.ingest.accept(film, origin())).duplicate
        with pytest.raises(FilmRefused):
            await archive.ingest.accept(other, origin())


async def test_the_compactor_moves_old_films(tmp_path: Path) -> None:
    series = films.ct_series(6, size=64)
    async with open_archive(settings(tmp_path)) as archive:
        async with archive.ingest.batch(origin()) as batch:
            for film in series:
                await batch.add(film)
            await batch.commit()
        await as_of_old(archive, series)
        gone = [InstanceKey(EAST, InstanceUID(films.uids(film)[2])) for film in series[:4]]
        await archive.index.remove_films(gone, "tester", NOW)
    async with open_archive(settings(tmp_path)) as archive:
        done = await Compactor(archive.blobs, PackBook(archive.index), timedelta()).run()
        assert (done.films, done.damaged) == (2, 0)
