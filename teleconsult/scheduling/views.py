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
        began_ms: Since the recording's beginning.
    """

    number: int
    who: str
    part: Part
    label: str
    kind: str
    began_ms: int


@dataclass(frozen=True, slots=True)
class RecordingView:
    """One recording of a call.

    Attributes:
        name: Opaque, by which it is asked for.
        by: Who began it.
        seconds: Its length; None while it runs.
        is_kept: Its files are still there.
    """

    name: str
    by: str
    began_at: datetime
    seconds: int | None
    is_kept: bool
    tracks: tuple[TrackView, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What the exchange tells of a room, as the bridge hands it over."""

    number: int
    room: str
    kind: str
    participant: str
    at: datetime
    detail: dict[str, str | int | float] = field(default_factory=dict)
