"""What people write into a consult, as it comes in: bounded, checked, partial where a draft is."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, SecretStr, StringConstraints

from teleconsult.agreements.state import Consenter, ConsentHow, Language
from teleconsult.consults.state import Adoption, Kind, Mode, Move, Priority
from teleconsult.http.bodies import Incoming


class Anticoagulants(StrEnum):
    """Whether the patient takes them."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class MaterialKind(StrEnum):
    """What may be attached, and what may be asked for."""

    STUDY = "study"
    LAB_REPORT = "lab_report"
    DOCUMENT = "document"
    TEXT = "text"


class Missing(StrEnum):
    """Who did not come."""

    REQUESTER = "requester"
    SPECIALIST = "specialist"
    PATIENT = "patient"


def _blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _no_control(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


_Lines = AfterValidator(_no_control)
_Blank = BeforeValidator(_blank)
_Id = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
OptionalId = Annotated[_Id | None, _Blank]
Short = Annotated[str, StringConstraints(max_length=200), _Lines]
Reason = Annotated[str, StringConstraints(max_length=2000), _Lines]
Long = Annotated[str, StringConstraints(max_length=8000), _Lines]

QUESTION_MOST = 2000


class DraftFields(Incoming):
    """A request as far as it is written; only the fields that are given are changed. A blank choice takes it back."""

    patient_id: OptionalId = None
    kind: Kind = Kind.CLINICAL
    mode: Mode = Mode.ASYNCHRONOUS
    priority: Priority = Priority.ROUTINE
    question: Annotated[str, StringConstraints(max_length=QUESTION_MOST), _Lines] = ""
    history: Long = ""
    working_diagnosis: Reason = ""
    local_conclusion: Reason = ""
    anticoagulants: Annotated[Anticoagulants | None, _Blank] = None
    wished_time: Short = ""
    target_institution_id: OptionalId = None
    target_department_id: OptionalId = None
    target_specialist_id: OptionalId = None
    consent_how: Annotated[ConsentHow | None, _Blank] = None
    consent_by: Annotated[Consenter | None, _Blank] = None
    consent_name: Short = ""
    consent_language: Annotated[Language | None, _Blank] = None
    incomplete_reason: Reason = ""
    origin_id: OptionalId = None


class DraftChange(DraftFields):
    """What autosave sends."""

    version: int = Field(ge=1, le=1 << 31)


class AskedFields(Incoming):
    """One thing that is asked for."""

    kind: MaterialKind = MaterialKind.TEXT
    text: Annotated[str, StringConstraints(min_length=1, max_length=500), _Lines]


class ReplyFields(Incoming):
    """What became of one thing that was asked for."""

    item: int = Field(ge=1, le=10_000)
    given: bool
    reason: Reason = ""


class ConsentBody(Incoming):
    """The patient's consent: how it was given, and by whom."""

    how: ConsentHow
    by: Consenter = Consenter.PATIENT
    name: Short = ""
    language: Language = Language.CHINESE


class MoveFields(Incoming):
    """A move and what it needs; what a move does not need is ignored."""

    move: Move
    version: int = Field(ge=1, le=1 << 31)
    reason: Reason = ""
    specialist_id: OptionalId = None
    department_id: OptionalId = None
    member_ids: list[_Id] = Field(default_factory=list, max_length=20)
    institution_id: OptionalId = None
    items: list[AskedFields] = Field(default_factory=list, max_length=30)
    replies: list[ReplyFields] = Field(default_factory=list, max_length=100)
    starts_at: Annotated[AwareDatetime | None, _Blank] = None
    ends_at: Annotated[AwareDatetime | None, _Blank] = None
    missing: Annotated[Missing | None, _Blank] = None
    physician_present: bool = False
    guardian_present: bool = False
    adoption: Annotated[Adoption | None, _Blank] = None
    diagnosis: Reason = ""
    question: Annotated[str, StringConstraints(max_length=QUESTION_MOST), _Lines] = ""
    consent: ConsentBody | None = None
    password: SecretStr = SecretStr("")

    def given(self) -> dict[str, object]:
        """The needs by name, for `rules.missing`."""
        found: dict[str, object] = {name: getattr(self, name) for name in type(self).model_fields}
        found["password"] = self.password.get_secret_value()
        return found
