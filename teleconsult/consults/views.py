"""What leaves the room: plain values for pages, JSON and other rooms. Texts are opened, rights are judged."""

from dataclasses import dataclass
from datetime import datetime

from teleconsult.agreements.service import ConsentView
from teleconsult.consults.ports import LabSummary, StudySummary
from teleconsult.consults.rules import Item, Offer
from teleconsult.consults.state import Adoption, Kind, Mode, Party, Priority, State
from teleconsult.people.views import PatientView


@dataclass(frozen=True, slots=True)
class Named:
    """An id with its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class SeatView:
    """Who sits at the consult now; `user` is None while a department holds the place."""

    lead: bool
    institution: Named
    user: Named | None
    department: Named | None
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AskedView:
    """One thing that was asked for."""

    number: int
    kind: str
    text: str
    asked_at: datetime
    answered_at: datetime | None
    given: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class ClockView:
    """The deadline in force.

    Attributes:
        word: What is due: `accept`, `answer`, `approve`, `expire`, `close`.
        started_at: From when it counts.
        paused: It stands still while material is awaited.
    """

    word: str
    started_at: datetime
    due_at: datetime
    paused: bool


@dataclass(frozen=True, slots=True)
class ConsultView:
    """A consult as one person sees it, with the moves that this person may make now."""

    id: str
    number: str
    state: State
    version: int
    kind: Kind
    mode: Mode
    priority: Priority
    moves: tuple[Offer, ...]
    parties: tuple[Party, ...]
    patient: PatientView | None
    question: str
    history: str
    working_diagnosis: str
    local_conclusion: str
    anticoagulants: str
    wished_time: str
    incomplete_reason: str
    consent_how: str
    consent_by: str
    consent_name: str
    institution: Named
    requester: Named
    target_institution: Named | None
    target_department: Named | None
    target_specialist: Named | None
    origin_id: str | None
    level: int
    seats: tuple[SeatView, ...]
    asked: tuple[AskedView, ...]
    completeness: tuple[Item, ...]
    consent: ConsentView | None
    clock: ClockView | None
    created_at: datetime
    changed_at: datetime
    submitted_at: datetime | None
    state_since: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    delivered_at: datetime | None
    closed_at: datetime | None
    report_version: int
    author_id: str | None
    signer_id: str | None
    audit_asked: bool
    adoption: Adoption | None
    final_diagnosis: str
    message_count: int
    unread: int


@dataclass(frozen=True, slots=True)
class EntryView:
    """One thing in the consult's order of time.

    Attributes:
        kind: `move`, `message` or `material`.
        fields: The entry's own words: reason, items, text …
    """

    number: int
    kind: str
    at: datetime
    actor: Named
    institution: Named
    is_mine: bool
    party: str
    move: str
    source: str
    target: str
    message_number: int | None
    text: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some of it, oldest first.

    Attributes:
        cursor: The number after which the next page begins; None at the end.
    """

    items: tuple[EntryView, ...]
    cursor: int | None


@dataclass(frozen=True, slots=True)
class MaterialView:
    """A thing that belongs to the case, with what the archive says of it; None where it has nothing (yet)."""

    id: str
    kind: str
    institution_id: str
    reference: str
    added_at: datetime
    added_by: str
    study: StudySummary | None
    lab_report: LabSummary | None


@dataclass(frozen=True, slots=True)
class RowView:
    """One line of the worklist."""

    id: str
    number: str
    state: State
    kind: Kind
    mode: Mode
    priority: Priority
    version: int
    patient: PatientView | None
    question: str
    institution: Named
    requester: Named
    target_institution: Named | None
    clock: ClockView | None
    starts_at: datetime | None
    submitted_at: datetime | None
    changed_at: datetime
    adoption: Adoption | None
    unread: int


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """Some rows, and how many each filter would find.

    Attributes:
        counts: Filter word -> number; states as `state:triage`, kinds `kind:ecg`, priorities `priority:urgent`.
        cursor: "" at the end.
    """

    items: tuple[RowView, ...]
    counts: dict[str, int]
    total: int
    cursor: str
