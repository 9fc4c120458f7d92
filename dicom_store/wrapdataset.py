"""From DICOM JSON to the bytes of a film, explicit VR little endian. Pure; what the JSON says is not believed.

The same data set and values give the same bytes: a request that is sent again makes a duplicate and no second film.

Source: DICOM PS3.18 annex F, PS3.5 chapter 7 and annex A.4, PS3.10 chapter 7.
"""

import base64
import binascii
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from dicom_store import dictionary
from dicom_store.errors import FilmRefused

IMPLEMENTATION = "2.25.302921379480237466150239863302873201497"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
PIXEL_DATA = "7FE00010"
MAX_DEPTH = 64
_LONG_FORM = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
_STRINGS = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
_BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}
_VRS = {"SQ", "PN", "DS", "IS", "AT", *_STRINGS, *_BINARY, *_NUMBERS}
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_DS_CHARS = 16

DataSet = dict[str, Any]


def film_of(data_set: DataSet, syntax: str, bulk: Mapping[str, bytes], frames: Sequence[bytes] | None = None) -> bytes:
    """Write a film.

    Args:
        data_set: DICOM JSON. Groups below 0008 and group lengths are left out; texts are written as UTF-8.
        syntax: Transfer syntax of the film.
        bulk: Values by their BulkDataURI.
        frames: Encapsulated frames, in place of a value of the pixel data.

    Raises:
        FilmRefused: Not DICOM JSON, or a value that was not sent along.
    """
    clean = {word: value for word, value in data_set.items() if _number(word) >> 16 >= 8}
    clean["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    if frames is not None:
        clean.pop(PIXEL_DATA, None)
    body = _data_set(clean, bulk, 0)
    if frames is not None:
        body += _encapsulated(frames)
    return b"\0" * 128 + b"DICM" + _meta(clean, syntax) + body


def text_of(data_set: DataSet, word: str) -> str:
    """The first value of an attribute as text, "" if there is none."""
    value = data_set.get(word)
    values = value.get("Value") if isinstance(value, dict) else None
    return str(values[0]) if isinstance(values, list) and values and isinstance(values[0], str | int | float) else ""


def refuse(word: str = "") -> FilmRefused:
    """The refusal of metadata that are not what they should be."""
    if not word:
        return FilmRefused("The metadata cannot be understood.", failure_reason=0xC000, code="metadata")
    return FilmRefused(
        "The metadata cannot be understood: see attribute {tag}.", failure_reason=0xC000, code="metadata", tag=word[:8]
    )


def _number(word: str) -> int:
    if len(word) != 8 or not all(letter in "0123456789ABCDEFabcdef" for letter in word):
        raise refuse()
    return int(word, 16)


def _meta(data_set: DataSet, syntax: str) -> bytes:
    elements = b"".join(
        (
            _element(0x00020001, "OB", b"\0\1"),
            _element(0x00020002, "UI", _padded(text_of(data_set, "00080016").encode("ascii", "replace"), "UI")),
            _element(0x00020003, "UI", _padded(text_of(data_set, "00080018").encode("ascii", "replace"), "UI")),
            _element(0x00020010, "UI", _padded(syntax.encode("ascii"), "UI")),
            _element(0x00020012, "UI", _padded(IMPLEMENTATION.encode("ascii"), "UI")),
        )
    )
    return _element(0x00020000, "UL", struct.pack("<I", len(elements))) + elements


def _data_set(data_set: DataSet, bulk: Mapping[str, bytes], depth: int) -> bytes:
    if depth > MAX_DEPTH:
        raise refuse()
    parts = []
    for word in sorted(data_set, key=str.upper):
        tag, attribute = _number(word), data_set[word]
        if tag & 0xFFFF == 0:
            continue
        vr = _vr(attribute, tag)
        if not isinstance(attribute, dict) or not vr:
            raise refuse(word)
        try:
            value = _value(vr, attribute, bulk, depth)
        except (TypeError, ValueError, struct.error, OverflowError, AttributeError, binascii.Error) as error:
            raise refuse(word) from error
        if len(value) > 0xFFFF and vr not in _LONG_FORM:
            raise refuse(word)
        parts.append(_element(tag, vr, value))
    return b"".join(parts)


def _vr(attribute: object, tag: int) -> str:
    """A value representation; of several that are possible (`US or SS`), one; "" for none."""
    word = (attribute.get("vr") or dictionary.vr_of(tag) or "UN") if isinstance(attribute, dict) else ""
    if isinstance(word, str) and " or " in word:
        word = "OW" if "OW" in word else "US"
    return word if isinstance(word, str) and word in _VRS else ""


def _element(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    return head + (struct.pack("<HI", 0, len(value)) if vr in _LONG_FORM else struct.pack("<H", len(value))) + value


def _padded(value: bytes, vr: str) -> bytes:
    return value + (b"\0" if vr == "UI" or vr in _BINARY else b" ") * (len(value) % 2)


def _value(vr: str, attribute: dict[str, Any], bulk: Mapping[str, bytes], depth: int) -> bytes:
    if "BulkDataURI" in attribute:
        found = bulk.get(attribute["BulkDataURI"])
        if found is None:
            raise FilmRefused(
                "The metadata name bulk data that were not sent along.", failure_reason=0xC000, code="no_bulk_data"
            )
        return _padded(found, vr)
    if "InlineBinary" in attribute:
        return _padded(base64.b64decode(attribute["InlineBinary"], validate=True), vr)
    values = attribute.get("Value", [])
    if not isinstance(values, list):
        raise TypeError
    if vr == "SQ":
        return b"".join(_item(item, bulk, depth) for item in values)
    if not values:
        return b""
    if vr in _NUMBERS:
        numbers = [float(one) if vr in {"FL", "FD"} else int(one) for one in values]
        return struct.pack(f"<{len(numbers)}{_NUMBERS[vr]}", *numbers)
    if vr == "AT":
        return b"".join(struct.pack("<HH", int(one[:4], 16), int(one[4:], 16)) for one in values)
    if vr in _BINARY:
        raise ValueError
    return _padded("\\".join(_text(vr, one) for one in values).encode("utf-8"), vr)


def _item(item: object, bulk: Mapping[str, bytes], depth: int) -> bytes:
    if not isinstance(item, dict):
        raise TypeError
    inside = _data_set(item, bulk, depth + 1)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside


def _text(vr: str, value: Any) -> str:
    if value is None:
        return ""
    if vr == "PN":
        groups = [str(value.get(group, "")) for group in _GROUPS] if isinstance(value, dict) else [str(value)]
        return "=".join(groups).rstrip("=")
    if vr == "IS" and isinstance(value, int | float):
        return str(int(value))
    if vr == "DS" and isinstance(value, int | float):
        return _decimal(value)
    if not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _decimal(value: float) -> str:
    """A number in the sixteen characters of a Decimal String, as exactly as they allow."""
    if not math.isfinite(value):
        raise ValueError
    text = repr(value)
    for digits in range(16, 8, -1):
        if len(text) <= _DS_CHARS:
            break
        text = f"{value:.{digits}g}"
    return text


def _encapsulated(frames: Sequence[bytes]) -> bytes:
    """Each frame as one fragment, with a table of their offsets where there are several."""
    pieces = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    offsets, place = [], 0
    for piece in pieces:
        offsets.append(place)
        place += 8 + len(piece)
    table = struct.pack(f"<{len(offsets)}I", *offsets) if len(offsets) > 1 and place < 1 << 32 else b""
    out = [struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)]
    for piece in (table, *pieces):
        out += [struct.pack("<HHI", 0xFFFE, 0xE000, len(piece)), piece]
    return b"".join((*out, struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)))
