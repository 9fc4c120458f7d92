"""Read what stands in an OBX: numbers that come as text, text that comes as numbers, times, codes, pictures.

Pure. The sender's type (OBX-2) is a hint, not the truth: analysers send numbers as IS and `*****` as a number.

Source: HL7 version 2.5.1 chapter 2.A (data types), chapter 7.4.2.2.
"""

import base64
import binascii
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from dicom_store.errors import LabRefused
from dicom_store.labs.hl7 import Segment, components, leaf, unescape
from dicom_store.labs.model import (
    MAX_ATTACHMENT_BYTES,
    MAX_TEXT_CHARS,
    Absent,
    Attachment,
    Coded,
    Structured,
    Textual,
    Value,
)
from dicom_store.labs.reading import clean, reading

_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})"
    r"(?:(?P<second>[0-9]{2})(?:\.[0-9]{1,6})?)?)?)?)?)?(?P<zone>[+-][0-9]{4})?",
    re.ASCII,
)
_MEDIA_TYPES = {
    "BMP": "image/bmp", "PNG": "image/png", "JPEG": "image/jpeg", "JPG": "image/jpeg", "GIF": "image/gif",
    "TIFF": "image/tiff", "PDF": "application/pdf", "PLAIN": "text/plain",
}  # fmt: skip


def value_of(obx: Segment) -> Value:
    """Read an OBX's value.

    Raises:
        LabRefused: A text is longer than any report's.
    """
    repetitions = obx.repetitions(5)
    kind = obx.get(2).upper()
    if not repetitions:
        return Absent()
    if kind == "ED":
        return _attachment(obx)
    if kind in ("CE", "CWE", "CF", "CNE"):
        return _coded(obx, repetitions)
    if kind == "SN" and len(repetitions) == 1:
        return _structured(obx)
    texts = [_plain(obx, each, kind) for each in repetitions]
    joined = clean("\n".join(texts), limit=MAX_TEXT_CHARS)
    if kind in ("TX", "FT", "RP"):
        return Textual(joined) if joined else Absent()
    if kind in ("DT", "TS", "DTM"):
        return Textual(partial_date(joined) or joined) if joined else Absent()
    return reading(joined)


def _plain(obx: Segment, repetition: str, kind: str) -> str:
    """Simple types hold no components: a `^` in them is text. Others are shown as their filled components."""
    marks = obx.separators
    if kind in ("ST", "TX", "FT", "NM", "IS", "ID", "SI", "DT", "TM", "DTM", ""):
        return unescape(repetition, marks)
    parts = components(repetition, marks)
    return " ".join(filter(None, (leaf(parts, place, marks) for place in range(1, len(parts) + 1))))


def _coded(obx: Segment, repetitions: list[str]) -> Value:
    marks = obx.separators
    found = []
    for repetition in repetitions:
        parts = components(repetition, marks)
        code, text, system, _, other_text = (leaf(parts, place, marks) for place in range(1, 6))
        shown = text or leaf(parts, 9, marks) or other_text or code
        if shown:
            found.append((shown, code, system))
    if not found:
        return Absent()
    text = clean("; ".join(each[0] for each in found), limit=MAX_TEXT_CHARS)
    single = found[0] if len(found) == 1 else ("", "", "")
    return Coded(text, clean(single[1]), clean(single[2]))


def _structured(obx: Segment) -> Value:
    comparator, first, separator, second = (obx.get(5, place) for place in range(1, 5))
    sign = "" if comparator in ("", "=") else comparator
    if not separator and not second:
        return reading(f"{sign}{first}")
    return Structured(clean(f"{sign}{first}{separator}{second}"))


def _attachment(obx: Segment) -> Value:
    marks = obx.separators
    # Not `parts`: the data may be megabytes and is taken out once, unescaped only where it needs it.
    source, kind, subtype, encoding, data = (*obx.repetitions(5)[0].split(marks.component, 4), "", "", "", "", "")[:5]
    shown = clean(" ".join(filter(None, (unescape(source, marks), unescape(kind, marks), unescape(subtype, marks)))))
    word = encoding.strip().upper()
    if len(data) > 2 * MAX_ATTACHMENT_BYTES:
        raise LabRefused("The report's pictures and documents are too large.", code="attachments_too_large")
    try:
        if word == "BASE64":
            content = base64.b64decode("".join(unescape(data, marks).split()), validate=True)
        elif word == "HEX":
            content = bytes.fromhex(data)
        else:
            return Textual(clean(unescape(data, marks), limit=MAX_TEXT_CHARS))
    except (binascii.Error, ValueError):
        return Absent(f"{shown} (damaged)")
    return Attachment(shown, _media_type(kind, subtype), content)


def _media_type(kind: str, subtype: str) -> str:
    return _MEDIA_TYPES.get(subtype.strip().upper()) or _MEDIA_TYPES.get(
        kind.strip().upper(), "application/octet-stream"
    )


def moment(text: str, zone: tzinfo) -> datetime | None:
    """Read an HL7 time as aware UTC; None for what is not one. A time without zone is in `zone`."""
    found = _TIME.fullmatch(text.strip())
    if found is None or not found["month"] or not found["day"]:
        return None
    try:
        offset = _offset(found["zone"]) if found["zone"] else zone
        year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
        hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
        return datetime(year, month, day, hour, minute, second, tzinfo=offset).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> tzinfo:
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def partial_date(text: str) -> str:
    """Read an HL7 date or time as an ISO 8601 date, as exact as it was sent; "" for what is not one."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return ""
    parts = [part for part in (found["year"], found["month"], found["day"]) if part]
    try:
        date(int(found["year"]), int(found["month"] or 1), int(found["day"] or 1))
    except ValueError:
        return ""
    return "-".join(parts)
