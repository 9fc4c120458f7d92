"""What this room tells after a commit."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class RolesChanged(Event):
    """A user's roles or account have changed: whoever holds something open for them asks anew."""

    user: str
