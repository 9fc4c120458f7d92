"""What this room tells after a commit."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class CallChanged(Event):
    """Somebody came into a consult's call or left it: open pages look again."""

    consult: str
    room: str
    kind: str
