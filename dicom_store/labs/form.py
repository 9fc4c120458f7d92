"""Read a lab report that a person typed or a program posts as JSON. Pure and strict: what is not understood is refused.

The sentence of a refusal names the field by its place, never its content.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from dicom_store.errors import LabRefused
from dicom_store.labs.flags import limits_of
from dicom_store.labs.model import (
    MAX_OBSERVATIONS,
    MAX_TEXT_CHARS,
    LabPatient,
    LabReport,
    Observation,
    Sex,
    Status,
)
from dicom_store.labs.reading import clean, reading

T = TypeVar("T")

_REPORT = {
    "patient", "panel", "specimen", "status", "collected_at", "reported_at", "laboratory", "order", "requester",
    "comment", "observations", "reference", "replaces",
}  # fmt: skip
_PATIENT = {"name", "identifier", "sex", "birth_date"}
_PANEL = {"name", "code", "system"}
_OBSERVATION = {
    "code", "system", "name", "value", "unit", "range", "flags", "critical", "status", "observed_at", "comment",
}  # fmt: skip
_BIRTH = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", re.ASCII)


def report_of(body: object) -> LabReport:
    """Read a report.

    Args:
        body: JSON: `{"patient": {"name", "identifier", "sex", "birth_date"}, "panel": {"name", "code", "system"} or
            its name, "observations": [{"name", "code", "system", "value", "unit", "range", "flags", "critical",
            "comment"}], "specimen", "collected_at", "reported_at", "laboratory", "order", "requester", "comment"}`.
            A value is what the laboratory printed, such as `"12.3"`, `">7.0"`, `"阴性"`.

    Raises:
        LabRefused: An unknown, missing or wrong field.
    """
    given = _object(body, "report", _REPORT)
    patient = _object(given.get("patient"), "patient", _PATIENT)
    panel = given.get("panel", "")
    named = {"name": panel} if isinstance(panel, str) else _object(panel, "panel", _PANEL)
    return LabReport(
        patient=LabPatient(
            name=_text(patient, "name", "patient"),
            identifier=_text(patient, "identifier", "patient"),
            sex=_word(patient, "sex", "patient", Sex, Sex.UNKNOWN),
            birth_date=_birth_date(_text(patient, "birth_date", "patient")),
        ),
        panel=_text(named, "name", "panel"),
        panel_code=_text(named, "code", "panel"),
        panel_system=_text(named, "system", "panel"),
        observations=tuple(_observations(given.get("observations"))),
        status=_word(given, "status", "report", Status, Status.FINAL),
        collected_at=_time(given, "collected_at", "report"),
        reported_at=_time(given, "reported_at", "report"),
        comment=_text(given, "comment", "report", limit=MAX_TEXT_CHARS),
        specimen=_text(given, "specimen", "report"),
        laboratory=_text(given, "laboratory", "report"),
        order=_text(given, "order", "report"),
        requester=_text(given, "requester", "report"),
    )


def _observations(given: object) -> list[Observation]:
    if not isinstance(given, list) or not given:
        raise LabRefused("The report holds no results.", code="no_results")
    if len(given) > MAX_OBSERVATIONS:
        raise LabRefused("The report holds more than {limit} results.", code="too_many", limit=MAX_OBSERVATIONS)
    return [_observation(each, f"observations[{place}]") for place, each in enumerate(given)]


def _observation(body: object, where: str) -> Observation:
    given = _object(body, where, _OBSERVATION)
    name, code = _text(given, "name", where), _text(given, "code", where)
    if not name and not code:
        raise _wrong(f"{where}.name")
    value = given.get("value", "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(f"{where}.value")
    range_text = _text(given, "range", where)
    limits = limits_of(range_text) if range_text else None
    flags = given.get("flags", [])
    if not isinstance(flags, list) or len(flags) > 8 or not all(isinstance(each, str) for each in flags):
        raise _wrong(f"{where}.flags")
    critical = given.get("critical", False)
    if not isinstance(critical, bool):
        raise _wrong(f"{where}.critical")
    return Observation(
        code=code,
        name=name or code,
        system=_text(given, "system", where),
        value=reading(clean(str(value), limit=MAX_TEXT_CHARS)),
        unit=_text(given, "unit", where),
        range_text=range_text,
        range_low=limits.low if limits else None,
        range_high=limits.high if limits else None,
        flags=tuple(filter(None, (clean(each, limit=16) for each in flags))),
        critical=critical,
        status=_word(given, "status", where, Status, Status.FINAL),
        observed_at=_time(given, "observed_at", where),
        comment=_text(given, "comment", where, limit=MAX_TEXT_CHARS),
    )


def _object(body: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _wrong(where)
    unknown = sorted(str(name) for name in body if name not in known)
    if unknown:
        raise LabRefused("The field {field} is not known here.", code="unknown_field", field=_named(where, unknown[0]))
    return body


def _named(where: str, name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "?", name)[:40]
    return plain if where == "report" else f"{where}.{plain}"


def _wrong(field: str) -> LabRefused:
    return LabRefused("The field {field} is missing or wrong.", code="wrong_field", field=field)


def _text(given: dict[str, Any], name: str, where: str, *, limit: int = 512) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(_named(where, name))
    return clean(value, limit=limit)


def _word(given: dict[str, Any], name: str, where: str, kind: Callable[[str], T], default: T) -> T:
    text = _text(given, name, where)
    if not text:
        return default
    try:
        return kind(text)
    except ValueError:
        raise _wrong(_named(where, name)) from None


def _birth_date(text: str) -> str:
    if text and not _BIRTH.fullmatch(text):
        raise _wrong("patient.birth_date")
    try:
        if text:
            date.fromisoformat((text + "-01-01")[:10])
    except ValueError:
        raise _wrong("patient.birth_date") from None
    return text


def _time(given: dict[str, Any], name: str, where: str) -> datetime | None:
    text = _text(given, name, where)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.utcoffset() is None:
            raise LabRefused("The time in {field} lacks its time zone.", code="no_time_zone", field=_named(where, name))
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(_named(where, name)) from None
