"""What a lab report is: values as the laboratory sent them, beside what the archive worked out.

Pure. Nothing here is corrected or guessed: the sender's texts stay as they came, and what the archive adds (the UCUM
unit, its own flag) stands in fields of its own. Knows no table, message format or page.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from dicom_store.errors import LabRefused
from dicom_store.model import InstitutionId, Origin

LabReportId = NewType("LabReportId", str)

MAX_OBSERVATIONS = 2_000  # The largest of 101 real messages had 219.
MAX_SHORT_CHARS = 512
MAX_TEXT_CHARS = 64 * 1024
MAX_ATTACHMENT_BYTES = 12 * 1024 * 1024  # A scanned report inside a message of at most 16 MiB, base64 taken off.


class Sex(StrEnum):
    """Administrative sex; the words of FHIR."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class Flag(StrEnum):
    """How a result stands to its range; the codes of HL7 table 0078 that the archive itself gives."""

    NORMAL = "N"
    LOW = "L"
    HIGH = "H"
    VERY_LOW = "LL"
    VERY_HIGH = "HH"
    ABNORMAL = "A"
    VERY_ABNORMAL = "AA"


CRITICAL_FLAGS = frozenset({Flag.VERY_LOW, Flag.VERY_HIGH, Flag.VERY_ABNORMAL})


class Status(StrEnum):
    """How final a report or a single result is."""

    REGISTERED = "registered"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    """Entered in error: must not be used."""
    UNKNOWN = "unknown"


class Comparator(StrEnum):
    """What stands before a number that was not measured exactly."""

    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number, exactly as written (`text`) and as a number."""

    text: str
    number: Decimal
    comparator: Comparator | None = None


@dataclass(frozen=True, slots=True)
class Textual:
    """Words: a finding, a qualitative result."""

    text: str


@dataclass(frozen=True, slots=True)
class Structured:
    """A titre, ratio or interval: numbers that are not one number."""

    text: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A result from a code system."""

    text: str
    code: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """No result, and what the sender wrote in its place (`*****`, empty)."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or document inside the report."""

    text: str
    media_type: str
    content: bytes = field(repr=False)


Value = Numeric | Textual | Structured | Coded | Absent | Attachment


@dataclass(frozen=True, slots=True)
class Observation:
    """One line of a report.

    Attributes:
        code: The laboratory's code, LOINC where `system` is "LN".
        unit: As sent. `ucum` is its reading, "" where there is no safe one.
        range_text: As sent. `range_low` and `range_high` are its reading in the same unit.
        flags: The sender's codes, in the sender's order; never altered.
        computed: The archive's own flag, or None where it cannot say.
        computed_from: "range" (the sender's own) or "typical" (the bundled table), "" without `computed`.
        critical: The sender or the archive calls the result critical: one voice is enough.
        comment: Notes of the laboratory, lines kept.
    """

    code: str
    name: str
    value: Value
    system: str = ""
    unit: str = ""
    ucum: str = ""
    range_text: str = ""
    range_low: Decimal | None = None
    range_high: Decimal | None = None
    flags: tuple[str, ...] = ()
    computed: Flag | None = None
    computed_from: str = ""
    critical: bool = False
    status: Status = Status.FINAL
    observed_at: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class LabPatient:
    """The patient as the sender gave them: not matched to anybody yet."""

    name: str
    identifier: str = ""
    sex: Sex = Sex.UNKNOWN
    birth_date: str = ""
    """ISO 8601, as exact as it was sent: "1965", "1965-01" or "1965-01-02"."""


class Notice(StrEnum):
    """What a reader of the report should know about how it came."""

    CHARSET_UNDECLARED = "charset_undeclared"
    CHARSET_MISDECLARED = "charset_misdeclared"
    TEST_MESSAGE = "test_message"


@dataclass(frozen=True, slots=True)
class LabReport:
    """One panel of results of one specimen, as a laboratory reports it.

    Attributes:
        panel: Its name, `panel_code` with `panel_system` its code.
        laboratory: Who reports, as sent; `sender` is the sending system.
        order: The laboratory's own number of this report, "" where it has none: corrections name it.
    """

    patient: LabPatient
    panel: str
    observations: tuple[Observation, ...]
    panel_code: str = ""
    panel_system: str = ""
    specimen: str = ""
    status: Status = Status.FINAL
    collected_at: datetime | None = None
    reported_at: datetime | None = None
    laboratory: str = ""
    sender: str = ""
    order: str = ""
    requester: str = ""
    comment: str = ""
    notices: tuple[Notice, ...] = ()

    @property
    def critical(self) -> bool:
        """Whether any result is critical."""
        return any(each.critical for each in self.observations)


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report in the store.

    Attributes:
        version: 1, or one more than that of the report it `replaces`.
        replaced_by: The newer version, or None: this is the current one.
    """

    id: LabReportId
    institution: InstitutionId
    report: LabReport
    origin: Origin
    received_at: datetime
    version: int = 1
    replaces: LabReportId | None = None
    replaced_by: LabReportId | None = None


def check(report: LabReport) -> LabReport:
    """Say whether a report can be kept.

    Raises:
        LabRefused: Nothing that says whose it is, no results, too many of them, or an unnamed one.
    """
    if not report.patient.name and not report.patient.identifier:
        raise LabRefused("The report says neither the patient's name nor their number.", code="no_patient")
    if not report.observations:
        raise LabRefused("The report holds no results.", code="no_results")
    if len(report.observations) > MAX_OBSERVATIONS:
        raise LabRefused("The report holds more than {limit} results.", code="too_many", limit=MAX_OBSERVATIONS)
    for place, each in enumerate(report.observations, start=1):
        if not each.code and not each.name and isinstance(each.value, Absent):
            raise LabRefused("Result {place} has neither a name nor a value.", code="unnamed_result", place=place)
    _check_times(report)
    if sum(_attached(report.observations)) > MAX_ATTACHMENT_BYTES:
        raise LabRefused("The report's pictures and documents are too large.", code="attachments_too_large")
    return report


def _check_times(report: LabReport) -> None:
    for moment in (report.collected_at, report.reported_at, *(each.observed_at for each in report.observations)):
        if moment is not None and moment.utcoffset() is None:
            raise LabRefused("A time lacks its time zone.", code="no_time_zone")


def _attached(observations: Iterable[Observation]) -> Iterable[int]:
    return (len(each.value.content) for each in observations if isinstance(each.value, Attachment))
