"""What the JSON doors answer: the views of this room as pydantic models, so that the description can show them."""

from datetime import date, datetime

from pydantic import Field

from teleconsult.consults.state import Adoption, Kind, Mode, Move, NeedKind, Party, Priority, Room, State
from teleconsult.consults.views import ConsultView
from teleconsult.http.bodies import Outgoing


class NeedAnswer(Outgoing):
    """One field that a move asks for; it is not required where one of `unless` is given."""

    name: str
    kind: NeedKind
    required: bool
    unless: tuple[str, ...]
    options: tuple[str, ...]


class OfferAnswer(Outgoing):
    """A move you may make now; `room` says at which door."""

    move: Move
    needs: list[NeedAnswer]
    target: State
    room: Room


class NamedAnswer(Outgoing):
    """An id with its name."""

    id: str
    name: str


class PatientAnswer(Outgoing):
    """Whose case it is."""

    id: str
    name: str
    sex: str
    birth_date: date | None
    id_number_last4: str
    allergies: str | None


class SeatAnswer(Outgoing):
    """Who sits at the consult."""

    lead: bool
    institution: NamedAnswer
    user: NamedAnswer | None
    department: NamedAnswer | None
    accepted_at: datetime | None


class AskedAnswer(Outgoing):
    """One thing that was asked for."""

    number: int
    kind: str
    text: str
    asked_at: datetime
    answered_at: datetime | None
    given: bool | None
    reason: str


class ItemAnswer(Outgoing):
    """One line of the completeness list; `label` is English."""

    word: str
    label: str
    present: bool


class ConsentAnswer(Outgoing):
    """The consent that was recorded."""

    how: str
    consenter: str
    name: str
    text_version: int
    language: str
    given_at: datetime
    recorded_by: str


class ClockAnswer(Outgoing):
    """The deadline in force."""

    word: str
    started_at: datetime
    due_at: datetime
    paused: bool


class DraftAnswer(Outgoing):
    """A saved draft; `saved_at` is for the page."""

    id: str
    number: str
    state: State
    version: int
    changed_at: datetime
    completeness: list[ItemAnswer]
    moves: list[OfferAnswer]


class ConsultAnswer(DraftAnswer):
    """A consult as you may see it."""

    kind: Kind
    mode: Mode
    priority: Priority
    parties: list[Party]
    patient: PatientAnswer | None
    question: str
    history: str
    working_diagnosis: str
    local_conclusion: str
    anticoagulants: str
    wished_time: str
    incomplete_reason: str
    institution: NamedAnswer
    requester: NamedAnswer
    target_institution: NamedAnswer | None
    target_department: NamedAnswer | None
    target_specialist: NamedAnswer | None
    origin_id: str | None
    level: int
    seats: list[SeatAnswer]
    asked: list[AskedAnswer]
    consent: ConsentAnswer | None
    clock: ClockAnswer | None
    created_at: datetime
    submitted_at: datetime | None
    state_since: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    delivered_at: datetime | None
    closed_at: datetime | None
    report_version: int
    adoption: Adoption | None
    final_diagnosis: str
    message_count: int
    unread: int


class MoveAnswer(Outgoing):
    """The consult after a move; `state` and the rest are null where it is no longer open to you."""

    id: str
    number: str | None = None
    state: State | None = None
    version: int | None = None
    moves: list[OfferAnswer] = Field(default_factory=list)
    consult: ConsultAnswer | None = None

    @classmethod
    def of(cls, consult_id: str, view: ConsultView | None) -> "MoveAnswer":
        """From what is left to see."""
        if view is None:
            return cls(id=consult_id)
        whole = ConsultAnswer.model_validate(view)
        return cls(
            id=whole.id,
            number=whole.number,
            state=whole.state,
            version=whole.version,
            moves=whole.moves,
            consult=whole,
        )


class RowAnswer(Outgoing):
    """One line of the worklist."""

    id: str
    number: str
    state: State
    kind: Kind
    mode: Mode
    priority: Priority
    version: int
    patient: PatientAnswer | None
    question: str
    institution: NamedAnswer
    requester: NamedAnswer
    target_institution: NamedAnswer | None
    clock: ClockAnswer | None
    starts_at: datetime | None
    submitted_at: datetime | None
    changed_at: datetime
    adoption: Adoption | None
    unread: int


class WorklistAnswer(Outgoing):
    """A page of the worklist."""

    items: list[RowAnswer]
    counts: dict[str, int]
    total: int
    cursor: str


class EntryAnswer(Outgoing):
    """One thing in the consult's order of time."""

    number: int
    kind: str
    at: datetime
    actor: NamedAnswer
    institution: NamedAnswer
    is_mine: bool
    party: str
    move: str
    source: str
    target: str
    message_number: int | None
    text: str
    fields: dict[str, object]


class EntryList(Outgoing):
    """Some of it; `cursor` is the next `after`, null at the end."""

    items: list[EntryAnswer]
    cursor: int | None


class PostedAnswer(Outgoing):
    """A message that was taken."""

    number: int
    message_number: int


class RefAnswer(Outgoing):
    """A film study of one institution."""

    institution: str
    study_uid: str


class StudyAnswer(Outgoing):
    """What the archive tells of a study."""

    ref: RefAnswer
    description: str
    modalities: tuple[str, ...]
    taken_at: datetime | None
    images: int


class LabAnswer(Outgoing):
    """What the archive tells of a lab report."""

    id: str
    institution: str
    title: str
    taken_at: datetime | None
    results: int
    abnormal: int


class MaterialAnswer(Outgoing):
    """A thing that belongs to the case; `reference` is the study's UID or the lab report's id."""

    id: str
    kind: str
    institution_id: str
    reference: str
    added_at: datetime
    added_by: str
    study: StudyAnswer | None
    lab_report: LabAnswer | None


class MaterialList(Outgoing):
    """All materials of the case."""

    items: list[MaterialAnswer]
