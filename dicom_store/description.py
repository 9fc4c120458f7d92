"""What the index keeps of a film: read from its bytes once, at the door. Pure.

Columns to search by, and the DICOM JSON of study, series and film that searches answer.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dicom_store import charsets, fragments, tagwalk
from dicom_store.dicomjson import PN_GROUPS, Encoder, Texts, dumps, json_text
from dicom_store.elements import PIXEL_DATA, Buffer
from dicom_store.errors import FilmRefused, Refused
from dicom_store.model import Flag, InstanceUID, Origin, SeriesUID, StudyUID, instance_uid, series_uid, study_uid
from dicom_store.tagwalk import Walk

_NOTHING: dict[str, Any] = {}

STUDY_ANSWER = {
    0x00080020: "DA", 0x00080030: "TM", 0x00080050: "SH", 0x00080090: "PN", 0x00100010: "PN", 0x00100020: "LO",
    0x00100030: "DA", 0x00100040: "CS", 0x0020000D: "UI", 0x00200010: "SH",
}  # fmt: skip
# The optional keys of the patient and study levels that a film can tell, and who asked for the study.
# Source: DICOM PS3.4 tables C.6-1 and C.6-2.
STUDY_EXTRA = (
    0x00080201, 0x00081030, 0x00081048, 0x00081060, 0x00081080, 0x00081032, 0x00080080, 0x00081110, 0x00081120,
    0x00100021, 0x00100032, 0x00101001, 0x00101002, 0x00101010, 0x00101020, 0x00101030, 0x00102160, 0x00102180,
    0x001021B0, 0x00104000, 0x00201070, 0x00321032, 0x00321060,
)  # fmt: skip
SERIES_ANSWER = {0x00080060: "CS", 0x0008103E: "LO", 0x0020000E: "UI", 0x00200011: "IS"}
SERIES_EXTRA = (
    0x00080021, 0x00080031, 0x00080070, 0x00081010, 0x00081090, 0x00180015, 0x00181030, 0x00200060, 0x00400244,
    0x00400245, 0x00400275, 0x00180050, 0x00200052,
)  # fmt: skip
INSTANCE_ANSWER = {0x00080016: "UI", 0x00080018: "UI", 0x00200013: "IS"}
INSTANCE_EXTRA = (0x00280010, 0x00280011, 0x00280100, 0x00280008, 0x00280004, 0x00200032, 0x00200037, 0x00201041,
                  0x00080012, 0x00080013, 0x00420010)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Description:
    """Everything that the index keeps of a film, taken from its bytes alone."""

    study: StudyUID
    series: SeriesUID
    instance: InstanceUID
    sop_class: str
    modality: str
    flags: frozenset[str]
    study_columns: dict[str, Any]
    series_columns: dict[str, Any]
    columns: dict[str, Any]
    header: bytes
    fragments: bytes


def describe(film: Buffer, shared: dict[str, dict[str, Any]] | None = None) -> Description:
    """Read a film for the index.

    Args:
        film: The whole film, as received.
        shared: Kept by the caller between films of one batch: what they have in common is worked out once.

    Raises:
        FilmRefused: Not DICOM, damaged, or without valid UIDs.
    """
    walk = tagwalk.walk(film)
    encoder = Encoder(walk)
    whole = encoder.dataset(walk.elements)
    sop_class = _first(whole, 0x00080016) or tagwalk.meta_text(walk, 0x00020002, film)
    text = _first(whole, 0x00080018) or tagwalk.meta_text(walk, 0x00020003, film)
    if sop_class == "1.2.840.10008.1.3.10":
        raise FilmRefused(
            "This is the directory of a disc (DICOMDIR), not a film.", failure_reason=0xA900, code="dicomdir"
        ).about(sop_class, text)
    instance = _checked(instance_uid, text, "SOP Instance UID", sop_class, text)
    _checked(instance_uid, sop_class, "SOP Class UID", sop_class, text)
    flags = _make_missing_uids(whole, instance)
    study = _checked(study_uid, _first(whole, 0x0020000D), "Study Instance UID", sop_class, text)
    series = _checked(series_uid, _first(whole, 0x0020000E), "Series Instance UID", sop_class, text)
    if encoder.charset.guessed:
        flags.add(Flag.CHARSET_GUESSED.value)
    if not walk.labelled:
        flags.add(Flag.NO_FILE_META.value)
    modality = _first(whole, 0x00080060)[:16]
    shared = {} if shared is None else shared
    study_columns = shared.get(study) or shared.setdefault(study, _study_columns(whole))
    within = f"{study}/{series}"
    series_columns = shared.get(within) or shared.setdefault(within, _series_columns(whole, modality))
    return Description(
        study=study,
        series=series,
        instance=instance,
        sop_class=sop_class,
        modality=modality,
        flags=frozenset(flags),
        study_columns=study_columns,
        series_columns=series_columns,
        columns=_columns(whole, walk, sop_class, flags),
        header=whole.inside(),
        fragments=fragments.pack_fragments(walk.fragments) if walk.fragments is not None else b"",
    )


def _make_missing_uids(whole: Texts, instance: str) -> set[str]:
    """A film that names no study or series is its own: it gets UIDs made from its own UID, and the flag that says so.

    Only the index and the JSON hold them; the film's bytes stay as they are.
    """
    flags: set[str] = set()
    for tag, word in ((0x0020000D, "study"), (0x0020000E, "series")):
        if not _first(whole, tag):
            number = int.from_bytes(hashlib.sha256(f"{word} of {instance}".encode()).digest()[:16], "big")
            whole.put(tag, {"vr": "UI", "Value": [f"2.25.{number}"]})
            flags.add(Flag.UIDS_MADE.value)
    return flags


def _checked(check: Callable[[str], Any], text: str, what: str, sop_class: str, instance: str) -> Any:
    try:
        return check(text)
    except Refused:
        refused = (
            FilmRefused("This film has no valid {what}.", failure_reason=0xA900, code="no_uid", what=what)
            if text
            else FilmRefused("This film has no {what}.", failure_reason=0xA900, code="no_uid", what=what)
        )
        raise refused.about(sop_class[:64], instance[:64]) from None


def _first(whole: Texts, tag: int) -> str:
    values = whole.values.get(tag, _NOTHING).get("Value")
    if not values or values[0] is None:
        return ""
    value = values[0]
    if isinstance(value, dict):
        return "=".join(value.get(word, "") for word in PN_GROUPS).rstrip("=")
    return str(value)


def _all(whole: Texts, tag: int) -> str:
    values = whole.values.get(tag, _NOTHING).get("Value") or []
    return "\\".join(str(value) for value in values if value is not None)


def _integer(whole: Texts, tag: int, most: int = 2**31 - 1) -> int | None:
    try:
        value = int(float(_first(whole, tag)))
    except (ValueError, OverflowError):
        return None
    return value if -most <= value <= most else None


def _count(whole: Texts, tag: int) -> int:
    value = _integer(whole, tag)
    return value if value is not None and value > 0 else 0


def _digits(text: str) -> str:
    """A date or time as it is compared: old films write 1995.01.31 and 10:15:30."""
    return "".join(character for character in text if character not in ".:-/ ")[:14]


def _time(text: str) -> str:
    return text.replace(":", "").strip()[:13]


def _study_columns(whole: Texts) -> dict[str, Any]:
    name = _first(whole, 0x00100010)
    groups = [charsets.fold(group) for group in name.split("=")] + ["", ""]
    return {
        "patient_name": groups[0][:256],
        "patient_ideographic": groups[1][:256],
        "patient_sounds": charsets.sounds(name[:256]) if name else "",
        "patient_id": charsets.fold(_first(whole, 0x00100020))[:256],
        "birth_date": _digits(_first(whole, 0x00100030)),
        "sex": charsets.fold(_first(whole, 0x00100040))[:16],
        "study_date": _digits(_first(whole, 0x00080020)),
        "study_time": _time(_first(whole, 0x00080030)),
        "accession": charsets.fold(_first(whole, 0x00080050))[:256],
        "study_id": charsets.fold(_first(whole, 0x00200010))[:256],
        "description": charsets.fold(_first(whole, 0x00081030))[:256],
        "referrer": charsets.fold(_first(whole, 0x00080090))[:256],
        "answer": _part(whole, STUDY_ANSWER, ()),
        "extra": _part(whole, {}, STUDY_EXTRA),
    }


def _series_columns(whole: Texts, modality: str) -> dict[str, Any]:
    return {
        "modality": modality,
        "number": _integer(whole, 0x00200011),
        "description": charsets.fold(_first(whole, 0x0008103E))[:256],
        "body_part": charsets.fold(_first(whole, 0x00180015))[:64],
        "started_date": _digits(_first(whole, 0x00400244)),
        "started_time": _time(_first(whole, 0x00400245)),
        "station": charsets.fold(_first(whole, 0x00081010))[:64],
        "answer": _part(whole, SERIES_ANSWER, ()),
        "extra": _part(whole, {}, SERIES_EXTRA),
    }


def _columns(whole: Texts, walk: Walk, sop_class: str, flags: set[str]) -> dict[str, Any]:
    pixels = next(
        (element for element in reversed(walk.elements) if element.tag in {0x7FE00008, 0x7FE00009, PIXEL_DATA}),
        None,
    )
    native = pixels is not None and walk.fragments is None
    return {
        "sop_class": sop_class,
        "number": _integer(whole, 0x00200013),
        "transfer_syntax": walk.transfer_syntax[:64],
        "frames": max(1, _count(whole, 0x00280008)) if pixels is not None else 0,
        "rows": _count(whole, 0x00280010),
        "columns": _count(whole, 0x00280011),
        "bits_allocated": _count(whole, 0x00280100),
        "samples": max(1, _count(whole, 0x00280002)),
        "photometric": _first(whole, 0x00280004)[:16],
        "pixel_offset": pixels.start if pixels is not None and native else -1,
        "pixel_length": pixels.length if pixels is not None and native else 0,
        "flags": " ".join(sorted(flags)),
        "answer": _instance_answer(whole, walk),
    }


def _instance_answer(whole: Texts, walk: Walk) -> bytes:
    part = _part(whole, INSTANCE_ANSWER, INSTANCE_EXTRA)
    return json_text(0x00083002, {"vr": "UI", "Value": [walk.transfer_syntax]}) + b"," + part


def _part(whole: Texts, always: dict[int, str], where_present: tuple[int, ...]) -> bytes:
    """Some attributes as JSON, those of `always` even without a value."""
    texts = whole.texts
    parts = [texts[tag] if tag in texts else json_text(tag, {"vr": vr}) for tag, vr in always.items()]
    parts += [texts[tag] for tag in where_present if tag in texts and "BulkDataURI" not in whole.values[tag]]
    return b",".join(parts)


def label(name: str, length: int, digest: bytes, origin: Origin) -> bytes:
    """What a film's record in the pack says of it, for the day on which the index is lost."""
    value = {
        "name": name,
        "length": length,
        "blake3": digest.hex(),
        "institution": origin.institution,
        "door": origin.door.value,
        "caller": origin.caller,
        "reference": origin.reference,
    }
    return dumps(value).encode()
