"""DICOM JSON of films, made once at the door: of study, series and film for searches, and of the whole data set.

Fragments of JSON are kept without their outer braces, so that an answer is joined from byte strings. Pure.

Source: DICOM PS3.18 annex F.
"""

import base64
import hashlib
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dicom_store import charsets, tagwalk
from dicom_store.charsets import Charset
from dicom_store.errors import FilmRefused, Refused
from dicom_store.model import (
    Flag,
    InstanceUID,
    Origin,
    SeriesUID,
    StudyUID,
    instance_uid,
    series_uid,
    study_uid,
)
from dicom_store.tagwalk import Element, Walk

# Longer binary values are left out of JSON and fetched by their BulkDataURI.
BULK_BYTES = 1024
# Numbers stay numbers up to here.
BULK_NUMBERS = 64 * 1024
# "{bulk}" in a stored header stands for the address of the film's bulk data.
BULK_PREFIX = "{bulk}/"
_NOTHING: dict[str, Any] = {}

_STRINGS = {"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI", "UC"}
_TEXTS = {"LT", "ST", "UT", "UR"}
_CHARSET_VRS = {"LO", "SH", "PN", "LT", "ST", "UT", "UC"}
_BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}
_PN_DELIMITERS = frozenset({0x5E, 0x3D, 0x5C})
_TEXT_DELIMITERS = frozenset({0x5C, 0x0D, 0x0A, 0x09, 0x0C})
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_CACHED_VRS = frozenset({*_STRINGS, *_TEXTS, "PN", "DS", "IS", "AT", *_NUMBERS})
_SMALL = 96
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_WORDS = {"US or SS", "US or OW", "US or SS or OW"}

