"""Storage commitment: a modality asks whether its films are safe before it deletes its own, and is told by an event.

What is in the index is safe: rows are committed only after the bytes. The answer goes to where the station listens; a
station that listens nowhere is told over the association it asked by.

Source: DICOM PS3.4 annex J.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]
from sqlalchemy import bindparam, select

from dicom_store.errors import QueryRefused, Refused
from dicom_store.model import InstitutionId, instance_uid, uid
from dicom_store.storage.index import Index
from dicom_store.storage.tables import instances

LOGGER = logging.getLogger(__name__)
WELL_KNOWN = "1.2.840.10008.1.20.1.1"
REQUEST = 1
MAX_FILMS = 20_000
_ALL_SAFE, _SOME_NOT = 1, 2
_NO_SUCH_FILM, _OTHER_CLASS = 0x0112, 0x0119  # PS3.3 C.14.1.1
_TRIES_AFTER_S = (0.0, 5.0, 30.0)

_CLASSES = select(instances.c.instance_uid, instances.c.sop_class).where(
    instances.c.institution == bindparam("institution"),
    instances.c.instance_uid.in_(bindparam("uids", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a modality asks.

    Attributes:
        films: SOP class and instance UID each.
    """

    transaction: str
    films: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What it is told.

    Attributes:
        kind: The event type: 1 all are safe, 2 some are not.
    """

    kind: int
    told: Dataset


def question_of(asked: Dataset) -> Question:
    """Read the Action Information of a request.

    Raises:
        QueryRefused: It names no transaction or no films, too many, or cannot be read.
    """
    try:
        films = tuple(
            (uid(str(item.ReferencedSOPClassUID)), str(instance_uid(str(item.ReferencedSOPInstanceUID))))
            for item in asked.ReferencedSOPSequence[: MAX_FILMS + 1]
        )
        transaction = uid(str(asked.TransactionUID))
    except Refused as refused:
        raise QueryRefused(refused.message, code=refused.code) from refused
    except Exception as error:
        raise QueryRefused("The request cannot be read.") from error
    if not films or len(films) > MAX_FILMS:
        raise QueryRefused("The search lists too many UIDs.")
    return Question(transaction, films)


async def verdict_on(index: Index, institution: InstitutionId, question: Question) -> Verdict:
    """Which of the films an institution holds for good."""
    held: dict[str, str] = {}
    uids = [instance for _, instance in question.films]
    for start in range(0, len(uids), 500):
        rows = await index.rows(_CLASSES, {"institution": institution, "uids": uids[start : start + 500]})
        held.update((row.instance_uid, row.sop_class) for row in rows)
    safe = [film for film in question.films if held.get(film[1]) == film[0]]
    told = Dataset()
    told.TransactionUID = question.transaction
    if safe:
        told.ReferencedSOPSequence = [_item(film) for film in safe]
    failed = [film for film in question.films if held.get(film[1]) != film[0]]
    if failed:
        told.FailedSOPSequence = [_item(film, _OTHER_CLASS if film[1] in held else _NO_SUCH_FILM) for film in failed]
    return Verdict(_SOME_NOT if failed else _ALL_SAFE, told)


def _item(film: tuple[str, str], reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = film
    if reason is not None:
        item.FailureReason = reason
    return item


def tell(verdict: Verdict, asker: Association, place: tuple[str, int] | None, titles: Sequence[str]) -> bool:
    """Send the event; blocks, so it has a thread of its own.

    Args:
        verdict: What to tell.
        asker: The association that asked; used where there is no place.
        place: Where the station listens.
        titles: Ours and the station's AE title.

    Returns:
        Whether the station took it.
    """
    if place is None:
        return asker.is_established and _send(asker, verdict)
    for wait in _TRIES_AFTER_S:
        time.sleep(wait)
        entity = AE(ae_title=titles[0])
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = 30
        entity.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        found = entity.associate(*place, ae_title=titles[1], ext_neg=[role])
        if found.is_established:
            taken = _send(found, verdict)
            found.release()
            if taken:
                return True
    LOGGER.warning("dimse: a station that asked for storage commitment cannot be told")
    return False


def _send(association: Association, verdict: Verdict) -> bool:
    try:
        status, _ = association.send_n_event_report(verdict.told, verdict.kind, StorageCommitmentPushModel, WELL_KNOWN)
    except (RuntimeError, ValueError) as error:
        # The association ended meanwhile, or the peer took another role than it must.
        LOGGER.info("dimse: a storage commitment is not told: %s", type(error).__name__)
        return False
    code: Any = status.get("Status") if status else None
    return bool(code == 0)
