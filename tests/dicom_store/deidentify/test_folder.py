"""A folder becomes a folder of copies; every file has its fate."""

from __future__ import annotations

from pathlib import Path

import pydicom

from dicom_store.deidentify.folder import copies, secret_of
from dicom_store.deidentify.profile import Options
from dicom_store.deidentify.values import Names
from tests.builders import films


def test_every_file_is_copied_or_says_why_not(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for place, film in enumerate(films.ct_series(3)):
        (source / f"WANG_FANG_{place}.dcm").write_bytes(film)
    (source / "notes.txt").write_text("Wang Fang")
    (source / "link").symlink_to(source / "notes.txt")
    names = Names(secret_of(tmp_path / "secret"))
    fates = list(copies(source, target, names, Options()))
    made = [fate.copy for fate in fates if fate.copy is not None]
    assert (len(fates), len(made)) == (4, 3)
    assert not [path for path in target.rglob("*") if "WANG" in str(path)]
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in made}) == 1
    again = list(copies(source, target, Names(secret_of(tmp_path / "secret")), Options()))
    assert [fate.copy for fate in again] == [None] * 4
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
