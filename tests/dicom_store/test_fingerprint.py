"""Films that an archive has kept since before BLAKE3 are known by their SHA-256 still."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dicom_store.app import open_archive
from dicom_store.errors import FilmRefused
from dicom_store.fingerprint import fingerprint, is_of
from tests.builders import films
from tests.builders.archives import as_of_old, origin, settings


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
