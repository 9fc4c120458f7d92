"""The archive's values: identifiers that validate themselves, where a film came from, what the index keeps of it.

Pure: no I/O, no pydicom. A `StudyUID` in a signature means it has been checked.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from dicom_store.errors import Refused

InstitutionId = NewType("InstitutionId", str)
"""Opaque: the clinic's id of the institution that holds the film. Part of every key."""

StudyUID = NewType("StudyUID", str)
SeriesUID = NewType("SeriesUID", str)
InstanceUID = NewType("InstanceUID", str)

# PS3.5 chapter 9.1: digits and dots, at most 64. Leading zeros of a component are forbidden there but common in
# films of old devices, which a hospital cannot send again: they are let through.
_UID = re.compile(r"[0-9]{1,64}(?:\.[0-9]{1,62})*", re.ASCII)


def uid(text: str) -> str:
    """Check a DICOM UID.

    Raises:
        Refused: Not digits and dots, longer than 64, or empty.

    Source: DICOM PS3.5 9.1.
    """
    if len(text) > 64 or not _UID.fullmatch(text):
        raise Refused("This is not a valid DICOM UID.", code="bad_uid")
    return text


def study_uid(text: str) -> StudyUID:
    """Check a Study Instance UID; see `uid`."""
    return StudyUID(uid(text))


def series_uid(text: str) -> SeriesUID:
    """Check a Series Instance UID; see `uid`."""
    return SeriesUID(uid(text))


def instance_uid(text: str) -> InstanceUID:
    """Check a SOP Instance UID; see `uid`."""
    return InstanceUID(uid(text))


class Door(StrEnum):
    """By which door something came in."""

    STOW = "stow"
    UPLOAD = "upload"
    DIMSE = "dimse"
    MLLP = "mllp"
    FORM = "form"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a film or lab report came from, kept with it for good.

    Attributes:
        institution: Who holds it from now on.
        door: By which door it came.
        caller: Opaque id of the person or station.
        reference: Opaque word the caller gave along (the clinic puts a consult's id here), or "".
    """

    institution: InstitutionId
    door: Door
    caller: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class StudyKey:
    """A study of one institution; the same UID at another institution is another study."""

    institution: InstitutionId
    study: StudyUID


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """An instance of one institution: the archive's primary key."""

    institution: InstitutionId
    instance: InstanceUID


class ArrivalKind(StrEnum):
    """What an arrivals row tells of."""

    FILM = "film"
    LAB = "lab"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row of the arrivals table, written in the transaction that indexed the thing.

    Attributes:
        number: Rising; a reader stores the last number it handled as its cursor.
        study: Study Instance UID of a film, "" for a lab report.
        subject: SOP Instance UID of a film, or id of a lab report.
    """

    number: int
    kind: ArrivalKind
    origin: Origin
    study: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where the bytes of one film lie.

    Attributes:
        pack: Id of the pack.
        offset: Byte of the pack at which the first encrypted segment starts.
        length: Length of the film in bytes, before encryption.
        name: The film's name inside the pack; it is authenticated, so that two films cannot be swapped.
    """

    pack: str
    offset: int
    length: int
    name: str


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """What the index knows of one film.

    Attributes:
        row: The index's own number of the film.
        key: The study it belongs to, and who holds it.
        transfer_syntax: As the film says; guessed for films without file meta information.
        digest: Of the original bytes, in hex: see `fingerprint`.
        frames: Number of frames; 0 where there are no pixels.
        rows: Height in pixels, 0 where there are none.
        columns: Width in pixels, 0 where there are none.
        bits_allocated: Bits of one stored sample.
        samples: Samples of one pixel.
        photometric: Photometric interpretation, "" where there are no pixels.
        pixel_offset: Byte of the film at which native pixel data starts, -1 where they are encapsulated or absent.
        pixel_length: Length of native pixel data in bytes.
        flags: Words such as `charset_guessed`; see `Flag`.
        received_at: When the archive took it.
    """

    row: int
    key: StudyKey
    series: SeriesUID
    instance: InstanceUID
    sop_class: str
    transfer_syntax: str
    digest: str
    blob: BlobRef
    frames: int
    rows: int
    columns: int
    bits_allocated: int
    samples: int
    photometric: str
    pixel_offset: int
    pixel_length: int
    flags: frozenset[str]
    received_at: datetime


class Flag(StrEnum):
    """What a person should know of a film that is kept nevertheless."""

    CHARSET_GUESSED = "charset_guessed"
    NO_FILE_META = "no_file_meta"
    UIDS_MADE = "uids_made"


class Level(StrEnum):
    """At which level a search answers."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


class MatchKind(StrEnum):
    """How one attribute is compared. Source: DICOM PS3.4 C.2.2.2."""

    EXACT = "exact"
    ONE_OF = "one_of"
    RANGE = "range"
    WILDCARD = "wildcard"
    FUZZY = "fuzzy"


@dataclass(frozen=True, slots=True)
class Match:
    """One condition of a search.

    Attributes:
        tag: The attribute, 0xGGGGEEEE.
        values: One text; for ONE_OF any number; for RANGE two, "" meaning open; for FUZZY the words.
    """

    tag: int
    kind: MatchKind
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """A search, understood and bounded; `query` makes it from what QIDO-RS or C-FIND said.

    Attributes:
        include: Attributes beside the usual ones, 0xGGGGEEEE.
        include_all: Everything that the index holds of each record.
    """

    level: Level
    matches: tuple[Match, ...] = ()
    study: StudyUID | None = None
    series: SeriesUID | None = None
    limit: int = 100
    offset: int = 0
    include: frozenset[int] = frozenset()
    include_all: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One film is safe: written, synced and indexed.

    Attributes:
        duplicate: The very same bytes were here before; nothing was added.
    """

    key: StudyKey
    series: SeriesUID
    instance: InstanceUID
    sop_class: str
    digest: str
    duplicate: bool
    flags: frozenset[str] = frozenset()
