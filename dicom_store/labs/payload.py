"""A lab report as JSON: whole for the store, without the bytes of pictures for the wire.

Pure. Numbers travel as text, so that no digit is lost or invented.
"""

import base64
import json
import zlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from dicom_store.labs.model import (
    Absent,
    Attachment,
    Coded,
    Comparator,
    Flag,
    KeptReport,
    LabPatient,
    LabReport,
    Notice,
    Numeric,
    Observation,
    Sex,
    Status,
    Structured,
    Textual,
    Value,
)

Json = dict[str, Any]


def packed(report: LabReport) -> bytes:
    """The whole report, compressed; `unpacked` gives it back."""
    return zlib.compress(json.dumps(_report(report, whole=True), ensure_ascii=False, sort_keys=True).encode(), 6)


def unpacked(payload: bytes) -> LabReport:
    """What `packed` packed."""
    return _read_report(json.loads(zlib.decompress(payload)))


def shown(kept: KeptReport) -> Json:
    """A kept report as the API answers it; pictures and documents by their place (`attachment`) only."""
    return {
        "id": kept.id,
        "institution": kept.institution,
        "version": kept.version,
        "replaces": kept.replaces,
        "replaced_by": kept.replaced_by,
        "received_at": kept.received_at.isoformat(),
        "door": kept.origin.door.value,
        "reference": kept.origin.reference,
        "critical": kept.report.critical,
        **_report(kept.report, whole=False),
    }


def _report(report: LabReport, *, whole: bool) -> Json:
    return {
        "patient": {
            "name": report.patient.name,
            "identifier": report.patient.identifier,
            "sex": report.patient.sex.value,
            "birth_date": report.patient.birth_date,
        },
        "panel": {"name": report.panel, "code": report.panel_code, "system": report.panel_system},
        "specimen": report.specimen,
        "status": report.status.value,
        "collected_at": _time(report.collected_at),
        "reported_at": _time(report.reported_at),
        "laboratory": report.laboratory,
        "sender": report.sender,
        "order": report.order,
        "requester": report.requester,
        "comment": report.comment,
        "notices": [each.value for each in report.notices],
        "observations": [_observation(each, whole=whole) for each in report.observations],
    }


def _observation(each: Observation, *, whole: bool) -> Json:
    return {
        "code": each.code,
        "system": each.system,
        "name": each.name,
        "value": _value(each.value, whole=whole),
        "unit": each.unit,
        "ucum": each.ucum,
        "range": {"text": each.range_text, "low": _decimal(each.range_low), "high": _decimal(each.range_high)},
        "flags": list(each.flags),
        "computed": {"flag": each.computed.value, "from": each.computed_from} if each.computed else None,
        "critical": each.critical,
        "status": each.status.value,
        "observed_at": _time(each.observed_at),
        "comment": each.comment,
    }


def _value(value: Value, *, whole: bool) -> Json:
    match value:
        case Numeric():
            sign = value.comparator.value if value.comparator else None
            return {"kind": "numeric", "text": value.text, "number": str(value.number), "comparator": sign}
        case Coded():
            return {"kind": "coded", "text": value.text, "code": value.code, "system": value.system}
        case Attachment():
            content = {"content": base64.b64encode(value.content).decode()} if whole else {}
            described = {"kind": "attachment", "text": value.text, "media_type": value.media_type}
            return {**described, "bytes": len(value.content), **content}
        case Structured():
            return {"kind": "structured", "text": value.text}
        case Absent():
            return {"kind": "absent", "text": value.text}
        case Textual():
            return {"kind": "textual", "text": value.text}


def _decimal(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read_report(body: Json) -> LabReport:
    patient, panel = body["patient"], body["panel"]
    return LabReport(
        patient=LabPatient(patient["name"], patient["identifier"], Sex(patient["sex"]), patient["birth_date"]),
        panel=panel["name"],
        panel_code=panel["code"],
        panel_system=panel["system"],
        observations=tuple(_read_observation(each) for each in body["observations"]),
        status=Status(body["status"]),
        collected_at=_read_time(body["collected_at"]),
        reported_at=_read_time(body["reported_at"]),
        notices=tuple(Notice(each) for each in body["notices"]),
        **{name: body[name] for name in ("specimen", "laboratory", "sender", "order", "requester", "comment")},
    )


def _read_observation(body: Json) -> Observation:
    computed = body["computed"] or {}
    return Observation(
        value=_read_value(body["value"]),
        range_text=body["range"]["text"],
        range_low=_read_decimal(body["range"]["low"]),
        range_high=_read_decimal(body["range"]["high"]),
        flags=tuple(body["flags"]),
        computed=Flag(computed["flag"]) if computed else None,
        computed_from=computed.get("from", ""),
        status=Status(body["status"]),
        observed_at=_read_time(body["observed_at"]),
        **{name: body[name] for name in ("code", "system", "name", "unit", "ucum", "critical", "comment")},
    )


def _read_value(body: Json) -> Value:
    text = body["text"]
    match body["kind"]:
        case "numeric":
            comparator = Comparator(body["comparator"]) if body["comparator"] else None
            return Numeric(text, Decimal(body["number"]), comparator)
        case "coded":
            return Coded(text, body["code"], body["system"])
        case "attachment":
            return Attachment(text, body["media_type"], base64.b64decode(body["content"]))
        case "structured":
            return Structured(text)
        case "absent":
            return Absent(text)
        case "textual":
            return Textual(text)
    raise ValueError("A stored value is of an unknown kind.")


def _read_decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
