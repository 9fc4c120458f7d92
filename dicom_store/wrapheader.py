"""What is written around a photo, a PDF or a video: read from an upload's metadata and checked. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from dicom_store.errors import FilmRefused, Refused
from dicom_store.model import uid


@dataclass(frozen=True, slots=True)
class WrapHeader:
    """What is written around the content.

    Attributes:
        patient_name: DICOM PN, or as a person writes it.
        birth_date: YYYYMMDD or "".
        sex: M, F, O or "".
        study: Study to add to; "" begins a new one.
        title: What a person calls the document; often the file's name.
    """

    patient_name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    study: str = ""
    accession: str = ""
    description: str = ""
    title: str = ""


def header_from(metadata: Mapping[str, str], name: str) -> WrapHeader:
    """Read a header from an upload's metadata (`patient_name`, `patient_id`, `birth_date`, `sex`, `study_uid` …).

    Raises:
        FilmRefused: A value that does not fit its attribute.
    """
    words = {key: metadata.get(key, "").strip() for key in _METADATA}
    longest = {"patient_name": 300, "patient_id": 64, "accession_number": 16, "study_description": 64}
    if any(len(words[key]) > most or not words[key].isprintable() for key, most in longest.items()):
        raise _bad_header()
    if words["study_uid"]:
        try:
            uid(words["study_uid"])
        except Refused:
            raise _bad_header() from None
    if words["sex"] not in ("", "M", "F", "O"):
        raise _bad_header()
    date = words["birth_date"].replace("-", "")
    if date and not (date.isascii() and date.isdigit() and len(date) == 8):
        raise _bad_header()
    return WrapHeader(
        patient_name=words["patient_name"],
        patient_id=words["patient_id"].replace("\\", " "),
        birth_date=date,
        sex=words["sex"],
        study=words["study_uid"],
        accession=words["accession_number"],
        description=words["study_description"],
        title=name[:64],
    )


_METADATA = (
    "patient_name", "patient_id", "birth_date", "sex", "study_uid", "accession_number", "study_description"
)  # fmt: skip


def _bad_header() -> FilmRefused:
    return FilmRefused(
        "The patient's details that were given with this file are not valid.", failure_reason=0xC000, code="header"
    )
