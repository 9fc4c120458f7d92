"""C-FIND: an identifier becomes a `Search`, what the index found becomes identifiers again.

Pure but for pydicom. The same matching as QIDO-RS (`query`); PATIENT level is answered from studies.

Source: DICOM PS3.4 C.4.1, C.6.1 and C.6.2.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from dicom_store import query
from dicom_store.errors import QueryRefused, Unavailable
from dicom_store.model import InstitutionId, Level, Match, Search, StudyKey, StudyUID
from dicom_store.storage.searching import Found

PAGE = 200
MAX_ANSWERS = 10_000
MAX_IDENTIFIER_BYTES = 256 * 1024
_PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
_LEVELS = {"PATIENT": Level.STUDY, "STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
_CHARSET, _LEVEL, _RETRIEVE_AE, _AVAILABILITY = 0x00080005, 0x00080052, 0x00080054, 0x00080056
_MODALITIES, _STUDY_SERIES, _STUDY_FILMS, _SERIES_FILMS = 0x00080061, 0x00201206, 0x00201208, 0x00201209
_STUDY, _SERIES, _PATIENT_ID = 0x0020000D, 0x0020000E, "00100020"
# What says how to read the question, and is no question itself: charset, level, time zone, view.
_ABOUT = {_CHARSET, _LEVEL, 0x00080053, 0x00080201}
_ENOUGH_FOR_PATIENT = {0x00100010, 0x00100020, 0x00100030, 0x00100040}


class Finder:
    """One C-FIND request. Ask `next_search`, run it, give its rows to `answers`; again until there is none.

    Args:
        identifier: As decoded from the request.
        sop_class: The information model asked.
        aet: Our AE title, for the answers.

    Raises:
        QueryRefused: It cannot be understood.
    """

    def __init__(self, identifier: Dataset, sop_class: str, aet: str) -> None:
        self._aet = aet
        self._word, self._requested, matches = _understood(identifier)
        if self._word not in _LEVELS or (self._word == "PATIENT" and sop_class != _PATIENT_ROOT):
            raise QueryRefused("The query's level is missing or not one of this information model.")
        self._level = _LEVELS[self._word]
        self._matches = tuple(matches)
        self._offset: int | None = 0
        self._patients: set[tuple[str, str]] = set()

    def next_search(self) -> Search | None:
        """The next page to look for, None at the end.

        Raises:
            Unavailable: More answers than are given to one request.
        """
        if self._offset is None:
            return None
        if self._offset >= MAX_ANSWERS:
            raise Unavailable("The search finds more than can be answered.")
        include = frozenset(self._requested) if self._level is not Level.INSTANCE else frozenset()
        return Search(self._level, self._matches, limit=PAGE, offset=self._offset, include=include)

    def answers(self, rows: Sequence[Found]) -> list[Dataset]:
        """The answers for the rows of the page asked last."""
        assert self._offset is not None  # noqa: S101 - called after `next_search` gave a page
        self._offset = self._offset + PAGE if len(rows) == PAGE else None
        return [self._answer(known) for row in rows if self._is_new(row, known := _known(row))]

    def studies(self, rows: Iterable[Found]) -> set[StudyKey]:
        """Whose films the rows tell of."""
        return {StudyKey(InstitutionId(row.institution), StudyUID(row.study)) for row in rows}

    def _is_new(self, row: Found, known: dict[str, Any]) -> bool:
        """At patient level many studies are one answer."""
        if self._word != "PATIENT":
            return True
        patient = (row.institution, json.dumps(known.get(_PATIENT_ID)))
        new = patient not in self._patients
        self._patients.add(patient)
        return new

    def _answer(self, known: dict[str, Any]) -> Dataset:
        answer = Dataset()
        for tag in self._requested:
            if self._word == "PATIENT" and tag not in _ENOUGH_FOR_PATIENT:
                continue
            found = known.get(f"{tag:08X}")
            answer[tag] = _element(tag, found) if found else _empty(tag)
        answer.SpecificCharacterSet = "ISO_IR 192"
        answer.QueryRetrieveLevel = self._word
        answer.RetrieveAETitle = self._aet
        if _AVAILABILITY in self._requested:
            answer.InstanceAvailability = "ONLINE"
        return answer


def _understood(identifier: Dataset) -> tuple[str, list[int], list[Match]]:
    """The level, the attributes wanted back, and the conditions."""
    requested: list[int] = []
    matches: list[Match] = []
    try:
        word = str(identifier.get("QueryRetrieveLevel", "")).strip().upper()
        for element in identifier:
            tag = int(element.tag)
            if tag in _ABOUT or element.tag.is_private or element.tag.element == 0:
                continue
            requested.append(tag)
            text = _text(element)
            found = query.match(tag, text) if text and tag in query.MATCHABLE else None
            if found is not None:
                matches.append(found)
    except QueryRefused:
        raise
    except Exception as error:
        raise QueryRefused("The query cannot be read.") from error
    if len(matches) > query.MAX_CONDITIONS or len(requested) > 256:
        raise QueryRefused("The search has too many conditions.")
    return word, requested, matches


def _text(element: DataElement) -> str:
    value = element.value
    if value is None or element.VR == "SQ":
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)


def _known(row: Found) -> dict[str, Any]:
    """Everything the index says of a row, as DICOM JSON."""
    parts = [row.study_extra, row.study_answer, row.series_extra, row.series_answer, row.instance_answer]
    known: dict[str, Any] = json.loads(b"{" + b",".join(part for part in parts if part) + b"}")
    modalities = [word for word in row.modalities.split("\\") if word]
    known[f"{_MODALITIES:08X}"] = {"vr": "CS", "Value": modalities}
    for tag, count in ((_STUDY_SERIES, row.series_count), (_STUDY_FILMS, row.study_instance_count)):
        known[f"{tag:08X}"] = {"vr": "IS", "Value": [count]}
    known[f"{_STUDY:08X}"] = {"vr": "UI", "Value": [row.study]}
    if row.series is not None:
        known[f"{_SERIES:08X}"] = {"vr": "UI", "Value": [row.series]}
        known[f"{_SERIES_FILMS:08X}"] = {"vr": "IS", "Value": [row.series_instance_count]}
    return known


def _element(tag: int, found: dict[str, Any]) -> DataElement:
    return Dataset.from_json({f"{tag:08X}": found})[tag]


def _empty(tag: int) -> DataElement:
    try:
        vr = dictionary_VR(BaseTag(tag)).split(" or ", maxsplit=1)[0]
    except KeyError:
        vr = "LO"
    return DataElement(BaseTag(tag), vr, [] if vr == "SQ" else None)
