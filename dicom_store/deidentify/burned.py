"""Whether a picture itself may show the patient: what the header admits, and classes that are known for it. Pure.

Source: DICOM PS3.15 E.3.1 (clean pixel data), PS3.3 C.7.6.1 (Burned In Annotation).
"""

from pydicom.dataset import Dataset

from dicom_store.errors import FilmRefused

_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.104."
_SCREENS = (
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture, also of several frames
    "1.2.840.10008.5.1.4.1.1.6",  # ultrasound
    "1.2.840.10008.5.1.4.1.1.3",
    "1.2.840.10008.5.1.4.1.1.77.1",  # photographs and video
)


def refuse_if_seen(film: Dataset, *, looked_at: bool) -> None:
    """Refuse a film whose picture may name the patient.

    Args:
        film: The data set before anything was changed.
        looked_at: A person has seen that the pictures show nobody's name.

    Raises:
        FilmRefused: It may; or it holds a document, whose text nobody can vouch for.
    """
    sop_class = str(film.get("SOPClassUID", ""))
    if sop_class.startswith(_DOCUMENTS):
        raise _refused("This film holds a document, whose text may name the patient.", "document")
    if looked_at:
        return
    if str(film.get("BurnedInAnnotation", "")).upper() == "YES":
        raise _refused("The header says that the picture has text burned in.", "burned_in")
    if str(film.get("RecognizableVisualFeatures", "")).upper() == "YES":
        raise _refused("The header says that the patient can be recognised in the picture.", "recognizable")
    screen = any(sop_class == root or sop_class.startswith(f"{root}.") for root in _SCREENS)
    if (screen or "ConversionType" in film) and str(film.get("BurnedInAnnotation", "")).upper() != "NO":
        raise _refused(
            "Pictures of this kind often have the name burned in, and the header does not deny it.", "screen"
        )


def _refused(message: str, code: str) -> FilmRefused:
    return FilmRefused(message, failure_reason=0xC000, code=code)
