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
