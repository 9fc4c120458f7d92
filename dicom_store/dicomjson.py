"""The elements of a film as DICOM JSON. Pure; what the index picks out of it is `description`'s affair.

Fragments of JSON are kept without their outer braces, so that an answer is joined from byte strings.

Source: DICOM PS3.18 annex F.
"""

import base64
import json
import math
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dicom_store import charsets
from dicom_store.charsets import Charset
from dicom_store.elements import PIXEL_DATA, Element
from dicom_store.tagwalk import Walk

# Longer binary values are left out of JSON and fetched by their BulkDataURI.
BULK_BYTES = 1024
# Numbers stay numbers up to here.
BULK_NUMBERS = 64 * 1024
# "{bulk}" in a stored header stands for the address of the film's bulk data.
BULK_PREFIX = "{bulk}/"

_STRINGS = {"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI", "UC"}
_TEXTS = {"LT", "ST", "UT", "UR"}
_CHARSET_VRS = {"LO", "SH", "PN", "LT", "ST", "UT", "UC"}
_BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}
_PN_DELIMITERS = frozenset({0x5E, 0x3D, 0x5C})
_TEXT_DELIMITERS = frozenset({0x5C, 0x0D, 0x0A, 0x09, 0x0C})
PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_CACHED_VRS = frozenset({*_STRINGS, *_TEXTS, "PN", "DS", "IS", "AT", *_NUMBERS})
_SMALL = 96
_ASCII = Charset("ascii")
_SAMPLE_BYTES = 64 * 1024
dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
"""JSON without blanks."""
_WORDS = {"US or SS", "US or OW", "US or SS or OW"}


class Encoder:
    """Turns the elements of one film into DICOM JSON."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._data = walk.data
        self._order = ">" if walk.big else "<"
        self._signed = self._is_signed()
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
                raw = self._raw(element)
                plain = raw.isascii() and 0x1B not in raw
                value, text = _small(tag, element.vr, raw, None if plain else charset, order)
            else:
                value = self._element(element, charset, "")
                text = json_text(tag, value)
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
                if not raw.isascii() and (sample := _sample(raw)):
                    samples.append(sample)

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
                return "US"
            if "SS" in element.vr:
                return "SS" if self._signed else "US"
            return "OW"
        return "OW"

    def _is_signed(self) -> bool:
        element = self._walk.find(0x00280103)
        if element is None or element.length != 2:
            return False
        return bool(struct.unpack_from(f"{self._order}H", self._data, element.start)[0])

    def _binary(self, element: Element, vr: str, path: str) -> dict[str, Any]:
        encapsulated = element.tag == PIXEL_DATA and self._walk.fragments is not None
        if element.length > BULK_BYTES or encapsulated or element.tag == PIXEL_DATA:
            return {"vr": vr, "BulkDataURI": f"{BULK_PREFIX}{path}{element.tag:08X}"}
        raw = self._raw(element)
        if self._walk.big and vr != "OB" and vr != "UN":
            raw = swapped(raw, vr)
        return {"vr": vr, "InlineBinary": base64.b64encode(raw).decode()}


def _sample(raw: bytes) -> bytes:
    """What a text is judged by: of a very long one the beginning, not cut within a character; none where that fails."""
    if len(raw) <= _SAMPLE_BYTES:
        return raw
    end = _SAMPLE_BYTES
    while end and raw[end - 1] >= 0x80:
        end -= 1
    return raw[:end]


@dataclass(frozen=True, slots=True)
class Texts:
    """A data set as JSON, by tag: as objects (shared, never to be changed) and as text with the tag before it."""

    values: dict[int, dict[str, Any]]
    texts: dict[int, bytes]

    def put(self, tag: int, value: dict[str, Any]) -> None:
        """Replace one attribute."""
        self.values[tag] = value
        self.texts[tag] = json_text(tag, value)

    def inside(self) -> bytes:
        """All of it, without the outer braces."""
        return b",".join(self.texts.values())


@lru_cache(maxsize=8192)
def _small(tag: int, vr: str, raw: bytes, charset: Charset | None, order: str) -> tuple[dict[str, Any], bytes]:
    """Short values repeat from film to film of a series: they are turned into JSON once.

    For plain ASCII, which is the same in every character set, `charset` is None.
    """
    value = _plain(tag, vr, raw, charset or _ASCII, order)
    return value, json_text(tag, value)


def json_text(tag: int, value: dict[str, Any]) -> bytes:
    """One attribute as JSON, with its tag before it."""
    return f'"{tag:08X}":{dumps(value)}'.encode("utf-8", "replace")


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
    return {word: group for word, group in zip(PN_GROUPS, groups, strict=False) if group} or None


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
