"""Takes a backup while the site runs.

The order makes it consistent. The clinic's records are copied first, the index of films after them, the films last:
so all that a consult names is in the index, and all that the index names is in a pack. Recordings follow the records
that list them. Packs only grow; one that the compactor took away between index and copy is noticed, and index and packs
are copied anew. The copies of the audit's anchors come before everything, for they may not be younger than the records
they vouch for.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from teleconsult.backups import databases, files
from teleconsult.backups.manifest import NAME, Entry, Manifest
from teleconsult.config import Settings, SettingsRefused

CLINIC, ARCHIVE = "clinic.db", "archive/archive.db"
CLINIC_DUMP, ARCHIVE_DUMP = "clinic.dump", "archive.dump"
KEY = "secret.key"
PACKS = "archive/packs"
RECORDINGS = "recordings"
_MOMENTARY = ("run/", "archive/uploads/")
"""What runs now, and uploads that are not finished: their senders go on, or begin anew."""
_TRIES = 3

Progress = Callable[[float], None]
"""Told how much is done, 0 to 1."""


def fingerprint(settings: Settings) -> str:
    """Says which key a site has, and nothing about the key."""
    return settings.vault().fingerprint("backup", "key").hex()


def take(settings: Settings, folder: Path, at: datetime, progress: Progress, *, with_key: bool) -> Manifest:
    """Make a backup; the folder appears under its name only when everything is in it and on the disk.

    Args:
        settings: Of the site; it may be running.
        folder: To be made; must not exist.
        at: The time.
        progress: Told as it goes.
        with_key: Whether the site's key goes along.

    Raises:
        SettingsRefused: The folder is there already or inside the data, or something cannot be copied.
    """
    folder = folder.absolute()
    _refuse_place(settings.data_dir.resolve(), folder)
    key = fingerprint(settings)
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        aside.mkdir(mode=0o700, parents=True)
        copying = _Copying(settings, aside, progress)
        copying.small_files(with_key=with_key)
        postgresql = copying.records_and_films()
        manifest = Manifest(
            taken_at=at.astimezone(UTC).isoformat(timespec="seconds"),
            key=key,
            postgresql=postgresql,
            with_key=KEY in copying.entries,
            films_elsewhere=settings.blob_url is not None,
            files=copying.entries,
        )
        (aside / NAME).write_text(manifest.text())
        files.sync_folders(aside)
        aside.rename(folder)
    except OSError as error:
        raise SettingsRefused(f"The backup could not be made: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _refuse_place(data: Path, folder: Path) -> None:
    if not data.is_dir():
        raise SettingsRefused(f"{data} is not there: set TELECONSULT_DATA_DIR to the site's data.")
    if folder.exists():
        raise SettingsRefused(f"{folder} is there already: give a new name, for instance one with the date.")
    if folder.is_relative_to(data):
        raise SettingsRefused(f"{folder} lies inside the data: keep backups on another disk.")


class _Copying:
    """One backup in the making.

    Attributes:
        entries: What is copied so far.
    """

    def __init__(self, settings: Settings, target: Path, progress: Progress) -> None:
        self._settings = settings
        self._data = settings.data_dir.resolve()
        self._target = target
        self._progress = progress
        self._done = 0
        self._total = max(1, sum(_size(path) for path in files.below(self._data)))
        self.entries: dict[str, Entry] = {}

    def small_files(self, *, with_key: bool) -> None:
        """All that is neither a database nor a film: signing key (sealed), anchors, certificates, fonts."""
        for path in files.below(self._data):
            name = path.relative_to(self._data).as_posix()
            if name.startswith((*_MOMENTARY, f"{PACKS}/", f"{RECORDINGS}/")) or _is_database(name):
                continue
            if name != KEY or with_key:
                self._copy(name)

    def records_and_films(self) -> dict[str, str]:
        """The databases and the packs, in the order that fits; which of them are dumps of PostgreSQL."""
        postgresql = {}
        clinic, archive = self._settings.database_url, self._settings.archive_database_url
        if databases.is_postgresql(clinic) and clinic:
            databases.dump_postgresql(clinic, self._target / CLINIC_DUMP)
            postgresql["clinic"] = CLINIC_DUMP
            self._enter(CLINIC_DUMP)
        else:
            self._sqlite(CLINIC)
        self._recordings()
        for _ in range(_TRIES):
            before = self._packs()
            if databases.is_postgresql(archive) and archive:
                (self._target / ARCHIVE_DUMP).unlink(missing_ok=True)
                databases.dump_postgresql(archive, self._target / ARCHIVE_DUMP)
                postgresql["archive"] = ARCHIVE_DUMP
                self._enter(ARCHIVE_DUMP)
            else:
                self._sqlite(ARCHIVE)
            if self._copy_packs(before):
                return postgresql
        raise SettingsRefused("Films were moved about all the time while they were copied. Please try again later.")

    def _recordings(self) -> None:
        """After the records that name them; one whose time is over meanwhile is left out."""
        for path in files.below(self._data / RECORDINGS):
            with suppress(FileNotFoundError):
                self._copy(path.relative_to(self._data).as_posix())

    def _copy_packs(self, before: Iterable[str]) -> bool:
        """Whether all packs that were there before the index was copied are copied, and all that it names."""
        for name in [name for name in self.entries if name.startswith(f"{PACKS}/")]:
            (self._target / name).unlink()
            del self.entries[name]
        for name in self._packs():
            try:
                self._copy(name)
            except FileNotFoundError:
                return False
        if not self.entries.keys() >= set(before):
            return False
        if ARCHIVE not in self.entries or self._settings.blob_url is not None:
            return True
        needed = databases.needed_packs(self._target / ARCHIVE)
        return all(self.entries.get(pack_name(pack), _NOTHING).bytes >= least for pack, least in needed.items())

    def _packs(self) -> list[str]:
        return [path.relative_to(self._data).as_posix() for path in files.below(self._data / PACKS)]

    def _sqlite(self, name: str) -> None:
        source = self._data / name
        if not source.exists():
            return
        (self._target / name).unlink(missing_ok=True)
        databases.copy_sqlite(source, self._target / name)
        self._enter(name)

    def _copy(self, name: str) -> None:
        target = self._target / name
        try:
            self.entries[name] = files.copy(self._data / name, target, self._tell)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
            raise

    def _enter(self, name: str) -> None:
        path = self._target / name
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.entries[name] = files.read(path, self._tell)

    def _tell(self, more: int) -> None:
        self._done += more
        self._progress(min(1.0, self._done / self._total))


_NOTHING = Entry(-1, "")


def pack_name(pack: str) -> str:
    """Where a pack lies in the data and in a backup."""
    return f"{PACKS}/{pack[:2]}/{pack}.pack"


def _is_database(name: str) -> bool:
    return name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal") in (CLINIC, ARCHIVE)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
