"""The rules of tus 1.0: request facts in, decision out. Pure; knows no sockets and no files.

Source: https://tus.io/protocols/resumable-upload, version 1.0.0: core, creation, creation-with-upload, checksum,
expiration, termination.
"""

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

from dicom_store.errors import UploadRefused

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARS = 8192
MAX_METADATA_KEYS = 32


class ChecksumKind(StrEnum):
    """Checksums of a PATCH; the text is what tus calls them."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    CRC32 = "crc32"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken.

    Attributes:
        max_bytes: Of one upload.
        max_open: Unfinished uploads of one caller.
        open_for: An upload that no byte reaches for this long is thrown away.
        result_for: What became of a finished upload can be read for this long.
    """

    max_bytes: int = 8 << 30
    max_open: int = 100
    open_for: timedelta = timedelta(days=3)
    result_for: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is: `offset` of `length` bytes are safe."""

    offset: int
    length: int
    expires_at: datetime

    @property
    def complete(self) -> bool:
        """Whether the last byte is here."""
        return self.offset == self.length


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the client says a request's bytes add up to."""

    kind: ChecksumKind
    value: bytes


@dataclass(frozen=True, slots=True)
class Creation:
    """A new upload that may begin.

    Attributes:
        length: Bytes that will come.
        metadata: The client's words about the file.
        append: The first bytes, where the request carries them.
    """

    length: int
    metadata: Mapping[str, str]
    append: "Append | None"


@dataclass(frozen=True, slots=True)
class Append:
    """Bytes that may be taken: from `offset` on, at most `room`."""

    offset: int
    room: int
    checksum: Checksum | None = None


@dataclass
class Summing:
    """Adds up a request's bytes as they come and compares at the end."""

    wanted: Checksum
    _hash: "hashlib._Hash | None" = field(init=False, default=None)
    _crc: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Begin."""
        if self.wanted.kind is not ChecksumKind.CRC32:
            self._hash = hashlib.new(self.wanted.kind.value, usedforsecurity=False)

    def add(self, data: bytes | memoryview) -> None:
        """Count some bytes in."""
        if self._hash is not None:
            self._hash.update(data)
        else:
            self._crc = zlib.crc32(data, self._crc)

    def check(self) -> None:
        """Compare.

        Raises:
            UploadRefused: 460, the bytes are not those that were sent.
        """
        got = self._hash.digest() if self._hash is not None else self._crc.to_bytes(4, "big")
        if not hmac.compare_digest(got, self.wanted.value):
            raise UploadRefused(
                "Some bytes were damaged on the way. Please send them again.", status=460, code="checksum_mismatch"
            )


def check_version(headers: Mapping[str, str]) -> None:
    """Refuse a client of another protocol version.

    Raises:
        UploadRefused: 412.
    """
    if headers.get("Tus-Resumable") != VERSION:
        raise UploadRefused(
            "This upload needs version {version} of the tus protocol.", status=412, code="version", version=VERSION
        )


def creation(headers: Mapping[str, str], limits: Limits, open_now: int) -> Creation:
    """May a new upload begin?

    Args:
        headers: Of the POST.
        limits: What is taken.
        open_now: Unfinished uploads of this caller.

    Raises:
        UploadRefused: 400 without a length, 413 too large, 415 a wrong media type, 429 too many unfinished ones.
    """
    check_version(headers)
    _refuse_encodings(headers)
    if "Upload-Length" not in headers:
        raise UploadRefused("The upload's length is missing.", status=400, code="length_missing")
    length = _number(headers["Upload-Length"])
    if length > limits.max_bytes:
        raise UploadRefused(
            "This file is too large: at most {most} bytes are taken.",
            status=413,
            code="too_large",
            most=limits.max_bytes,
        )
    if open_now >= limits.max_open:
        raise UploadRefused(
            "You have too many unfinished uploads. Finish or remove some first.", status=429, code="too_many"
        )
    metadata = parse_metadata(headers.get("Upload-Metadata", ""))
    first = None
    if headers.get("Content-Type", "") == CONTENT_TYPE:
        _refuse_body_over(headers, length)
        first = Append(0, length, parse_checksum(headers))
    elif headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers:
        raise _wrong_type()
    return Creation(length, metadata, first)


def append(headers: Mapping[str, str], progress: Progress, now: datetime) -> Append:
    """May these bytes be appended?

    Args:
        headers: Of the PATCH.
        progress: How far the upload is.
        now: Aware.

    Raises:
        UploadRefused: 409 another offset, 410 expired, 413 more than the length, 415 a wrong media type.
    """
    check_version(headers)
    _refuse_encodings(headers)
    if headers.get("Content-Type", "") != CONTENT_TYPE:
        raise _wrong_type()
    if now >= progress.expires_at:
        raise UploadRefused("This upload has expired. Please start again.", status=410, code="expired")
    if "Upload-Offset" not in headers:
        raise UploadRefused("The upload's offset is missing.", status=400, code="offset_missing")
    if _number(headers["Upload-Offset"]) != progress.offset:
        raise UploadRefused(
            "The upload continues at byte {offset}.", status=409, code="wrong_offset", offset=progress.offset
        )
    room = progress.length - progress.offset
    _refuse_body_over(headers, room)
    return Append(progress.offset, room, parse_checksum(headers))


def parse_metadata(text: str) -> dict[str, str]:
    """Read Upload-Metadata.

    Raises:
        UploadRefused: 400, out of its form or its limits.
    """
    if len(text) > MAX_METADATA_CHARS:
        raise _bad_metadata()
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if not key or not key.isascii() or not key.isprintable() or key in found or len(found) >= MAX_METADATA_KEYS:
            raise _bad_metadata()
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise _bad_metadata() from None
    return found


def parse_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Read Upload-Checksum.

    Raises:
        UploadRefused: 400, an unknown kind or a value that is none.
    """
    text = headers.get("Upload-Checksum")
    if text is None:
        return None
    name, _, value = text.strip().partition(" ")
    sizes = {ChecksumKind.SHA1: 20, ChecksumKind.SHA256: 32, ChecksumKind.CRC32: 4}
    try:
        checksum = Checksum(ChecksumKind(name), base64.b64decode(value.strip(), validate=True))
    except (ValueError, binascii.Error):
        checksum = None
    if checksum is None or len(checksum.value) != sizes[checksum.kind]:
        raise UploadRefused("This checksum cannot be understood.", status=400, code="bad_checksum")
    return checksum


