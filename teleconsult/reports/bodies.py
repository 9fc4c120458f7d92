"""What goes over the wire at this room's doors: bounded on the way in, plain on the way out. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.reports.rules import MOST_CHARS, MOST_MEASUREMENTS, Chosen, Measurement, clean
from teleconsult.reports.state import Finding, VerdictReason

_Clean = AfterValidator(clean)
_Long = Annotated[str, StringConstraints(max_length=MOST_CHARS), _Clean]
_Short = Annotated[str, StringConstraints(max_length=200), _Clean]
_Reason = Annotated[str, StringConstraints(min_length=1, max_length=2000), _Clean]
_Uid = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9.]+$")]  # DICOM UI, PS3.5 9.1
_COLUMNS = ("measurement_name", "measurement_value", "measurement_place")


class MeasurementBody(Incoming):
    """A measured value."""

    name: _Short
    value: _Short
    place: _Short = ""


class DraftBody(Incoming):
    """What was typed; what is not given stays as it is.

    A form without nested fields sends measurements as columns: `measurement_name`, `measurement_value`,
    `measurement_place`, each a list.
    """

    version: int | None = Field(None, ge=0)
    findings: _Long | None = None
    opinion: _Long | None = None
    suggestion: _Long | None = None
    finding: Finding | None = None
    measurements: list[MeasurementBody] | None = Field(None, max_length=MOST_MEASUREMENTS)
    labs: list[Annotated[str, StringConstraints(max_length=64)]] | None = Field(None, max_length=50)

    @model_validator(mode="before")
    @classmethod
    def _from_columns(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not any(name in values for name in _COLUMNS):
            return values
        columns = [values.pop(name, []) for name in _COLUMNS]
        lists = [each if isinstance(each, list) else [each] for each in columns]
        size = max(len(each) for each in lists)
        rows = [[each[place] if place < len(each) else "" for each in lists] for place in range(size)]
        named = [dict(zip(("name", "value", "place"), row, strict=True)) for row in rows if any(row)]
        return {**values, "measurements": named}

    def changes(self) -> dict[str, Any]:
        """The given fields as `rules.Content` has them."""
        given = {name: getattr(self, name) for name in ("findings", "opinion", "suggestion", "finding")}
        if self.measurements is not None:
            given["measurements"] = tuple(Measurement(each.name, each.value, each.place) for each in self.measurements)
        if self.labs is not None:
            given["labs"] = tuple(dict.fromkeys(self.labs))
        return {name: value for name, value in given.items() if value is not None}


class LockBody(Incoming):
    """Taking the lock; `force` takes it from its holder."""

    force: bool = False


class SignBody(Incoming):
    """Signing: the draft's version as it was seen, and the password once more."""

    version: int | None = Field(None, ge=0)
    password: SecretStr = Field(max_length=1000)
    reason: Annotated[str, StringConstraints(max_length=2000), _Clean] = ""


class ReasonBody(Incoming):
    """Why, and the version as it was seen."""

    reason: _Reason
    version: int | None = Field(None, ge=0)


class VersionBody(Incoming):
    """The consult's version as it was seen."""

    version: int | None = Field(None, ge=0)


class KeyImageBody(Incoming):
    """A chosen frame; `frame` counts from 1."""

    study_uid: _Uid
    series_uid: _Uid
    instance_uid: _Uid
    frame: int = Field(1, ge=1, le=100_000)
    window_center: float | None = Field(None, ge=-1e6, le=1e6, allow_inf_nan=False)
    window_width: float | None = Field(None, ge=1e-6, le=1e6, allow_inf_nan=False)
    note: _Short = ""


class PdfQuery(Incoming):
    """Which PDF: a signed version (the newest without one), or the draft as it would be printed."""

    version: int | None = Field(None, ge=1)
    draft: Literal["1"] | None = None
    download: Literal["1"] | None = None


class MeasurementAnswer(Outgoing):
    """A measured value."""

    name: str
    value: str
    place: str


class ContentAnswer(Outgoing):
    """What an opinion says."""

    findings: str
    opinion: str
    suggestion: str
    finding: Finding
    measurements: list[MeasurementAnswer]
    labs: list[str]


class KeyImageAnswer(Outgoing):
    """A chosen frame."""

    id: str
    study_uid: str
    series_uid: str
    instance_uid: str
    frame: int
    window_center: float | None
    window_width: float | None
    note: str
    thumbnail_url: str

    @classmethod
    def of(cls, image: Chosen) -> "KeyImageAnswer":
        """With the address of its small picture."""
        place = f"/dicomweb/studies/{image.study_uid}/series/{image.series_uid}/instances/{image.instance_uid}"
        window = ""
        if image.window_center is not None and image.window_width is not None:
            window = f"&window={image.window_center:g},{image.window_width:g},linear"
        url = f"{place}/frames/{image.frame}/rendered?viewport=256,256{window}"
        names = ("id", "study_uid", "series_uid", "instance_uid", "frame", "window_center", "window_width", "note")
        return cls(thumbnail_url=url, **{name: getattr(image, name) for name in names})


class KeyImageList(Outgoing):
    """The chosen frames, in the order they were chosen."""

    items: list[KeyImageAnswer]


class LockAnswerBody(Outgoing):
    """Who is writing."""

    holder_id: str
    holder_name: str
    mine: bool
    taken_at: datetime
    held_until: datetime


class DraftAnswer(Outgoing):
    """What is being written."""

    version: int
    content: ContentAnswer
    author_id: str
    author_name: str
    saved_at: datetime | None
    amends: int
    reason: str


class ReportAnswer(Outgoing):
    """A signed version."""

    id: str
    version: int
    replaces_id: str | None
    current: bool
    content: ContentAnswer
    reason: str
    author_id: str
    author_name: str
    signer_id: str
    signer_name: str
    signed_at: datetime
    code: str
    pdf_sha256: str
    size_bytes: int


class StandingAnswer(Outgoing):
    """All of a consult's report that is open to the asker."""

    consult_id: str
    draft: DraftAnswer | None
    lock: LockAnswerBody | None
    reports: list[ReportAnswer]
    may_write: bool
    may_break: bool


class VerdictAnswer(Outgoing):
    """Whether a file is genuine."""

    genuine: bool
    reason: VerdictReason
    signer: str
    signed_at: datetime | None
    number: str
    version: int
    code: str


class CodeAnswer(Outgoing):
    """What a verification code stands for."""

    code: str
    version: int
    signed_at: datetime
    institution: str
    pdf_sha256: str
    superseded_by: int


class PhraseAnswer(Outgoing):
    """A ready-made text."""

    title: str
    text: str


class PhraseList(Outgoing):
    """Ready-made texts."""

    items: list[PhraseAnswer]
