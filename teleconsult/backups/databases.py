"""Databases into files and back: SQLite by its own online backup, PostgreSQL by its own tools."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from teleconsult.config import SettingsRefused

_BUSY_S = 30.0


def is_postgresql(url: str | None) -> bool:
    """Whether the records lie in PostgreSQL."""
    return url is not None and make_url(url).get_backend_name() == "postgresql"


def copy_sqlite(source: Path, target: Path) -> None:
    """One moment of a database that others may be writing to; writers are not held up.

    Raises:
        SettingsRefused: It is missing or damaged.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as live,
            closing(sqlite3.connect(target, timeout=_BUSY_S)) as copy,
        ):
            # All pages in one step: in WAL mode a reader sees one moment and stops nobody.
            live.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")
        refuse_damaged(target)
    except sqlite3.Error as error:
        raise SettingsRefused(f"{source} cannot be copied: {error}.") from None


def refuse_damaged(path: Path) -> None:
    """Raise SettingsRefused unless SQLite calls the file whole."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise SettingsRefused(f"{path.name} is damaged: {said}.")


def needed_packs(archive: Path) -> dict[str, int]:
    """The packs that an index of films names -> the least length each must have."""
    with closing(sqlite3.connect(f"{archive.absolute().as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT pack, max(pack_offset + length) FROM instances GROUP BY pack").fetchall()
    return {str(pack): int(end) for pack, end in rows}


def dump_postgresql(url: str, target: Path) -> None:
    """One moment of a PostgreSQL database, by `pg_dump`."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])
    target.chmod(0o600)


def load_postgresql(source: Path, url: str) -> None:
    """Put a dump into an empty database, all of it or nothing."""
    _run("pg_restore", url, ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(source)])


def _run(tool: str, url: str, words: list[str]) -> None:
    found = shutil.which(tool)
    if found is None:
        raise SettingsRefused(f"{tool} is not installed here; it comes with the package postgresql-client.")
    at = make_url(url)
    # The password goes by the environment: arguments can be read by everyone on this machine.
    done = subprocess.run(  # noqa: S603 - a fixed program with our own words
        [found, *_where(at), *words],
        env={"PGPASSWORD": at.password or "", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise SettingsRefused(f"{tool} refused: {last}")


def _where(at: URL) -> list[str]:
    given = {"--host": at.host or at.query.get("host"), "--port": at.port, "--username": at.username}
    named = [f"{word}={value}" for word, value in given.items() if value]
    return [*named, "--no-password", f"--dbname={at.database}"]
