"""What follows from a decision of a room: the shell carries these out, in their order."""

from dataclasses import dataclass

from signaling.messages import Closing, Reply
from signaling.ports import Happening


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a message to one participant's socket."""

    participant: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Hang:
    """Close a participant's socket (number `socket`) after its last word."""

    socket: int
    reply: Closing


@dataclass(frozen=True, slots=True)
class Greet:
    """Welcome a participant who was let in."""

    participant: str


@dataclass(frozen=True, slots=True)
class Tape:
    """What is recorded has changed: follow `Room.recording` and `Room.recordable`."""


@dataclass(frozen=True, slots=True)
class DropMedia:
    """End a participant's media connection."""

    participant: str


@dataclass(frozen=True, slots=True)
class Note:
    """Tell the listener."""

    happening: Happening


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """The room is over."""


Effect = Tell | Hang | Greet | Tape | DropMedia | Note | CloseRoom
