"""What the exchange needs from outside: one Gatekeeper that must answer, Listeners that need not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Grant(StrEnum):
    """What a ticket allows."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    SHARE = "share"
    """Send shared-reading and pointer messages."""
    FILMS = "films"
    """May read films: is told which ones are looked at."""
    HOST = "host"
    """Remove others, lower their hands, let them in, and end the call for all."""
    ADMIT = "admit"
    """Let in who waits at the door."""
    RECORD = "record"
    """Begin and end recording."""
    CONSENT = "consent"
    """Agreed to being recorded, on the house's record."""
    WAIT = "wait"
    """Not a right but its opposite: whoever holds this waits at the door until somebody inside lets them in."""


STREAM = ":as:"
"""Between a participant and the name of one of its streams by WHIP: `li:as:camera-2`. No participant's id holds it."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What an accepted ticket says.

    Attributes:
        room: Which room.
        participant: Opaque id; the same person has the same one each time, which is what keeps a seat.
        name: Shown to the others.
        role: Opaque word, shown to the others.
        grants: What is allowed.
        expires_at: Until when the ticket may be used to *enter*; a seat outlives it.
    """

    room: str
    participant: str
    name: str
    role: str
    grants: frozenset[Grant]
    expires_at: datetime


class Gatekeeper(Protocol):
    """Exactly one; must answer."""

    def admit(self, ticket: str, room: str | None) -> Admission:
        """Read a ticket. Raises TicketRefused."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something the clinic wants on its record.

    Attributes:
        kind: `knocked`, `admitted`, `declined`, `gave_up`, `joined`, `away`, `back`, `left`, `removed`, `lost`,
            `ended`, `quality`, `ladder`, `recording`, `recording_file`, `recorded`, `closed`.
        detail: Plain figures and words, never what people say.
    """

    room: str
    kind: str
    participant: str
    at: datetime
    detail: Mapping[str, str | int | float] = field(default_factory=dict)


class Listener(Protocol):
    """Hears what happens in rooms; must return at once."""

    def heard(self, happening: Happening) -> None:
        """Take note."""


class Strip(Protocol):
    """A recording that is being written; its calls block."""

    def write(self, data: bytes) -> None:
        """Append. Raises OSError."""

    def close(self) -> None:
        """It is whole. Raises OSError."""


class Shelf(Protocol):
    """Keeps recordings, sealed."""

    def open(self, name: str) -> Strip:
        """Begin one. Raises OSError."""
