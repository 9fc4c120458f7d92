"""Where recordings are kept: files that grow piece by piece, each piece sealed, readable up to the last whole one.

A file is `TCR1`, 16 random bytes, then pieces: 4 bytes of length, AES-256-GCM of the content. The file's own key comes
from the node's key and the random bytes; the nonce counts pieces, so that none can be left out, moved or repeated.
The last piece is empty: a file without it was cut short, which its reader is told.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MAGIC = b"TCR1"
_SALT_BYTES = 16
_TAG_BYTES = 16
MOST_PIECE_BYTES = 8 << 20


class Strip:
    """One file that is being written."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._file = file
        self._cipher = _cipher(key, salt)
        self._count = 0
        self._file.write(_MAGIC + salt)
        self._file.flush()

    def write(self, data: bytes) -> None:
        """Append; on the disk before this returns. Blocks: call it off the event loop."""
        for at in range(0, len(data), MOST_PIECE_BYTES):
            self._seal(data[at : at + MOST_PIECE_BYTES])
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Whole from now on."""
        self._seal(b"")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _seal(self, data: bytes) -> None:
        secret = self._cipher.encrypt(self._count.to_bytes(12), data, None)
        self._file.write(len(secret).to_bytes(4) + secret)
        self._count += 1


class SealedShelf:
    """A folder of sealed files; implements `ports.Shelf`.

    Args:
        folder: Made when first needed.
        key: 32 bytes.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key

    def open(self, name: str) -> Strip:
        """Begin a file; a name is taken once."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return Strip(os.fdopen(descriptor, "wb"), self._key)


def unsealed(path: Path, key: bytes, cut: Callable[[], None] | None = None) -> Iterator[bytes]:
    """The pieces of a file.

    Args:
        path: Of the file.
        key: It was sealed with.
        cut: Called where the file ends before its end: its writer was killed.

    Raises:
        ValueError: It was changed, or sealed with another key.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("not a recording")
        cipher = _cipher(key, file.read(_SALT_BYTES))
        count = 0
        while True:
            size = int.from_bytes(file.read(4))
            secret = file.read(size) if _TAG_BYTES <= size <= MOST_PIECE_BYTES + _TAG_BYTES else b""
            if not size or len(secret) < size:
                if cut is not None:
                    cut()
                return
            try:
                data = cipher.decrypt(count.to_bytes(12), secret, None)
            except InvalidTag:
                raise ValueError("the recording was changed, or sealed with another key") from None
            if not data:
                return
            yield data
            count += 1


class SealedFile:
    """A file that is read from any place; each piece is opened, and so verified, when it is read.

    Args:
        path: Of the file.
        key: It was sealed with.

    Attributes:
        size: Bytes of the content.
        cut: The file ends before its end: it is being written, or its writer was killed.

    Raises:
        ValueError: Not a recording.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._starts: list[int] = []
        """First byte of the content in each piece; the pieces themselves lie one behind the other."""
        self.size = 0
        self.cut = True
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError("not a recording")
            self._cipher = _cipher(key, file.read(_SALT_BYTES))
            length, at = os.fstat(file.fileno()).st_size, file.tell()
            while at + 4 <= length:
                file.seek(at)
                sealed = int.from_bytes(file.read(4))
                if not _TAG_BYTES <= sealed <= MOST_PIECE_BYTES + _TAG_BYTES or at + 4 + sealed > length:
                    return
                if sealed == _TAG_BYTES:
                    self.cut = False
                    return
                self._starts.append(self.size)
                self.size += sealed - _TAG_BYTES
                at += 4 + sealed

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """A stretch of the content, in pieces. Blocks.

        Raises:
            ValueError: It was changed, or sealed with another key.
        """
        end = min(self.size, start + length)
        count = bisect_right(self._starts, start) - 1
        with self._path.open("rb") as file:
            while start < end:
                begins = self._starts[count]
                file.seek(len(_MAGIC) + _SALT_BYTES + begins + count * (4 + _TAG_BYTES))
                data = self._open(count, file.read(int.from_bytes(file.read(4))))
                piece = data[start - begins : end - begins]
                yield piece
                start += len(piece)
                count += 1

    def _open(self, count: int, secret: bytes) -> bytes:
        try:
            return self._cipher.decrypt(count.to_bytes(12), secret, None)
        except InvalidTag:
            raise ValueError("the recording was changed, or sealed with another key") from None


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"recording").derive(key))
