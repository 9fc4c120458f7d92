"""What this room tells after a commit."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class CredentialRevoked(Event):
    """A session or token has ended: whatever was opened with it is closed.

    Attributes:
        credential: Its id, `Actor.credential` of those who came by it.
        subject: Id of the user, patient or station.
    """

    credential: str
    subject: str
