"""A folder of films made into a folder of teaching copies, each file with its fate."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dicom_store.deidentify.film import deidentified
from dicom_store.deidentify.profile import Options
from dicom_store.deidentify.values import Names
from dicom_store.errors import FilmRefused

_MOST_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one file.

    Attributes:
        copy: Where the copy lies, None where there is none.
        reason: Why there is none.
        slipped: See `film.Copy`.
    """

    source: Path
    copy: Path | None
    reason: str = ""
    slipped: int = 0


def copies(source: Path, target: Path, names: Names, options: Options, *, looked_at: bool = False) -> Iterator[Fate]:
    """Copy every film below a folder, or one file; nothing in the target is written over.

    The names of the copies are their new UIDs: names of files often hold names of people.
    """
    for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
        if not path.is_file() or path.is_symlink():
            continue
        try:
            made = deidentified(_bytes_of(path), names, options, looked_at=looked_at)
        except FilmRefused as refused:
            yield Fate(path, None, str(refused))
            continue
        place = target / made.study / made.series / f"{made.instance}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with place.open("xb") as file:
                file.write(made.data)
        except FileExistsError:
            yield Fate(path, None, "A copy of this film is there already.")
            continue
        yield Fate(path, place, slipped=made.slipped)


def _bytes_of(path: Path) -> bytes:
    if path.stat().st_size > _MOST_BYTES:
        raise FilmRefused("This film is too large.", failure_reason=0xA700, code="too_large")
    return path.read_bytes()


def secret_of(path: Path | None) -> bytes:
    """The secret in a file, made where there is none; without a file one that is forgotten afterwards."""
    if path is None:
        return secrets.token_bytes(32)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
