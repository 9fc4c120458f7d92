"""The file of one unfinished upload: encrypted records, each safe on its own. Blocking; run it in a thread.

::

    header   magic "TCUP", version 1, 3 bytes zero, key id (8), salt (32)
    record   kind u8, length u32 of the plain bytes, nonce (12), encrypted bytes, tag (16)
    record   ...

The first record tells what the upload is (`ABOUT`). `DATA` records are the file. `HELD` records are bytes under a
checksum that has not been compared yet: they count only once a `COMMIT` record follows. Each record authenticates its
kind and its place in the file, so none can be moved, repeated or left out.

What a kill or a power cut leaves behind is cut at the first record that does not authenticate; since a record is synced
before its offset is acknowledged, that is never less than what the client was told.
"""

import fcntl
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dicom_store.errors import Unavailable
from dicom_store.storage.keys import KEY_ID_BYTES, NONCE_BYTES, TAG_BYTES, KeyRing

RECORD_BYTES = 1 << 20
"""Most plain bytes in a record."""

_SALT_BYTES = 32
_HEADER = struct.Struct(f"<4sB3x{KEY_ID_BYTES}s{_SALT_BYTES}s")
_RECORD = struct.Struct("<BI")
_PLACE = struct.Struct("<BIQQ")


class Kind(IntEnum):
    """What a record is."""

    ABOUT = 0
    DATA = 1
    HELD = 2
    COMMIT = 3


@dataclass(slots=True)
class _Found:
    """What a walk over a part's records found."""

    about: bytes = b""
    starts: list[int] = field(default_factory=list)  # first plain byte of each record
    places: list[tuple[int, Kind, int]] = field(default_factory=list)  # byte in the file, kind, plain length
    offset: int = 0
    end: int = _HEADER.size