STUDY_ANSWER = {
    0x00080020: "DA", 0x00080030: "TM", 0x00080050: "SH", 0x00080090: "PN", 0x00100010: "PN", 0x00100020: "LO",
    0x00100030: "DA", 0x00100040: "CS", 0x0020000D: "UI", 0x00200010: "SH",
}  # fmt: skip
STUDY_EXTRA = (
    0x00080201, 0x00081030, 0x00081048, 0x00081060, 0x00081080, 0x00081032, 0x00080080, 0x00100021, 0x00101010,
    0x00101020, 0x00101030, 0x00102160, 0x00104000, 0x00200026, 0x00321032, 0x00321060,
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


class Encoder:
    """Turns the elements of one film into DICOM JSON."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._data = walk.data
        self._order = ">" if walk.big else "<"
        self._signed = self._is_signed()
        self._wide_lut = self._has_wide_lut()
        self.charset = self._charset(walk.elements, ())

    def dataset(self, elements: list[Element]) -> "Texts":
        """The JSON of the whole data set, group lengths left out."""
        found = Texts({}, {})
        charset, order = self.charset, self._order
        for element in elements:
            tag = element.tag
            if tag & 0xFFFF == 0 or tag >> 16 < 8:
                continue
            if element.items is None and 0 < element.length <= _SMALL and element.vr in _CACHED_VRS:
                value, text = _small(tag, element.vr, self._raw(element), charset, order)
            else:
                value = self._element(element, charset, "")
                text = _text(tag, value)
            found.values[tag] = value
            found.texts[tag] = text
        return found

    # ------------------------------------------------------------ inside

    def _charset(self, elements: list[Element], inherited: tuple[str, ...]) -> Charset:
        terms: tuple[str, ...] | None = None
        for element in elements:
            if element.tag == 0x00080005:
                terms = tuple(self._raw(element).decode("ascii", "replace").split("\\"))
                break
            if element.tag > 0x00080005:
                break
        if terms is None:
            terms = inherited
        samples: list[bytes] = []
        self._samples(elements, samples, 0)
        return charsets.charset_of(terms, samples)

    def _samples(self, elements: list[Element], samples: list[bytes], depth: int) -> None:
        """Texts beyond ASCII, by which the character set is judged; some hundreds are enough."""
        for element in elements:
            if len(samples) >= 200:
                return
            if element.items is not None:
                if depth < 8:
                    for item in element.items[:50]:
                        self._samples(item, samples, depth + 1)
            elif element.vr in _CHARSET_VRS and element.length:
                raw = self._raw(element)
                if not raw.isascii():
                    samples.append(raw)

    def _dataset(self, elements: list[Element], charset: Charset, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for element in elements:
            tag = element.tag
            if tag & 0xFFFF == 0 or tag >> 16 < 8:
                continue
            found[f"{tag:08X}"] = self._element(element, charset, path)
        return found

    def _element(self, element: Element, charset: Charset, path: str) -> dict[str, Any]:
        vr = element.vr
        if element.items is not None:
            return self._sequence(element, charset, path)
        if len(vr) > 2:
            vr = self._decide(element)
        if element.length == 0:
            return {"vr": vr}
        if vr in _BINARY:
            return self._binary(element, vr, path)
        if vr in _NUMBERS and element.length > BULK_NUMBERS:
            return {"vr": vr, "BulkDataURI": f"{BULK_PREFIX}{path}{element.tag:08X}"}
        return _plain(element.tag, vr, self._raw(element), charset, self._order)

    def _sequence(self, element: Element, charset: Charset, path: str) -> dict[str, Any]:
        items = element.items or []
        if not items:
            return {"vr": "SQ"}
        values = []
        for number, item in enumerate(items):
            own = charset
            if item and item[0].tag <= 0x00080005 and any(inner.tag == 0x00080005 for inner in item[:2]):
                own = self._charset(item, charset.terms)
            values.append(self._dataset(item, own, f"{path}{element.tag:08X}/{number}/"))
        return {"vr": "SQ", "Value": values}

    def _raw(self, element: Element) -> bytes:
        return bytes(self._data[element.start : element.start + element.length])

    def _decide(self, element: Element) -> str:
        """One of several possible value representations, as PS3.5 annex A and PS3.3 C.7.6.3 have it."""
        if element.vr in _WORDS:
            if element.tag == 0x00283006:
                return "OW" if self._wide_lut else "US"
            if "SS" in element.vr:
                return "SS" if self._signed else "US"
            return "OW"
        return "OW"

    def _is_signed(self) -> bool:
        element = self._walk.find(0x00280103)
        if element is None or element.length != 2:
            return False
        return bool(struct.unpack_from(f"{self._order}H", self._data, element.start)[0])

    def _has_wide_lut(self) -> bool:
        return False

    def _binary(self, element: Element, vr: str, path: str) -> dict[str, Any]:
        encapsulated = element.tag == tagwalk.PIXEL_DATA and self._walk.fragments is not None
        if element.length > BULK_BYTES or encapsulated or element.tag == tagwalk.PIXEL_DATA:
            return {"vr": vr, "BulkDataURI": f"{BULK_PREFIX}{path}{element.tag:08X}"}
        raw = self._raw(element)
        if self._walk.big and vr != "OB" and vr != "UN":
            raw = swapped(raw, vr)
        return {"vr": vr, "InlineBinary": base64.b64encode(raw).decode()}


@dataclass(frozen=True, slots=True)
class Texts:
    """A data set as JSON, by tag: as objects (shared, never to be changed) and as text with the tag before it."""

    values: dict[int, dict[str, Any]]
    texts: dict[int, bytes]

    def put(self, tag: int, value: dict[str, Any]) -> None:
        """Replace one attribute."""
        self.values[tag] = value
        self.texts[tag] = _text(tag, value)

    def inside(self) -> bytes:
        """All of it, without the outer braces."""
        return b",".join(self.texts.values())


@lru_cache(maxsize=8192)
def _small(tag: int, vr: str, raw: bytes, charset: Charset, order: str) -> tuple[dict[str, Any], bytes]:
    """Short values repeat from film to film of a series: they are turned into JSON once."""
    value = _plain(tag, vr, raw, charset, order)
    return value, _text(tag, value)


def _text(tag: int, value: dict[str, Any]) -> bytes:
    return f'"{tag:08X}":{_dumps(value)}'.encode("utf-8", "replace")


def _plain(tag: int, vr: str, raw: bytes, charset: Charset, order: str) -> dict[str, Any]:
    """A value that is neither binary nor a sequence."""
    if vr in _NUMBERS:
        return _numbers(vr, raw, order)
    if vr == "AT":
        words = struct.unpack_from(f"{order}{len(raw) // 4 * 2}H", raw)
        pairs = zip(words[::2], words[1::2], strict=True)
        return {"vr": vr, "Value": [f"{group:04X}{number:04X}" for group, number in pairs]}
    if tag == 0x00080005:
        return {"vr": "CS", "Value": ["ISO_IR 192"]}
    return _strings(vr, charset, raw)


def _numbers(vr: str, raw: bytes, order: str) -> dict[str, Any]:
    code = _NUMBERS[vr]
    count = len(raw) // struct.calcsize(f"={code}")
    values: list[Any] = list(struct.unpack_from(f"{order}{count}{code}", raw))
    if vr in {"FL", "FD"}:
        # JSON has no word for these; DICOM's is a text.
        values = [value if math.isfinite(value) else _odd_number(value) for value in values]
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _odd_number(value: float) -> str:
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


def swapped(raw: bytes, vr: str) -> bytes:
    """Big endian words as little endian; bulk data and JSON are always little endian."""
    size = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8}.get(
        vr, 1
    )
    if size == 1:
        return raw
    whole = bytearray(raw[: len(raw) // size * size])
    turned = bytearray(len(whole))
    for place in range(size):
        turned[place::size] = whole[size - 1 - place :: size]
    return bytes(turned)


def _strings(vr: str, charset: Charset, raw: bytes) -> dict[str, Any]:
    if vr in _TEXTS:
        text = charset.decode(raw, _TEXT_DELIMITERS).rstrip(" \0")
        return {"vr": vr, "Value": [text]} if text else {"vr": vr}
    if vr == "PN":
        names = [_name(part) for part in charset.decode(raw, _PN_DELIMITERS).split("\\")]
        return {"vr": vr, "Value": names} if any(names) else {"vr": vr}
    # Codes are ASCII by the standard; devices that write 男 as a patient's sex mean the film's own character set.
    text = charset.decode(raw, _TEXT_DELIMITERS)
    if vr in {"DS", "IS"}:
        values: list[Any] = [_number(vr, part) for part in text.split("\\")]
    else:
        values = [part.strip(" \0") or None for part in text.split("\\")]
    return {"vr": vr, "Value": values} if any(value is not None for value in values) else {"vr": vr}


def _name(text: str) -> dict[str, str] | None:
    groups = [group.strip(" \0") for group in text.split("=")]
    return {word: group for word, group in zip(_PN_GROUPS, groups, strict=False) if group} or None


def _number(vr: str, text: str) -> int | float | str | None:
    """A number where it is one; what a device wrote otherwise stays as it wrote it."""
    text = text.strip(" \0")
    if not text:
        return None
    try:
        if vr == "IS":
            return int(text) if len(text) < 20 else text
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


# ---------------------------------------------------------------- describing a film


def describe(film: tagwalk.Buffer, shared: dict[str, dict[str, Any]] | None = None) -> Description:
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
        raise _mismatch("This is the directory of a disc (DICOMDIR), not a film.", "dicomdir", sop_class, text)
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
        fragments=tagwalk.pack_fragments(walk.fragments) if walk.fragments is not None else b"",
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
        refusal = "This film has no valid {what}." if text else "This film has no {what}."
        raise FilmRefused(refusal, failure_reason=0xA900, code="no_uid", what=what).about(
            sop_class[:64], instance[:64]
        ) from None


def _mismatch(message: str, code: str, sop_class: str, instance: str) -> FilmRefused:
    return FilmRefused(message, failure_reason=0xA900, code=code).about(sop_class, instance)


def _first(whole: Texts, tag: int) -> str:
    values = whole.values.get(tag, _NOTHING).get("Value")
    if not values or values[0] is None:
        return ""
    value = values[0]
    if isinstance(value, dict):
        return "=".join(value.get(word, "") for word in _PN_GROUPS).rstrip("=")
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
        (element for element in reversed(walk.elements) if element.tag in {0x7FE00008, 0x7FE00009, tagwalk.PIXEL_DATA}),
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
    return _text(0x00083002, {"vr": "UI", "Value": [walk.transfer_syntax]}) + b"," + part


def _part(whole: Texts, always: dict[int, str], where_present: tuple[int, ...]) -> bytes:
    """Some attributes as JSON, those of `always` even without a value."""
    texts = whole.texts
    parts = [texts[tag] if tag in texts else _text(tag, {"vr": vr}) for tag, vr in always.items()]
    parts += [texts[tag] for tag in where_present if tag in texts and "BulkDataURI" not in whole.values[tag]]
    return b",".join(parts)


def label(name: str, length: int, sha256: bytes, origin: Origin) -> bytes:
    """What a film's record in the pack says of it, for the day on which the index is lost."""
    value = {
        "name": name,
        "length": length,
        "sha256": sha256.hex(),
        "institution": origin.institution,
        "door": origin.door.value,
        "caller": origin.caller,
        "reference": origin.reference,
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
