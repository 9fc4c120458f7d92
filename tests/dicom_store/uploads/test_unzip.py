import io
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom_store.app import Archive
from dicom_store.model import Door, Origin
from dicom_store.storage.keys import KeyRing
from dicom_store.uploads import unzip
from dicom_store.uploads.parts import create
from dicom_store.uploads.results import Fate, FileResult
from tests.builders.doorkeeper import VILLAGE
from tests.builders.pictures import film

ORIGIN = Origin(VILLAGE, Door.UPLOAD, "doctor")


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], pack: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", pack) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


async def films(archive: Archive, tmp_path: Path, data: bytes) -> list[FileResult]:
    part = create(tmp_path / "z" / "x.part", KeyRing(b"k" * 32), b"")
    part.append(data)
    told: list[tuple[int, int]] = []
    try:
        return await unzip.films(part, ORIGIN, archive.ingest, lambda done, total: told.append((done, total)))
    finally:
        assert all(done <= total for done, total in told)
        part.close()


async def test_every_film_of_a_disc_is_kept_and_the_rest_is_named(archive: Archive, tmp_path: Path) -> None:
    slices = [film() for _ in range(40)]
    members: list[Any] = [(f"DICOM/S1/IM{n:04}", data) for n, data in enumerate(slices)]
    members += [("DICOMDIR", slices[0]), ("AUTORUN.EXE", b"MZ" + bytes(100)), ("viewer/index.html", b"<html></html>")]
    members += [("readme.pdf", b"%PDF-1.4"), ("notes.txt", b"call back on Monday"), ("DICOM/", b"")]
    results = await films(archive, tmp_path, zipped(*members))
    fates = {result.name: result.fate for result in results}
    assert [result.fate for result in results[:40]] == [Fate.VERIFIED] * 40
    assert (
        fates["DICOMDIR"] is fates["AUTORUN.EXE"] is fates["viewer/index.html"] is fates["readme.pdf"] is Fate.SKIPPED
    )
    assert fates["notes.txt"] is Fate.REFUSED
    assert len(results) == 45


async def test_names_that_lead_elsewhere_lead_nowhere(archive: Archive, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    before = set(tmp_path.rglob("*"))
    results = await films(
        archive, tmp_path, zipped(("../../evil.dcm", film()), ("/etc/cron.d/x", film()), (link, b"/etc/passwd"))
    )
    assert [result.fate for result in results] == [Fate.VERIFIED, Fate.VERIFIED, Fate.REFUSED]
    assert results[2].code == "link"
    new = {path.name for path in set(tmp_path.rglob("*")) - before}
    assert not new & {"evil.dcm", "x", "link"}


async def test_a_bomb_is_one_refused_file(archive: Archive, tmp_path: Path) -> None:
    bomb = bytes(300 << 20)
    (result, after) = await films(archive, tmp_path, zipped(("bomb.dcm", bomb), ("slice.dcm", film())))
    assert (result.fate, result.code) == (Fate.REFUSED, "too_large")
    assert after.fate is Fate.VERIFIED


async def test_a_size_that_lies_is_found_out(archive: Archive, tmp_path: Path) -> None:
    packed = bytearray(zipped(("bomb.dcm", b"x" * 200_000)))
    at = packed.rfind(b"PK\x01\x02")
    packed[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    (result,) = await films(archive, tmp_path, bytes(packed))
    assert (result.fate, result.code) == (Fate.REFUSED, "broken_zip")


async def test_a_zip_in_a_zip_is_not_opened(archive: Archive, tmp_path: Path) -> None:
    (result,) = await films(archive, tmp_path, zipped(("inner.zip", zipped(("slice.dcm", film())))))
    assert result.fate is Fate.SKIPPED


@pytest.mark.parametrize("cut", [30, 200, -10])
async def test_a_torn_zip_is_refused_as_one_file(archive: Archive, tmp_path: Path, cut: int) -> None:
    (result,) = await films(archive, tmp_path, zipped(("slice.dcm", film()))[:cut])
    assert (result.fate, result.code) == (Fate.REFUSED, "broken_zip")


async def test_too_many_members_are_refused_before_their_list_is_read(archive: Archive, tmp_path: Path) -> None:
    packed = bytearray(zipped(("slice.dcm", film())))
    at = packed.rfind(b"PK\x05\x06")
    packed[at + 12 : at + 16] = (unzip.MAX_DIRECTORY_BYTES + 1).to_bytes(4, "little")
    (result,) = await films(archive, tmp_path, bytes(packed))
    assert result.code == "members"


async def test_a_locked_member_says_so(archive: Archive, tmp_path: Path) -> None:
    packed = bytearray(zipped(("slice.dcm", film())))
    packed[6] |= 1
    at = packed.rfind(b"PK\x01\x02")
    packed[at + 8] |= 1
    (result,) = await films(archive, tmp_path, bytes(packed))
    assert (result.fate, result.code) == (Fate.REFUSED, "password")


async def test_any_flipped_byte_is_a_result_and_not_an_error(archive: Archive, tmp_path: Path) -> None:
    packed = zipped(("a/slice.dcm", film()), ("b.txt", b"hello"))
    random = np.random.default_rng(7)
    for run, place in enumerate(random.integers(0, len(packed), 150).tolist()):
        changed = bytearray(packed)
        changed[place] ^= 1 << int(random.integers(8))
        assert await films(archive, tmp_path / str(run), bytes(changed))