class Part:
    """An open part. One at a time in all processes: the file is locked.

    Made by `create` or `open_part`; call `close`.
    """

    def __init__(self, fd: int, cipher: AESGCM) -> None:
        self._fd = fd
        self._cipher = cipher
        self._found = _Found()
        self._held: _Found | None = None

    @property
    def about(self) -> bytes:
        """What the upload is, as given to `create`."""
        return self._found.about

    @property
    def offset(self) -> int:
        """Bytes of the file that are here and count."""
        return self._found.offset

    def append(self, data: bytes | memoryview, *, held: bool = False) -> None:
        """Write bytes; they are safe only after `sync`.

        Args:
            data: The file's next bytes.
            held: They count only after `sync`, and can be thrown away by `drop`.
        """
        view = memoryview(data)
        if held and self._held is None:
            self._held = _Found(self._found.about, [], [], self._found.offset, self._found.end)
        target = self._held if self._held is not None else self._found
        for start in range(0, len(view), RECORD_BYTES):
            self._write(target, Kind.HELD if held else Kind.DATA, view[start : start + RECORD_BYTES])

    def _commit(self) -> None:
        if self._held is not None:
            self._write(self._held, Kind.COMMIT, memoryview(b""))
            self._take(self._held)
            self._held = None

    def drop(self) -> None:
        """Throw held bytes away."""
        if self._held is not None:
            os.ftruncate(self._fd, self._found.end)
            self._held = None

    def sync(self, at: datetime) -> None:
        """Let held bytes count, make everything survive a power cut, and note when that was."""
        self._commit()
        os.fdatasync(self._fd)
        os.utime(self._fd, (at.timestamp(), at.timestamp()))

    def read(self, start: int, length: int) -> bytes:
        """Read a stretch of the file.

        Raises:
            Unavailable: The file was changed on the disk.
        """
        out = []
        end = min(self._found.offset, start + length)
        index = bisect_right(self._found.starts, start) - 1
        while start < end:
            first = self._found.starts[index]
            plain = self._open_record(index)
            out.append(plain[start - first : end - first])
            start = first + len(plain)
            index += 1
        return b"".join(out)

    def pieces(self) -> Iterator[bytes]:
        """The whole file, piece by piece."""
        for index in range(len(self._found.places)):
            if self._found.places[index][2]:
                yield self._open_record(index)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._fd)

    def _take(self, held: _Found) -> None:
        self._found.starts += held.starts
        self._found.places += held.places
        self._found.offset, self._found.end = held.offset, held.end

    def _write(self, target: _Found, kind: Kind, plain: memoryview) -> None:
        nonce = os.urandom(NONCE_BYTES)
        place = _PLACE.pack(kind, len(plain), target.offset, target.end)
        sealed = self._cipher.encrypt(nonce, plain, place)
        record = _RECORD.pack(kind, len(plain)) + nonce + sealed
        written = os.pwrite(self._fd, record, target.end)
        while written < len(record):
            written += os.pwrite(self._fd, record[written:], target.end + written)
        if kind is not Kind.ABOUT:
            target.starts.append(target.offset)
            target.places.append((target.end, kind, len(plain)))
            target.offset += len(plain)
        else:
            target.about = bytes(plain)
        target.end += len(record)

    def _open_record(self, index: int) -> bytes:
        place, kind, length = self._found.places[index]
        plain = self._decrypt(place, kind, length, self._found.starts[index])
        if plain is None:
            raise Unavailable("A received file cannot be read on the server.")
        return plain

    def _decrypt(self, place: int, kind: int, length: int, offset: int) -> bytes | None:
        begin = place + _RECORD.size
        sealed = os.pread(self._fd, NONCE_BYTES + length + TAG_BYTES, begin)
        try:
            return self._cipher.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _PLACE.pack(kind, length, offset, place)
            )
        except (InvalidTag, ValueError):
            return None

    def walk(self) -> Self:
        """Find every record that counts and cut off what does not authenticate or was never committed."""
        size = os.fstat(self._fd).st_size
        pending = _Found(offset=0)
        while (record := self._next(pending, size)) is not None:
            kind, length, plain = record
            after = pending.end + _RECORD.size + NONCE_BYTES + length + TAG_BYTES
            if kind is Kind.ABOUT:
                self._found.about = plain
            else:
                pending.starts.append(pending.offset)
                pending.places.append((pending.end, kind, length))
                pending.offset += length
            pending.end = after
            if kind is not Kind.HELD:
                self._take(pending)
                pending = _Found(offset=pending.offset, end=pending.end)
        if size > self._found.end:
            os.ftruncate(self._fd, self._found.end)
        return self

    def _next(self, pending: _Found, size: int) -> tuple[Kind, int, bytes] | None:
        header = os.pread(self._fd, _RECORD.size, pending.end)
        if len(header) < _RECORD.size:
            return None
        kind, length = _RECORD.unpack(header)
        first = pending.end == _HEADER.size
        if kind not in set(Kind) or (kind == Kind.ABOUT) != first or length > RECORD_BYTES:
            return None
        if pending.end + _RECORD.size + NONCE_BYTES + length + TAG_BYTES > size:
            return None
        plain = self._decrypt(pending.end, kind, length, pending.offset)
        return None if plain is None else (Kind(kind), length, plain)


def create(path: Path, keys: KeyRing, about: bytes) -> Part:
    """Make a part that survives a power cut from here on.

    Raises:
        OSError: No room, or the disk failed.
    """
    salt = os.urandom(_SALT_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(fd, _HEADER.pack(b"TCUP", 1, keys.current_id, salt), 0)
        part = Part(fd, keys.pack_cipher(keys.current_id, salt))
        part._write(part._found, Kind.ABOUT, memoryview(about))  # noqa: SLF001  (its own maker)
        os.fsync(fd)
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)
        return part
    except BaseException:
        os.close(fd)
        path.unlink(missing_ok=True)
        raise


def open_part(path: Path, keys: KeyRing) -> Part:
    """Open a part again: every record is checked.

    Raises:
        FileNotFoundError: There is none.
        BlockingIOError: Another process has it open.
        Unavailable: Its key is missing, or it is none.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        header = os.pread(fd, _HEADER.size, 0)
        key, salt = _read_header(header)
        return Part(fd, keys.pack_cipher(key, salt)).walk()
    except BaseException:
        os.close(fd)
        raise


def _read_header(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < _HEADER.size or data[:5] != b"TCUP\x01":
        raise Unavailable("A received file cannot be read on the server.")
    _, _, key, salt = _HEADER.unpack(data)
    return key, salt


def sync_folder(folder: Path) -> None:
    """Make a folder's names survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
