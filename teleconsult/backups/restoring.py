"""Reads a backup again, and puts one back into an empty data folder."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from teleconsult.backups import databases, files
from teleconsult.backups.manifest import Entry, Manifest, read
from teleconsult.backups.taking import ARCHIVE, CLINIC, KEY, Progress, fingerprint, pack_name
from teleconsult.config import Settings, SettingsRefused

_ASIDE = ".restoring"
_NEEDED = "The key of this site is not the one that the backup was made with: nothing in it could be read."


def verify(folder: Path, progress: Progress) -> Manifest:
    """Read every byte of a backup and compare it with what was written down.

    Raises:
        SettingsRefused: A file is missing or changed, a database is damaged, or a film's pack is not there.
    """
    manifest = read(folder)
    tell = _share(manifest, progress)
    for name, entry in _named(manifest):
        try:
            found = files.read(folder / name, tell)
        except OSError as error:
            raise SettingsRefused(f"{name} cannot be read: {error.strerror}.") from None
        _compare(name, found, entry)
    for name in (CLINIC, ARCHIVE):
        if name in manifest.files:
            databases.refuse_damaged(folder / name)
    if ARCHIVE in manifest.files and not manifest.films_elsewhere:
        for pack, least in databases.needed_packs(folder / ARCHIVE).items():
            held = manifest.files.get(pack_name(pack))
            if held is None or held.bytes < least:
                raise SettingsRefused(f"The backup lacks films: {pack_name(pack)}.")
    return manifest


def restore(settings: Settings, folder: Path, progress: Progress) -> Manifest:
    """Put a backup into the data folder, which must hold nothing but perhaps the key.

    Args:
        settings: Of the site to be; with PostgreSQL its databases must exist and be empty.
        folder: The backup.
        progress: Told as it goes.

    Raises:
        SettingsRefused: The data folder is not empty, the key is missing or another, or the backup is not whole.
    """
    manifest, data = read(folder), settings.data_dir
    _refuse_full(data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = data / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    tell = _share(manifest, progress)
    try:
        if manifest.with_key and settings.secret_key is None and not (data / KEY).exists():
            files.copy(folder / KEY, data / KEY, lambda _: None)
        _refuse_key(settings, manifest)
        dumps = set(manifest.postgresql.values())
        for name, entry in _named(manifest):
            if name == KEY:
                continue
            _compare(name, files.copy(folder / name, aside / name, tell), entry)
        for what, url in (("clinic", settings.database_url), ("archive", settings.archive_database_url)):
            _load(aside, manifest.postgresql.get(what), what, url)
        for name in dumps:
            (aside / name).unlink()
        files.sync_folders(aside)
        for each in sorted(aside.iterdir()):
            each.rename(data / each.name)
        aside.rmdir()
        files.sync_folders(data)
    except OSError as error:
        raise SettingsRefused(f"The backup could not be put back: {error.strerror or error}.") from None
    return manifest


def _refuse_full(data: Path) -> None:
    if data.exists() and (more := [each.name for each in data.iterdir() if each.name not in (KEY, _ASIDE)]):
        raise SettingsRefused(f"{data} is not empty (it holds {more[0]}): restore into a new folder.")


def _refuse_key(settings: Settings, manifest: Manifest) -> None:
    if settings.secret_key is None and not (settings.data_dir / KEY).exists():
        raise SettingsRefused(
            f"The site's key is needed: put {KEY} into {settings.data_dir}, or set TELECONSULT_SECRET_KEY_FILE."
        )
    if fingerprint(settings) != manifest.key:
        raise SettingsRefused(_NEEDED)


def _load(aside: Path, dump: str | None, what: str, url: str | None) -> None:
    if dump is None:
        if databases.is_postgresql(url):
            raise SettingsRefused(f"The backup's {what} records are SQLite's: restore without PostgreSQL settings.")
        return
    if url is None or not databases.is_postgresql(url):
        raise SettingsRefused(f"The backup's {what} records are PostgreSQL's: set the address of an empty database.")
    databases.load_postgresql(aside / dump, url)


def _named(manifest: Manifest) -> Iterator[tuple[str, Entry]]:
    for name, entry in manifest.files.items():
        if name.startswith("/") or ".." in Path(name).parts:
            raise SettingsRefused("The backup's list of files leads out of it.")
        yield name, entry


def _compare(name: str, found: Entry, entry: Entry) -> None:
    if found != entry:
        raise SettingsRefused(f"{name} is not as it was when the backup was made.")


def _share(manifest: Manifest, progress: Progress) -> Callable[[int], None]:
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(min(1.0, done / max(1, manifest.total_bytes)))

    return tell
