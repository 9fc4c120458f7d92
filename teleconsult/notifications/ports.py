"""What notifications need from the outside: ways to reach somebody."""

from dataclasses import dataclass
from typing import Protocol


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
