"""What this room tells after a commit."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class CallChanged(Event):
    """Somebody came into a consult's call, to its door, or left it: open pages look again.

    Attributes:
        visit: The follow-up that the call is for; "" for a consult's own.
    """

    consult: str
    room: str
    kind: str
    visit: str = ""
