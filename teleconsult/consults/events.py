"""What the room tells after a commit. Plain words and ids only: never a patient's data."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class ConsultMoved(Event):
    """A move was made.

    Attributes:
        actor: Id of whoever made it.
    """

    consult: str
    number: str
    move: str
    source: str
    state: str
    version: int
    actor: str
    institution: str
    target_institution: str
    priority: str


@dataclass(frozen=True, slots=True)
class MessagePosted(Event):
    """Somebody wrote into a consult's conversation."""

    consult: str
    number: str
    message: int
    actor: str


@dataclass(frozen=True, slots=True)
class MaterialAdded(Event):
    """A film study, lab report or document was added to a consult."""

    consult: str
    number: str
    material: str
    kind: str
    actor: str
    state: str
