"""The words of this room."""

from enum import StrEnum


class Purpose(StrEnum):
    """What a call is for."""

    CONSULT = "consult"
    """Both sides of a consult among themselves."""
    VISIT = "visit"
    """A follow-up: the patient is there."""


class Grant(StrEnum):
    """What somebody may do in a media room. The bridge translates it for the exchange."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    SHARE = "share"
    FILMS = "films"
    """Is told which films are looked at."""
    HOST = "host"
    ADMIT = "admit"
    """Let in who waits at the door."""
    RECORD = "record"
    """Begin and end a recording, which waits for everybody's yes."""
    WAIT = "wait"
    """Waits at the door until somebody inside says yes."""


class Part(StrEnum):
    """As whom somebody sits in a call; shown to the others."""

    REQUESTER = "requester"
    SPECIALIST = "specialist"
    MEMBER = "member"
    PATIENT = "patient"
    STAFF = "staff"
    """In a room of one's own institution."""


class Seen(StrEnum):
    """What is noted of a call; the exchange's own words."""

    KNOCKED = "knocked"
    """A patient is at the door."""
    ADMITTED = "admitted"
    DECLINED = "declined"
    GAVE_UP = "gave_up"
    JOINED = "joined"
    AWAY = "away"
    BACK = "back"
    LEFT = "left"
    LOST = "lost"
    REMOVED = "removed"
    ENDED = "ended"
    CLOSED = "closed"
    QUALITY = "quality"
    LADDER = "ladder"
    """The line has become weaker or better, and what is sent with it."""
    RECORDING = "recording"
    """Begun, paused, resumed, ended, refused, failed."""
    CONSENT = "consent"
    """Somebody agreed to being recorded, or did not."""
    RECORDING_FILE = "recording_file"
    RECORDED = "recorded"
