"""The format of a pack: what stands where, how a film is cut into encrypted segments. Pure: bytes in, bytes out.

A pack is a file that only grows::

    header   magic "TCPK", version 1, 3 bytes zero, segment size u32, key id (8), pack id (16), salt (32); 68 bytes
    record   magic "FILM", u32 length of what follows, encrypted label (JSON: what this film is)
             segments: each `SEGMENT` bytes of the film (the last one fewer) + 16 bytes tag
    record   ...

Integers are little endian. Every record can be read without the index, so a lost index can be made anew. A nonce is the
place of its ciphertext in the pack: places are never written twice, since a pack is left for good after any failed
write. Each segment authenticates pack, segment number, length and name of the film.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dicom_store.errors import Unavailable
from dicom_store.model import BlobRef
from dicom_store.storage.keys import KEY_ID_BYTES, TAG_BYTES

VERSION = 1
SEGMENT = 128 * 1024
PACK_ID_BYTES = 16
SALT_BYTES = 32
_HEADER = struct.Struct(f"<4sB3xI{KEY_ID_BYTES}s{PACK_ID_BYTES}s{SALT_BYTES}s")
_RECORD = struct.Struct("<4sI")
HEADER_BYTES = _HEADER.size
RECORD_BYTES = _RECORD.size
_LABEL = 0xFFFFFFFF
_LABEL_MOST = 64 * 1024


@dataclass(frozen=True, slots=True)
class PackHeader:
    """The first bytes of a pack."""

    segment: int
    key: bytes
    pack: bytes
    salt: bytes

    def encode(self) -> bytes:
        """As it stands in the file."""
        return _HEADER.pack(b"TCPK", VERSION, self.segment, self.key, self.pack, self.salt)


def decode_header(data: bytes) -> PackHeader:
    """Read a pack's header.

    Raises:
        Unavailable: Not a pack, or of a version that this program does not know.
    """
    if len(data) < HEADER_BYTES:
        raise Unavailable("A stored film is damaged on the server's disk.")
    magic, version, segment, key, pack, salt = _HEADER.unpack_from(data)
    if magic != b"TCPK" or version != VERSION or segment == 0:
        raise Unavailable("A stored film is damaged on the server's disk.")
    return PackHeader(segment, key, pack, salt)


def label_length(head: bytes) -> int:
    """Bytes of the encrypted label that follows the first `RECORD_BYTES` of a record.

    Raises:
        Unavailable: No record starts here.
    """
    if len(head) < RECORD_BYTES:
        raise Unavailable("A stored film is damaged on the server's disk.")
    magic, length = _RECORD.unpack_from(head)
    if magic != b"FILM" or length > _LABEL_MOST:
        raise Unavailable("A stored film is damaged on the server's disk.")
    return int(length)


def _nonce(place: int) -> bytes:
    return b"\0\0\0\0" + place.to_bytes(8, "little")


def _about(pack: bytes, segment: int, length: int, name: str) -> bytes:
    return pack + struct.pack("<IQ", segment, length) + name.encode()


@dataclass(frozen=True, slots=True)
class PackCode:
    """Encrypts and decrypts the films of one pack.

    Attributes:
        cipher: Under the pack's own key.
    """

    cipher: AESGCM
    header: PackHeader

    def record(self, label: bytes, place: int) -> bytes:
        """The start of a record at byte `place` of the pack; the film's segments follow it."""
        sealed = self.cipher.encrypt(_nonce(place + RECORD_BYTES), label, _about(self.header.pack, _LABEL, 0, ""))
        return _RECORD.pack(b"FILM", len(sealed)) + sealed

    def read_label(self, data: bytes, place: int) -> bytes:
        """The label of the record that starts at byte `place`; `data` starts there too.

        Raises:
            Unavailable: No record starts here, or it was changed.
        """
        magic, length = _RECORD.unpack_from(data)
        if magic != b"FILM" or len(data) < RECORD_BYTES + length:
            raise Unavailable("A stored film is damaged on the server's disk.")
        sealed = data[RECORD_BYTES : RECORD_BYTES + length]
        label = bytearray(max(0, length - TAG_BYTES))
        self._open(_nonce(place + RECORD_BYTES), sealed, _about(self.header.pack, _LABEL, 0, ""), label)
        return bytes(label)

    def segments(self, film: memoryview, place: int, name: str, room: memoryview) -> Iterator[memoryview]:
        """The encrypted segments of a film whose first one stands at byte `place`, some at a time.

        Args:
            film: All of it.
            place: Where its first segment will stand in the pack.
            name: Of the film.
            room: Where the ciphertext is put: what is yielded is a part of it and holds until the next step. At least
                one segment long.
        """
        size, used = self.header.segment, 0
        for number in range(segment_count(len(film), size)):
            part = film[number * size : (number + 1) * size]
            if used + len(part) + TAG_BYTES > len(room):
                yield room[:used]
                used = 0
            end = used + len(part) + TAG_BYTES
            about = _about(self.header.pack, number, len(film), name)
            self.cipher.encrypt_into(_nonce(place + number * (size + TAG_BYTES)), part, about, room[used:end])
            used = end
        yield room[:used]

    def open_segments(self, data: memoryview, first: int, place: int, length: int, name: str) -> bytearray:
        """Decrypt neighbouring segments.

        Args:
            data: The ciphertext of whole segments.
            first: Number of the first of them.
            place: Byte of the pack at which the film's segment 0 stands.
            length: Of the film.
            name: Of the film.

        Returns:
            What they hold, in one piece.

        Raises:
            Unavailable: The bytes were changed.
        """
        step = self.header.segment + TAG_BYTES
        count = -(-len(data) // step)
        opened = bytearray(len(data) - count * TAG_BYTES)
        room = memoryview(opened)
        for number in range(count):
            sealed = data[number * step : (number + 1) * step]
            begin = number * self.header.segment
            about = _about(self.header.pack, first + number, length, name)
            into = room[begin : begin + len(sealed) - TAG_BYTES]
            self._open(_nonce(place + (first + number) * step), sealed, about, into)
        return opened

    def _open(self, nonce: bytes, sealed: bytes | memoryview, about: bytes, into: bytearray | memoryview) -> None:
        try:
            self.cipher.decrypt_into(nonce, sealed, about, into)
        except InvalidTag as error:
            raise Unavailable("A stored film is damaged on the server's disk.") from error


def segment_count(length: int, size: int) -> int:
    """How many segments a film of `length` bytes has; an empty film has one."""
    return max(1, -(-length // size))


def stored_length(length: int, size: int) -> int:
    """How many bytes of the pack the segments of a film take."""
    return length + TAG_BYTES * segment_count(length, size)


def span(start: int, length: int, total: int, size: int) -> tuple[int, int, int, int]:
    """Which ciphertext holds a stretch of a film.

    Args:
        start: First byte wanted; within the film.
        length: Bytes wanted, at least 1.
        total: Length of the film.
        size: Bytes of a segment before encryption.

    Returns:
        First segment; its byte offset from segment 0; bytes to read; bytes to drop at the front after decryption.
    """
    first = start // size
    last = min(start + length - 1, total - 1) // size
    begin = first * (size + TAG_BYTES)
    end = min((last + 1) * (size + TAG_BYTES), stored_length(total, size))
    return first, begin, end - begin, start - first * size


class Stretch(NamedTuple):
    """Where the ciphertext of a stretch of a film lies, and how it is opened.

    Attributes:
        begin: Byte of the pack.
        length: Bytes of whole segments.
        first: Number of the first segment.
        drop: Bytes before what is wanted, after decryption.
    """

    code: PackCode
    ref: BlobRef
    begin: int
    length: int
    first: int
    drop: int
    wanted: int

    def opened(self, data: bytes | bytearray) -> bytes:
        """What is wanted, out of these bytes of the pack.

        Raises:
            Unavailable: They were changed.
        """
        ref = self.ref
        plain = self.code.open_segments(memoryview(data), self.first, ref.offset, ref.length, ref.name)
        return bytes(memoryview(plain)[self.drop : self.drop + self.wanted])


def stretch(code: PackCode, ref: BlobRef, start: int, wanted: int) -> Stretch:
    """Find `wanted` bytes, at least one, of a film from byte `start` on."""
    first, begin, length, drop = span(start, wanted, ref.length, code.header.segment)
    return Stretch(code, ref, ref.offset + begin, length, first, drop, wanted)
