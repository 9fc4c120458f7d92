"""One film without its patient: every attribute by the profile, then a search for what slipped through.

Source: DICOM PS3.15 annex E.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from dicom_store import tagwalk
from dicom_store.deidentify.burned import refuse_if_seen
from dicom_store.deidentify.profile import Act, Dates, Options, act_on
from dicom_store.deidentify.values import Names, dummy, shifted
from dicom_store.errors import FilmRefused

_TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT", "CS", "AE"})
_NAMING = ("PatientName", "PatientID", "AccessionNumber", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName")
_WORD = re.compile(r"[^\s^=\\,;:._-]+")
# Shorter words mean too much else.
_LATIN_LEAST, _OTHER_LEAST = 4, 2


@dataclass(frozen=True, slots=True)
class Copy:
    """A film without its patient.

    Attributes:
        instance: Its SOP Instance UID.
        slipped: How many values, kept by the profile, held a word that names the patient and were emptied.
    """

    data: bytes
    study: str
    series: str
    instance: str
    slipped: int


def deidentified(film: bytes, names: Names, options: Options, *, looked_at: bool = False) -> Copy:
    """Make a teaching copy of a film.

    Args:
        film: As it was received.
        names: New names.
        options: What may stay.
        looked_at: A person has seen that the picture shows nobody's name.

    Raises:
        FilmRefused: Not a film, or its picture may name the patient.
    """
    found = tagwalk.walk(film)  # bounds depth and size before pydicom reads
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(BytesIO(film), force=True)
            refuse_if_seen(data, looked_at=looked_at)
            return _Copying(data, names, options).copy(found.transfer_syntax)
    except FilmRefused:
        raise
    except Exception as error:  # a film that pydicom cannot write anew has no copy
        raise FilmRefused("This film cannot be written anew.", failure_reason=0xC000, code="unwritable") from error


class _Copying:
    def __init__(self, data: Dataset, names: Names, options: Options) -> None:
        self._data = data
        self._names = names
        self._options = options
        self._patient = str(data.get("PatientID", "") or data.get("PatientName", ""))
        self._days = names.days(self._patient)
        self._telling = _telling_words(data)
        self._slipped = 0

    def copy(self, syntax: str) -> Copy:
        data = self._data
        self._clean(data)
        data.PatientID = data.PatientName = self._names.patient(self._patient)
        self._say_what_was_done()
        data.preamble = b"\0" * 128
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = data.SOPClassUID
        meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        meta.TransferSyntaxUID = UID(syntax)
        data.file_meta = meta
        written = BytesIO()
        data.save_as(written, enforce_file_format=True)
        uids = (str(data.StudyInstanceUID), str(data.SeriesInstanceUID), str(data.SOPInstanceUID))
        return Copy(written.getvalue(), *uids, self._slipped)

    def _clean(self, data: Dataset) -> None:
        for tag in list(data.keys()):
            if tag.element == 0 or (not tag.is_private and not dictionary_has_tag(tag)):
                # Group lengths would be wrong; of what nobody knows nobody can say that it names no one.
                del data[tag]
                continue
            act = act_on(int(tag), self._options)
            if act is Act.REMOVE:
                del data[tag]
            else:
                self._do(data, data[tag], act)

    def _do(self, data: Dataset, element: DataElement, act: Act) -> None:
        if element.VR == "SQ":
            if act in {Act.EMPTY, Act.DUMMY}:
                element.value = []
            for item in element.value or []:
                self._clean(item)
        elif act is Act.EMPTY:
            element.value = None
        elif act is Act.NEW_UID or (element.VR == "UI" and act is Act.DUMMY):
            element.value = _each(element.value, self._names.uid)
        elif act is Act.DUMMY:
            element.value = dummy(element.VR)
        elif act is Act.SHIFT:
            element.value = _each(element.value, lambda text: shifted(element.VR, text, self._days))
        elif element.VR in _TEXTS and self._tells(element.value):
            element.value = None
            self._slipped += 1
        data[element.tag] = element

    def _tells(self, value: object) -> bool:
        words = {word.casefold() for word in _WORD.findall(_joined(value))}
        return bool(words & self._telling)

    def _say_what_was_done(self) -> None:
        data, options = self._data, self._options
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = "DICOM PS3.15 annex E, by teleconsult"
        data.DeidentificationMethodCodeSequence = [_code(*code) for code in options.codes]
        told = {Dates.REMOVE: "REMOVED", Dates.SHIFT: "MODIFIED", Dates.KEEP: "UNMODIFIED"}
        data.LongitudinalTemporalInformationModified = told[options.dates]


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _each(value: object, change: Callable[[str], str]) -> object:
    if value is None or value == "":
        return None
    if isinstance(value, MultiValue):
        return [change(str(one)) for one in value]
    return change(str(value))


def _joined(value: object) -> str:
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")


def _telling_words(data: Dataset) -> frozenset[str]:
    """Words of the patient's names and numbers that are long enough to mean this patient."""
    found = set()
    for keyword in _NAMING:
        for word in _WORD.findall(_joined(data.get(keyword))):
            if len(word) >= (_LATIN_LEAST if word.isascii() else _OTHER_LEAST):
                found.add(word.casefold())
    return frozenset(found)
