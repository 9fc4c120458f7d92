"""What leaves the room."""

from dataclasses import dataclass, field
from datetime import datetime

from teleconsult.scheduling.state import Grant, Part, Seen


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody may enter a media room; the bridge makes a ticket of it.

    Attributes:
        participant: Opaque, the same each time.
        name: Shown to the others.
    """

    room: str
    participant: str
    name: str
    part: Part
    grants: frozenset[Grant]


@dataclass(frozen=True, slots=True)
class Joined:
    """What a browser needs to join a call.

    Attributes:
        ticket: For the first word on the WebSocket; a minute, one use.
        rtc: Path of the WebSocket.
    """

    room: str
    ticket: str
    participant: str
    purpose: str
    visit: str | None
    rtc: str = "/rtc"


@dataclass(frozen=True, slots=True)
class CallEventView:
    """One thing that happened in a call."""

    at: datetime
    kind: Seen
    who: str
    part: str
    detail: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallView:
    """A call of a consult: the record.

    Attributes:
        is_awaited: A patient waits at its door.
    """

    room: str
    number: int
    purpose: str
    visit: str | None
    opened_at: datetime
    ended_at: datetime | None
    people: tuple[str, ...]
    is_awaited: bool
    events: tuple[CallEventView, ...]


@dataclass(frozen=True, slots=True)
class TrackView:
    """One person's voice, picture or screen in a recording.

    Attributes:
        number: By which it is played.
        who: Their name; "" for a patient.
        kind: `audio` or `video`.
        began_ms: In the recording's time.
        until_ms: The same; None where it never ended orderly.
    """

    number: int
    who: str
    part: Part
    label: str
    kind: str
    began_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class RecordingView:
    """One recording of a call.

    Attributes:
        name: Opaque, by which it is asked for.
        by: Who began it.
        seconds: Its length; None while it runs, and where its writer was killed.
        is_kept: Its files are still there.
    """

    name: str
    by: str
    began_at: datetime
    seconds: int | None
    is_kept: bool
    tracks: tuple[TrackView, ...]


@dataclass(frozen=True, slots=True)
class MarkView:
    """Something that happened while a call was recorded.

    Attributes:
        at_ms: In the recording's time.
        who: Their name; "" for a patient, and where it is about nobody.
        step: Of a recording or of the ladder.
    """

    at_ms: int
    kind: Seen
    who: str
    part: Part
    step: str


@dataclass(frozen=True, slots=True)
class LookView:
    """From here on this film was on the screen of whoever showed it.

    Attributes:
        at_ms: In the recording's time.
        who: Their name.
        film: Its numbers (`study`, `series`, `instance`, `frame`), its window (`center`, `width`) and the pointer
            on it (`x`, `y`: 0 to 1); empty where nothing is shown any more.
    """

    at_ms: int
    who: str
    film: dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class PlayView:
    """A recording, with all that is needed to play it.

    Attributes:
        from_ms: When something was heard first, in the recording's time.
        until_ms: When something was heard last.
    """

    recording: RecordingView
    from_ms: int
    until_ms: int
    marks: tuple[MarkView, ...]
    looks: tuple[LookView, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What the exchange tells of a room, as the bridge hands it over."""

    number: int
    room: str
    kind: str
    participant: str
    at: datetime
    detail: dict[str, str | int | float] = field(default_factory=dict)
