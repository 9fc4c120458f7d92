"""What the desk's pages show, as plain values: made by `rules` from the rooms' views, drawn by the templates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from teleconsult.consults.timeleft import TimeLeft
from teleconsult.people.banner import Age, Banner


@dataclass(frozen=True, slots=True)
class Row:
    """One case in a list."""

    id: str
    path: str
    number: str
    priority: str
    kind: str
    state: str
    patient_name: str
    sex: str
    age: Age | None
    question: str
    from_institution: str
    requester_name: str
    clock: TimeLeft | None
    unread: int = 0
    submitted_at: datetime | None = None
    changed_at: datetime | None = None
    starts_at: datetime | None = None
    adoption: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A filter: a key the template words, its address, how many it finds."""

    key: str
    path: str
    number: int | None
    current: bool = False


@dataclass(frozen=True, slots=True)
class Worklist:
    """The worklist's page."""

    rows: Sequence[Row]
    total: int
    views: Sequence[Link]
    kinds: Sequence[Link]
    priorities: Sequence[Link]
    text: str
    path_without_text: str
    first_path: str
    next_path: str
    is_later_page: bool
    may_request: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many cases of one state wait for me, and the clock of the first that is due."""

    state: str
    number: int
    path: str
    clock: TimeLeft | None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody on duty now."""

    department: str
    name: str
    title: str
    until: datetime | None
    is_me: bool


@dataclass(frozen=True, slots=True)
class CameBack:
    """A case that somebody answered lately."""

    path: str
    patient_name: str
    question: str
    state: str
    adoption: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Home:
    """The first page."""

    now: datetime
    waiting_count: int
    first: Row | None
    counts: Sequence[Count]
    drafts: Sequence[Row]
    came_back: Sequence[CameBack]
    next_call: Row | None
    on_duty: Sequence[OnDuty] | None
    may_request: bool
    show_tour: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One of the seven steps on the consult's track."""

    word: str
    at: datetime | None
    past: bool
    now: bool


@dataclass(frozen=True, slots=True)
class MoveForm:
    """A move with the fields it asks for.

    Attributes:
        needs: The fields, `consults.table.Need`.
        is_primary: The usual next step: the page's one primary button.
        is_bare: Asks for nothing: a button is enough.
        is_final: Ends the consult: its button is red and says so.
        path: Where it is made, when another page makes it (the report editor); "" for the form in place.
    """

    move: str
    needs: Sequence[object]
    is_primary: bool = False
    is_bare: bool = False
    is_final: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the timeline."""

    kind: str
    at: datetime
    who: str
    is_mine: bool = False
    is_new: bool = False
    party: str = ""
    move: str = ""
    text: str = ""
    fields: dict[str, object] = field(default_factory=dict)
    starts_at: datetime | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """A group of the timeline: one day, or what is new."""

    at: datetime
    entries: Sequence[Entry]
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Film:
    """A picture of a study, with its thumbnail."""

    thumbnail: str
    caption: str
    count: int
    path: str
    starred: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """A film study on the consult."""

    uid: str
    description: str
    modality: str
    taken_at: datetime | None
    institution: str
    images: int
    films: Sequence[Film]
    path: str
    is_document: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of the case."""

    path: str
    icon: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """The signed opinion in force."""

    signer: str
    signed_at: datetime
    version: int
    findings: str
    opinion: str
    suggestion: str
    adoption: str | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the forms of the moves let one choose from: id and words."""

    specialists: Sequence[tuple[str, str]] = ()
    departments: Sequence[tuple[str, str]] = ()
    institutions: Sequence[tuple[str, str]] = ()
    open_items: Sequence[object] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """The consult's page.

    Attributes:
        waits_for: Who holds it now, in names; "" where nobody does.
        history: Label (a msgid, "" for the first) and text.
        other_side: Whom a message mostly goes to; "" for everybody.
    """

    id: str
    path: str
    viewer_path: str
    report_path: str
    number: str
    version: int
    state: str
    kind: str
    mode: str
    priority: str
    banner: Banner | None
    clock: TimeLeft | None
    waits_for: str
    moves: Sequence[MoveForm]
    track: Sequence[Step]
    step_number: int
    opinion: Opinion | None
    report_pdf: str
    from_institution: str
    requester_name: str
    submitted_at: datetime | None
    to_words: str
    question: str
    history: Sequence[tuple[str, str]]
    may_write: bool
    may_add_material: bool
    may_mark: bool
    other_side: str
    days: Sequence[Day]
    studies: Sequence[Study]
    labs: Sequence[object]
    documents: Sequence[Paper]
    choices: Choices
    final_diagnosis: str
    starts_at: datetime | None
    message_count: int
