"""Where uploads lie on the disk: who owns which, which are unfinished, what became of the finished. Blocking.

::

    uploads/open/<owner>/<id>.part      an unfinished upload, see `parts`
    uploads/done/<owner>/<id>.result    what became of its files, encrypted

The owner's folder is a hash of the caller's id, so another caller's upload is simply not found.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dicom_store.errors import NotFound
from dicom_store.storage.keys import KeyRing
from dicom_store.uploads.parts import Part, create, open_part, sync_folder
from dicom_store.uploads.results import About, Result, dump_about, dump_result, load_result

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
MAX_RESULTS = 20_000
"""Of one caller; the oldest go first."""


def owner_of(caller: str) -> str:
    """The folder name of a caller."""
    return hashlib.sha256(caller.encode()).hexdigest()[:32]


class Shelf:
    """All uploads of one archive.

    Args:
        folder: Where they lie.
        keys: The archive's keys.
    """

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._open, self._done = folder / "open", folder / "done"
        self._keys = keys

    def prepare(self) -> None:
        """Make the folders."""
        for folder in (self._open, self._done):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def count_open(self, owner: str) -> int:
        """How many unfinished uploads an owner has."""
        return sum(1 for _ in (self._open / owner).glob("*.part"))

    def create(self, owner: str, about: About) -> tuple[str, Part]:
        """Begin an upload."""
        upload = secrets.token_hex(16)
        part = create(self._part(owner, upload), self._keys, dump_about(about))
        part.sync(about.created_at)
        return upload, part

    def open(self, owner: str, upload: str) -> Part:
        """Open an unfinished upload.

        Raises:
            NotFound: Not there, or not this owner's.
            BlockingIOError: Another process has it open.
        """
        try:
            return open_part(self._part(owner, upload), self._keys)
        except FileNotFoundError:
            raise _not_found() from None

    def touched_at(self, owner: str, upload: str, zone: datetime) -> datetime:
        """When a byte last reached an unfinished upload, in the zone of the time given."""
        try:
            return datetime.fromtimestamp(self._part(owner, upload).stat().st_mtime, zone.tzinfo)
        except FileNotFoundError:
            raise _not_found() from None

    def result(self, owner: str, upload: str) -> Result | None:
        """What became of a finished upload; None while it is unfinished or unknown."""
        try:
            sealed = self._result(owner, upload).read_bytes()
        except FileNotFoundError:
            return None
        return load_result(self._keys.unseal(sealed, upload.encode()))

    def finish(self, owner: str, upload: str, result: Result) -> None:
        """Write down what became of an upload, for good, and throw its bytes away."""
        path = self._result(owner, upload)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(self._keys.seal(dump_result(result), upload.encode()))
            file.flush()
            os.fsync(file.fileno())
        at = result.finished_at.timestamp()
        os.utime(fresh, (at, at))
        fresh.replace(path)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)
        self.drop_bytes(owner, upload)

    def drop_bytes(self, owner: str, upload: str) -> None:
        """Throw the bytes of a finished upload away; its result stays."""
        self._part(owner, upload).unlink(missing_ok=True)

    def remove(self, owner: str, upload: str) -> None:
        """Forget an upload, finished or not."""
        self.drop_bytes(owner, upload)
        self._result(owner, upload).unlink(missing_ok=True)

    def unfinished(self) -> Iterator[tuple[str, str]]:
        """Owner and id of every unfinished upload."""
        for path in self._open.glob("*/*.part"):
            yield path.parent.name, path.stem

    def sweep_results(self, before: datetime) -> None:
        """Forget results older than a time, or beyond what is kept for one caller."""
        for folder in self._done.iterdir():
            aged = sorted((path.stat().st_mtime, path) for path in folder.iterdir())
            extra = len(aged) - MAX_RESULTS
            for place, (at, path) in enumerate(aged):
                if at < before.timestamp() or place < extra:
                    path.unlink(missing_ok=True)

    def _part(self, owner: str, upload: str) -> Path:
        return self._open / owner / f"{_checked(upload)}.part"

    def _result(self, owner: str, upload: str) -> Path:
        return self._done / owner / f"{_checked(upload)}.result"


def _checked(upload: str) -> str:
    if not _ID.fullmatch(upload):
        raise _not_found()
    return upload


def _not_found() -> NotFound:
    return NotFound("This upload is not here. It may have expired.")
