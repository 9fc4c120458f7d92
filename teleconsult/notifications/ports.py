"""What notifications need from the outside: ways to reach somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from teleconsult.actor import Actor


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told.

    Attributes:
        word: Machine word of its kind, for icons and preferences: `consult.assigned`.
        message: gettext msgid with `{name}` fields; no patient data.
        path: Where to look, a path of this site.
        fields: Values for the message.
        loud: It cannot wait: emergencies and overdue steps.
    """

    word: str
    message: str
    path: str
    fields: tuple[tuple[str, str], ...] = ()
    loud: bool = False


class SendFailed(Exception):
    """A channel could not send.

    Args:
        permanent: Trying again will not help.
    """

    def __init__(self, reason: str, *, permanent: bool) -> None:
        self.permanent = permanent
        super().__init__(reason)


class Channel(Protocol):
    """One way to reach people."""

    async def send(self, user: str, notice: Notice) -> None:
        """Send to one person. Raises SendFailed."""


@dataclass(frozen=True, slots=True)
class Caption:
    """What a notice is about, in words for its reader's eyes: never kept with the notice, never sent.

    Attributes:
        name: The patient's, "" where none is chosen yet.
        question: What was asked, shortened.
    """

    name: str
    question: str


class Captions(Protocol):
    """Knows what the subjects of notices are."""

    async def captions(self, actor: Actor, subjects: list[str]) -> Mapping[str, Caption]:
        """For those subjects that are open to this person. Raises Unavailable: the reading cannot be noted."""
