"""Takes films from this machine's disk into the archive, beside a running server: an old CD, another system's folder.

The same door as every other way in: checked, kept, indexed, told. A film that is there already is no error, so an
import that was cut off is simply run again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dicom_store.archive import open_archive
from dicom_store.errors import Refused
from dicom_store.ingest import Ingest
from dicom_store.model import Door, InstitutionId, Origin
from dicom_store.uploads.kinds import HEAD_BYTES, FileKind, kind_of
from teleconsult.bridges.settings import archive_settings
from teleconsult.clock import SystemClock
from teleconsult.config import Settings, SettingsRefused
from teleconsult.errands import opened
from teleconsult.people.service import People

_BATCH_FILMS = 32
_REASONS = 50
"""Refused films that are named one by one; the others are only counted."""
_FILMS = (FileKind.FILM, FileKind.UNKNOWN)

Progress = Callable[[float], None]


async def run(settings: Settings, paths: Sequence[Path], institution: str, progress: Progress) -> tuple[bool, str]:
    """Import films.

    Args:
        settings: Of the site.
        paths: Films and folders; what lies in folders and is no film is left out.
        institution: Name or id of who holds them from now on.
        progress: Told as it goes, 0 to 1.

    Returns:
        Whether every film was taken, and what to print.

    Raises:
        SettingsRefused: There is no such institution or path.
    """
    for path in paths:
        if not path.exists():
            raise SettingsRefused(f"{path} is not there.")
    async with opened(settings) as database:
        known = await People(database, settings.vault()).institutions()
    place = next((one.id for one in known if institution in (one.id, one.name)), None)
    if place is None:
        raise SettingsRefused(f"There is no institution {institution}.")
    found = await asyncio.to_thread(lambda: list(_films(paths)))
    fates: Counter[str] = Counter()
    reasons: list[str] = []
    async with open_archive(archive_settings(settings, settings.vault(), SystemClock())) as archive:
        origin = Origin(InstitutionId(place), Door.IMPORT, "command line")
        for start in range(0, len(found), _BATCH_FILMS):
            await _take(archive.ingest, origin, found[start : start + _BATCH_FILMS], (fates, reasons))
            progress(min(1.0, (start + _BATCH_FILMS) / len(found)))
    return not fates["refused"], _said(fates, reasons)


async def _take(ingest: Ingest, origin: Origin, group: Sequence[Path], into: tuple[Counter[str], list[str]]) -> None:
    fates, reasons = into
    async with ingest.batch(origin) as batch:
        for path in group:
            await batch.add(path)
        for path, outcome in zip(group, await batch.commit(), strict=True):
            if isinstance(outcome, Refused):
                fates["refused"] += 1
                reasons.append(f"{path}: {outcome}")
            else:
                fates["known" if outcome.duplicate else "new"] += 1


def _films(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
            continue
        for each in sorted(path.rglob("*")):
            if each.is_file() and not each.is_symlink() and _may_be_a_film(each):
                yield each


def _may_be_a_film(path: Path) -> bool:
    if path.name.upper() == "DICOMDIR" or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        return kind_of(file.read(HEAD_BYTES)) is FileKind.FILM


def _said(fates: Counter[str], reasons: Sequence[str]) -> str:
    lines = [f"{fates['new']} films taken, {fates['known']} were there already, {fates['refused']} refused."]
    lines += reasons[:_REASONS]
    if len(reasons) > _REASONS:
        lines.append(f"… and {len(reasons) - _REASONS} more.")
    return "\n".join(lines)
