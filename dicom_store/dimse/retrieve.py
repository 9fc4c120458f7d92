"""C-MOVE and C-GET: which films an identifier means, and a kept film as pynetdicom sends it.

Source: DICOM PS3.4 C.4.2, C.4.3 and C.6.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext

from dicom_store import query
from dicom_store.errors import NotFound, QueryRefused, Refused, Unavailable
from dicom_store.model import (
    InstanceRecord,
    InstanceUID,
    Level,
    Search,
    SeriesUID,
    StudyUID,
    instance_uid,
    series_uid,
    study_uid,
)
from dicom_store.ports import Scope
from dicom_store.storage.index import Index

MAX_FILMS = 20_000
MAX_STUDIES = 200
MAX_CONTEXTS = 128  # PS3.8 9.3.2: odd ids up to 255
_PATIENT_ID = 0x00100020


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; an empty tuple is everything at that level."""

    patient: str
    studies: tuple[StudyUID, ...]
    series: frozenset[SeriesUID]
    instances: frozenset[InstanceUID]


def wanted_of(identifier: Dataset) -> Wanted:
    """Read a C-MOVE's or C-GET's identifier.

    Raises:
        QueryRefused: It names no patient or study, or cannot be read.
    """
    try:
        wanted = Wanted(
            patient=str(identifier.get("PatientID") or "").strip(),
            studies=tuple(study_uid(each) for each in _uids(identifier, "StudyInstanceUID")),
            series=frozenset(series_uid(each) for each in _uids(identifier, "SeriesInstanceUID")),
            instances=frozenset(instance_uid(each) for each in _uids(identifier, "SOPInstanceUID")),
        )
    except Refused as refused:
        raise QueryRefused(refused.message, code=refused.code) from refused
    except Exception as error:
        raise QueryRefused("The query cannot be read.") from error
    if not wanted.studies and (not wanted.patient or {"*", "?"} & set(wanted.patient)):
        raise QueryRefused("The request names neither a study nor a patient.")
    if len(wanted.studies) > MAX_STUDIES:
        raise QueryRefused("The search lists too many UIDs.")
    return wanted


def _uids(identifier: Dataset, keyword: str) -> list[str]:
    value = identifier.get(keyword)
    if not value:
        return []
    return [str(each) for each in value] if isinstance(value, MultiValue) else [str(value)]


async def films_of(index: Index, scope: Scope, wanted: Wanted) -> list[InstanceRecord]:
    """The films that are meant, inside the scope; none where there are none.

    Raises:
        Unavailable: More than one request may ask for.
    """
    studies = list(wanted.studies) or await _studies_of(index, scope, wanted.patient)
    found: list[InstanceRecord] = []
    for study in studies:
        try:
            records = await index.instances(scope, study)
        except NotFound:
            continue
        found += [
            record
            for record in records
            if (not wanted.series or record.series in wanted.series)
            and (not wanted.instances or record.instance in wanted.instances)
        ]
        if len(found) > MAX_FILMS:
            raise Unavailable("The request means more films than can be sent at once.")
    return found


async def _studies_of(index: Index, scope: Scope, patient: str) -> list[StudyUID]:
    condition = query.match(_PATIENT_ID, patient)
    if condition is None:
        return []
    rows = await index.search(scope, Search(Level.STUDY, (condition,), limit=MAX_STUDIES + 1))
    if len(rows) > MAX_STUDIES:
        raise Unavailable("The request means more films than can be sent at once.")
    return [StudyUID(row.study) for row in rows]


def contexts_for(records: Iterable[InstanceRecord]) -> list[PresentationContext]:
    """What to propose to a destination: each class in the syntax its films are kept in."""
    kinds = dict.fromkeys((record.sop_class, record.transfer_syntax) for record in records)
    return [build_context(sop_class, syntax) for sop_class, syntax in list(kinds)[:MAX_CONTEXTS]]


def sendable(film: bytes) -> Dataset:
    """A kept film as pynetdicom sends it: elements stay raw, so that values go out as they came in."""
    return dcmread(BytesIO(film), force=True)
