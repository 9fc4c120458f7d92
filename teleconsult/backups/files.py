"""Files on their way into a backup and out of it: hashed while they are copied, on the disk before they count."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from teleconsult.backups.manifest import Entry

Tell = Callable[[int], None]
"""Told how many bytes more are done."""
_PIECE = 4 << 20


def copy(source: Path, target: Path, tell: Tell) -> Entry:
    """Copy what the file holds now; one that grows meanwhile is cut where it ended when this began."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, done = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        length = os.fstat(reader.fileno()).st_size
        while done < length and (piece := reader.read(min(_PIECE, length - done))):
            digest.update(piece)
            writer.write(piece)
            done += len(piece)
            tell(len(piece))
        writer.flush()
        os.fsync(writer.fileno())
    return Entry(done, digest.hexdigest())


def read(path: Path, tell: Tell) -> Entry:
    """Length and hash of a file."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as reader:
        while piece := reader.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            tell(len(piece))
    return Entry(done, digest.hexdigest())


def sync_folders(folder: Path) -> None:
    """Names that were made in a folder and below it survive a power cut."""
    for each in (folder, *(below for below in folder.rglob("*") if below.is_dir())):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def below(folder: Path) -> list[Path]:
    """The regular files of a folder and of those in it, in order; links are not followed."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
