"""What this room tells after a commit."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class VisitMoved(Event):
    """A visit was booked or moved.

    Attributes:
        number: By which people know the consult.
        move: `book` or a `state.VisitMove`.
        actor: Id of whoever did it.
    """

    consult: str
    number: str
    visit: str
    move: str
    state: str
    version: int
    actor: str
