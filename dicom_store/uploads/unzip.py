"""A zip of a disc or a folder: its members, one by one, to `ingest`.

Names inside the zip are shown to people and nothing else: no file is ever written by them, so neither `..` nor a link
leads anywhere. How much comes out is bounded by what is counted while it comes out, not by what the zip claims.
"""

import asyncio
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dicom_store.errors import FilmRefused, Refused
from dicom_store.ingest import Ingest
from dicom_store.model import Origin
from dicom_store.uploads.kinds import HEAD_BYTES, FileKind, kind_of
from dicom_store.uploads.parts import Part
from dicom_store.uploads.results import Fate, FileResult, clean_name, kept, refused

MAX_MEMBERS = 20_000
MAX_DIRECTORY_BYTES = 16 << 20
"""Of the zip's list of members, which is read as a whole."""
MAX_MEMBER_BYTES = 512 << 20
MAX_TOTAL_BYTES = 16 << 30
MAX_RATIO = 200
"""Bytes out for each byte in, beyond the first MiB. Films deflate to a third, an empty one to a hundredth."""
_BATCH_FILMS = 32
_BATCH_BYTES = 32 << 20
_PIECE = 1 << 20


class PartFile(io.RawIOBase):
    """A part as a file to read and seek in."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._part.offset}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer."""
        data = self._part.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@dataclass(slots=True)
class _Budget:
    """Bytes that may still come out."""

    left: int


async def films(part: Part, origin: Origin, ingest: Ingest, tell: Callable[[int, int], None]) -> list[FileResult]:
    """Hand every film of a zip to `ingest`.

    Args:
        part: The zip.
        origin: Where its films come from.
        ingest: The door for films.
        tell: Called with how many members are done, of how many.

    Returns:
        A result for each member that is not a folder; one for the zip itself where it cannot be read at all.

    Raises:
        Unavailable: The disk failed or is full.
    """
    try:
        archive, members = await asyncio.to_thread(_open, part)
    except FilmRefused as refusal:
        return [refused("", refusal)]
    results: dict[int, FileResult] = {}
    budget = _Budget(MAX_TOTAL_BYTES)
    with archive:
        for group in _groups(members):
            await _take_group(archive, group, origin, ingest, (budget, results))
            tell(len(results), len(members))
    return [results[place] for place in sorted(results)]


def _groups(members: list[zipfile.ZipInfo]) -> Iterator[list[tuple[int, zipfile.ZipInfo]]]:
    group: list[tuple[int, zipfile.ZipInfo]] = []
    size = 0
    for place, member in enumerate(members):
        group.append((place, member))
        size += member.file_size
        if len(group) >= _BATCH_FILMS or size >= _BATCH_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


async def _take_group(
    archive: zipfile.ZipFile,
    group: list[tuple[int, zipfile.ZipInfo]],
    origin: Origin,
    ingest: Ingest,
    into: tuple[_Budget, dict[int, FileResult]],
) -> None:
    budget, results = into
    places: list[tuple[int, str]] = []
    async with ingest.batch(origin) as batch:
        for place, member in group:
            name = clean_name(member.filename)
            try:
                data = await asyncio.to_thread(_read, archive, member, budget)
                _check_kind(name, data)
            except _Skipped as skipped:
                results[place] = refused(name, skipped, Fate.SKIPPED)
            except Refused as refusal:
                results[place] = refused(name, refusal)
            else:
                await batch.add(data)
                places.append((place, name))
        for (place, name), outcome in zip(places, await batch.commit(), strict=True):
            results[place] = refused(name, outcome) if isinstance(outcome, Refused) else kept(name, outcome)


class _Skipped(FilmRefused):
    """Not a film, and nobody would expect it to be one."""


def _open(part: Part) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    file = PartFile(part)
    try:
        _check_directory(file)
        archive = zipfile.ZipFile(io.BufferedReader(file, buffer_size=_PIECE))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, UnicodeError, zlib.error) as error:
        raise _broken() from error
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise FilmRefused(
            "This zip holds too many files: at most {most}.", failure_reason=0xA700, code="members", most=MAX_MEMBERS
        )
    return archive, members


def _check_directory(file: PartFile) -> None:
    """Refuse a list of members so long that reading it would fill the memory."""
    end = file.seek(0, io.SEEK_END)
    tail_at = max(0, end - (1 << 16) - 22)
    file.seek(tail_at)
    tail = file.read(end - tail_at) or b""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise _broken()
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    wide = tail.rfind(b"PK\x06\x06")
    if wide >= 0 and len(tail) - wide >= 56:
        size = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    if size > MAX_DIRECTORY_BYTES:
        raise FilmRefused(
            "This zip holds too many files: at most {most}.", failure_reason=0xA700, code="members", most=MAX_MEMBERS
        )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget) -> bytes:
    """Unpack one member; blocks. Raises FilmRefused, or _Skipped before anything large is unpacked."""
    if stat.S_ISLNK(member.external_attr >> 16):
        raise FilmRefused("This is a link, not a file.", failure_reason=0xC000, code="link")
    if member.flag_bits & 1:
        raise FilmRefused("This file is locked with a password.", failure_reason=0xC000, code="password")
    most = min(MAX_MEMBER_BYTES, (1 << 20) + member.compress_size * MAX_RATIO, budget.left)
    if member.file_size > most:
        raise _too_large(most)
    out = bytearray()
    try:
        with archive.open(member) as stream:
            while piece := stream.read(_PIECE if out else HEAD_BYTES):
                if not out:
                    _check_kind(clean_name(member.filename), piece)
                out += piece
                budget.left -= len(piece)
                if len(out) > most:
                    raise _too_large(most)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise _broken() from error
    return bytes(out)


def _check_kind(name: str, head: bytes) -> None:
    if name.rsplit("/", 1)[-1].upper().partition(".")[0] == "DICOMDIR":
        raise _Skipped("The disc's own list of its films: not needed.", failure_reason=0xC000, code="dicomdir")
    if kind_of(head) not in (FileKind.FILM, FileKind.UNKNOWN) or head[:2] in (b"MZ", b"<!", b"<h", b"<H", b"<?"):
        raise _Skipped("Not a film.", failure_reason=0xC000, code="not_a_film")


def _too_large(most: int) -> FilmRefused:
    return FilmRefused(
        "This file is too large: at most {most} bytes are taken.", failure_reason=0xA700, code="too_large", most=most
    )


def _broken() -> FilmRefused:
    return FilmRefused("This zip is broken.", failure_reason=0xC000, code="broken_zip")
