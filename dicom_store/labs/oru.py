"""Read an ORU^R01 message as lab reports: one for every OBR that has results.

Pure. Says what each segment means; charset and delimiters are `hl7`'s, judging numbers is `ingest`'s.

Source: HL7 version 2.5.1 chapter 7 (ORU 7.3.1, OBR 7.4.1, OBX 7.4.2), chapter 3 (PID 3.4.2), chapter 7.4.3 (SPM).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from dicom_store.errors import LabRefused
from dicom_store.labs.analytes import LOINC
from dicom_store.labs.hl7 import Message, Segment, unescape
from dicom_store.labs.model import (
    MAX_OBSERVATIONS,
    MAX_TEXT_CHARS,
    LabPatient,
    LabReport,
    Notice,
    Observation,
    Sex,
    Status,
)
from dicom_store.labs.oruvalues import moment, partial_date, value_of
from dicom_store.labs.reading import clean

_SEXES = {"M": Sex.MALE, "F": Sex.FEMALE, "O": Sex.OTHER, "A": Sex.OTHER, "男": Sex.MALE, "女": Sex.FEMALE}
# HL7 tables 0085 (results) and 0123 (reports).
_RESULT_STATUS = {
    "F": Status.FINAL, "U": Status.FINAL, "C": Status.CORRECTED, "P": Status.PRELIMINARY, "R": Status.PRELIMINARY,
    "S": Status.PRELIMINARY, "B": Status.PRELIMINARY, "V": Status.PRELIMINARY, "I": Status.REGISTERED,
    "O": Status.REGISTERED, "X": Status.CANCELLED, "D": Status.WITHDRAWN, "W": Status.WITHDRAWN, "": Status.FINAL,
}  # fmt: skip
_REPORT_STATUS = {
    "F": Status.FINAL, "C": Status.CORRECTED, "M": Status.CORRECTED, "P": Status.PRELIMINARY, "A": Status.PRELIMINARY,
    "R": Status.PRELIMINARY, "S": Status.REGISTERED, "I": Status.REGISTERED, "O": Status.REGISTERED,
    "X": Status.CANCELLED,
}  # fmt: skip


@dataclass(slots=True)
class _Order:
    """One OBR and what follows it."""

    obr: Segment | None
    specimen: Segment | None = None
    observations: list[Observation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Patient:
    """One PID and what follows it; `orders[0]` holds results that stand before the first OBR."""

    pid: Segment
    orders: list[_Order] = field(default_factory=lambda: [_Order(None)])


def reports_of(message: Message, zone: tzinfo) -> list[LabReport]:
    """Read a message's reports.

    Args:
        message: An ORU^R01.
        zone: The time zone of times that name none.

    Raises:
        LabRefused: Another kind of message, or one without patient, order or results.
    """
    if message.kind != ("ORU", "R01"):
        raise LabRefused("Only messages of type ORU^R01 are taken here.", code="unsupported_type")
    patients = _group(message, zone)
    if not patients:
        raise LabRefused("The message has no PID segment: whose results are these?", code="no_pid")
    if all(len(each.orders) == 1 for each in patients):
        raise LabRefused("The message has no OBR segment: which test are these results of?", code="no_obr")
    reports = [_report(message, each, order, zone) for each in patients for order in each.orders if order.observations]
    if not reports:
        raise LabRefused("The report holds no results.", code="no_results")
    return reports


def _group(message: Message, zone: tzinfo) -> list[_Patient]:
    patients: list[_Patient] = []
    results = 0
    last: Segment | None = None  # The segment that a note belongs to.
    for segment in message.segments[1:]:
        if segment.name == "PID":
            patients.append(_Patient(segment))
        elif not patients:
            if segment.name in ("OBR", "OBX"):
                raise LabRefused("The message has no PID segment: whose results are these?", code="no_pid")
            continue
        elif segment.name == "OBR":
            patients[-1].orders.append(_Order(segment))
        elif segment.name == "OBX":
            results += 1
            if results > MAX_OBSERVATIONS:
                raise LabRefused("The report holds more than {limit} results.", code="too_many", limit=MAX_OBSERVATIONS)
            found = _observation(segment, zone)
            if found is not None:
                patients[-1].orders[-1].observations.append(found)
            last = segment if found is not None else None
            continue
        elif segment.name == "SPM":
            patients[-1].orders[-1].specimen = patients[-1].orders[-1].specimen or segment
        elif segment.name == "NTE":
            _note(patients[-1].orders[-1], segment, of_result=last is not None and last.name == "OBX")
            continue
        last = segment
    return patients


def _note(order: _Order, nte: Segment, *, of_result: bool) -> None:
    text = clean("\n".join(unescape(each, nte.separators) for each in nte.repetitions(3)), limit=MAX_TEXT_CHARS)
    if not text:
        return
    if of_result and order.observations:
        noted = order.observations[-1]
        joined = clean(f"{noted.comment}\n{text}", limit=MAX_TEXT_CHARS)
        order.observations[-1] = replace(noted, comment=joined)
    else:
        order.notes.append(text)


def _observation(obx: Segment, zone: tzinfo) -> Observation | None:
    """Read an OBX; None where it holds neither a name nor a value."""
    code, name, system = _coded(obx, 3)
    value = value_of(obx)
    if not (code or name or value.text):
        return None
    unit = obx.get(6, 1) or obx.get(6, 2)
    return Observation(
        code=clean(code),
        name=clean(name),
        system=clean(system),
        value=value,
        unit=clean(unit),
        # What calls itself UCUM is believed; other spellings are read by `units`.
        ucum=clean(unit) if obx.get(6, 3).upper() == "UCUM" else "",
        range_text=clean(obx.text(7)),
        flags=tuple(filter(None, (clean(obx.get(8, 1, place)) for place in range(len(obx.repetitions(8)))))),
        status=_RESULT_STATUS.get(obx.get(11).upper(), Status.UNKNOWN),
        observed_at=moment(obx.get(14), zone),
    )


def _coded(segment: Segment, number: int) -> tuple[str, str, str]:
    """Code, name and system of a CE or CWE field; LOINC is preferred where it comes as the alternate."""
    code, name, system, other_code, other_name, other_system = (segment.get(number, place) for place in range(1, 7))
    shown = name or other_name or segment.get(number, 9)
    if other_system == LOINC and other_code and system != LOINC:
        return other_code, shown or other_code, LOINC
    return code or other_code, shown or code or other_code, system if code else other_system


def _report(message: Message, patient: _Patient, order: _Order, zone: tzinfo) -> LabReport:
    obr = order.obr or Segment(("OBR",), message.head.separators)
    specimen = order.specimen
    panel_code, panel, panel_system = _coded(obr, 4)
    patients_notes = patient.orders[0].notes if order is not patient.orders[0] else []
    collected = moment(obr.get(7), zone) or (moment(specimen.get(17), zone) if specimen else None)
    comment = clean("\n".join((*patients_notes, *order.notes)), limit=MAX_TEXT_CHARS)
    return LabReport(
        patient=_patient(patient.pid),
        panel=clean(panel),
        panel_code=clean(panel_code),
        panel_system=clean(panel_system),
        observations=tuple(order.observations),
        specimen=clean(_specimen(obr, specimen)),
        status=_status(obr.get(25).upper(), order.observations),
        collected_at=collected,
        reported_at=moment(obr.get(22), zone) or moment(message.head.get(7), zone),
        laboratory=clean(message.head.get(4) or message.head.get(4, 2)),
        sender=clean(message.sender),
        order=clean(obr.get(3) or obr.get(2)),
        requester=clean(_person(obr, 16, first=2)),
        comment=comment,
        notices=tuple(_notices(message)),
    )


def _notices(message: Message) -> Iterator[Notice]:
    if message.decoded.notice is not None:
        yield message.decoded.notice
    if message.head.get(11).upper() in ("T", "D"):
        yield Notice.TEST_MESSAGE


def _status(code: str, observations: list[Observation]) -> Status:
    if code:
        return _REPORT_STATUS.get(code, Status.UNKNOWN)
    found = {each.status for each in observations}
    if Status.CORRECTED in found:
        return Status.CORRECTED
    return Status.FINAL if found == {Status.FINAL} else Status.UNKNOWN


def _patient(pid: Segment) -> LabPatient:
    return LabPatient(
        name=clean(_person(pid, 5, first=1)),
        identifier=clean(_identifier(pid)),
        sex=_SEXES.get(pid.get(8).upper(), Sex.UNKNOWN),
        birth_date=partial_date(pid.get(7)),
    )


def _identifier(pid: Segment) -> str:
    """The medical record number where one is called so, else the first identifier."""
    found = [(pid.get(3, 5, place), pid.get(3, 1, place)) for place in range(len(pid.repetitions(3)))]
    filled = [(kind, number) for kind, number in found if number]
    return next((number for kind, number in filled if kind == "MR"), filled[0][1] if filled else pid.get(2))


def _person(segment: Segment, number: int, *, first: int) -> str:
    """A person's name, family name first; without a blank where it is written in Chinese characters."""
    for place in range(len(segment.repetitions(number))):
        parts = [segment.get(number, first + offset, place) for offset in range(3)]
        filled = [part for part in parts if part and part != '""']
        if filled:
            return ("" if all(_is_han(part) for part in filled) else " ").join(filled)
    return ""


def _is_han(text: str) -> bool:
    return all(ord(char) >= 0x2E80 for char in text)


def _specimen(obr: Segment, spm: Segment | None) -> str:
    if spm is not None and (named := spm.get(4, 2) or spm.get(4, 9) or spm.get(4, 5) or spm.get(4, 1)):
        return named
    source = obr.parts(15)
    if not source:
        return ""
    inner = source[0].split(obr.separators.subcomponent)
    text = inner[1] if len(inner) > 1 and inner[1] else inner[0]
    return unescape(text, obr.separators).strip()