def capabilities(limits: Limits) -> dict[str, str]:
    """Headers of the answer to OPTIONS."""
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(limits.max_bytes),
        "Tus-Checksum-Algorithm": ",".join(kind.value for kind in ChecksumKind),
    }


def state_headers(progress: Progress) -> dict[str, str]:
    """Headers that say how far an upload is."""
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(progress.offset), "Cache-Control": "no-store"}
    if not progress.complete:
        headers["Upload-Expires"] = format_datetime(progress.expires_at.replace(microsecond=0), usegmt=True)
    return headers


def write_metadata(metadata: Mapping[str, str]) -> str:
    """Upload-Metadata of what `parse_metadata` read."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())


def _refuse_encodings(headers: Mapping[str, str]) -> None:
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        # Unpacking what a stranger packed is how a small request becomes a large one.
        raise UploadRefused("Compressed requests are not taken.", status=415, code="content_encoding")


def _refuse_body_over(headers: Mapping[str, str], room: int) -> None:
    length = headers.get("Content-Length")
    if length is not None and _number(length) > room:
        raise too_long()


def too_long() -> UploadRefused:
    """More bytes than were announced."""
    return UploadRefused("More bytes were sent than announced.", status=413, code="too_long")


def _wrong_type() -> UploadRefused:
    return UploadRefused("The request's media type must be {kind}.", status=415, code="media_type", kind=CONTENT_TYPE)


def _bad_metadata() -> UploadRefused:
    return UploadRefused("The description of the upload cannot be understood.", status=400, code="bad_metadata")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UploadRefused("A number in the request cannot be understood.", status=400, code="bad_number")
    return int(text)
