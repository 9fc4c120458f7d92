"""The sample's films: painted in threads while the county's people are made, kept by the archive's own door."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import pydicom

from dicom_store import phantoms
from dicom_store.ingest import Ingest
from dicom_store.model import Door, InstitutionId, Origin
from dicom_store.phantoms import Subject, Taken

CHEST_SLICES = 40
HEAD_SLICES = 60
PLACE = "青石镇中心卫生院"
BUNDLED = (
    "CT_small.dcm", "MR_small.dcm", "waveform_ecg.dcm", "examples_palette.dcm", "examples_ybr_color.dcm",
    "liver_1frame.dcm", "test-SR.dcm", "JPEG2000.dcm",
)  # fmt: skip
"""Of pydicom's own test files: kinds of film that are not painted here."""


def chest(subject: Subject, taken: Taken) -> list[bytes]:
    """A chest CT."""
    return list(phantoms.chest_ct(subject, taken, slices=CHEST_SLICES))


def head(subject: Subject, taken: Taken) -> list[bytes]:
    """A head CT of clinical size."""
    return list(phantoms.head_ct(subject, taken, slices=HEAD_SLICES))


def radiograph(subject: Subject, taken: Taken) -> list[bytes]:
    """A chest radiograph."""
    return [phantoms.chest_dr(subject, taken)]


def cine(subject: Subject, taken: Taken) -> list[bytes]:
    """An echocardiogram."""
    return [phantoms.heart_cine(subject, taken)]


def scout(subject: Subject, taken: Taken) -> list[bytes]:
    """A few slices of a head, quick to make."""
    return list(phantoms.head_ct(subject, taken, slices=6, size_px=256))


def bundled() -> list[bytes]:
    """Those of pydicom's test files that stand in the package."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return [(folder / name).read_bytes() for name in BUNDLED if (folder / name).exists()]


async def keep(ingest: Ingest, films: Iterable[bytes], origin: Origin) -> None:
    """Give films to the archive, all in one pack and one commit."""
    async with ingest.batch(origin) as batch:
        for film in films:
            await batch.add(film)
        await batch.commit()


async def painted(paint: Callable[[Subject, Taken], list[bytes]], subject: Subject, taken: Taken) -> list[bytes]:
    """Paint in a thread: numpy leaves the other core to the others."""
    return await asyncio.to_thread(paint, subject, taken)


def taken_on(day: date, root: str, time: str = "091200", place: str = PLACE) -> Taken:
    """When and where; the same root gives the same UIDs."""
    return Taken(day, time, place, f"sample/{root}")


def from_reference(institution: str, caller: str, consult: str) -> Origin:
    """Where films come from that were uploaded with a consult."""
    return Origin(InstitutionId(institution), Door.IMPORT, caller, consult)


def from_machine(institution: str, title: str) -> Origin:
    """Where films come from that a scanner sent."""
    return Origin(InstitutionId(institution), Door.DIMSE, f"station:{title}")
