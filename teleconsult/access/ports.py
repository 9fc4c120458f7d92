"""What this room needs from outside: a way to get a one-time code to a patient."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CodeToSend:
    """A code on its way.

    Attributes:
        phone: Where it goes; None where none is on record.
        told: Id of the user who made the link: where no message can be sent, they read the code out.
        subject: What the link is for.
        path: A page of ours about it, for the user.
        occasion: Unique, so that it is told once.
    """

    code: str
    phone: str | None
    told: str
    subject: str
    path: str
    occasion: str


class CodeSender(Protocol):
    """Gets codes to patients."""

    by_staff: bool
    """No message is sent: the institution reads the code out by telephone, and needs no number for that."""

    async def send_code(self, given: CodeToSend) -> None:
        """Send it. Raises Unavailable."""


class NobodySends:
    """A site that can send nothing; for programs that need no codes."""

    by_staff = True

    async def send_code(self, given: CodeToSend) -> None:
        """Nothing."""
