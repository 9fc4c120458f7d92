"""What those who work in the rooms of a node need of the shell that holds them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from signaling import messages
from signaling.config import ExchangeSettings
from signaling.effects import Effect
from signaling.live import LiveRoom
from signaling.media.plane import Plane


class Socket(Protocol):
    """How the shell speaks to one participant; must not block.

    Attributes:
        listens: False for who only sends or views: without media there is nothing left of them.
    """

    listens: bool

    def send(self, reply: messages.Reply) -> None:
        """Queue a message."""

    def hang_up(self, reply: messages.Closing) -> None:
        """Say the last word and close."""


class House(Protocol):
    """The shell: the one that carries decisions out."""

    settings: ExchangeSettings
    plane: Plane
    draining: bool

    def now(self) -> datetime:
        """The time, aware."""

    def live(self) -> Iterable[LiveRoom]:
        """All rooms."""

    def carry_out(self, live: LiveRoom, effects: Iterable[Effect]) -> None:
        """Let decisions happen."""

    def say(self, live: LiveRoom, participant: str, reply: messages.Reply) -> None:
        """Tell one participant."""

    def note(self, live: LiveRoom, kind: str, participant: str, figures: dict[str, str | int | float]) -> None:
        """Put something on the record."""

    def room(self, name: str) -> LiveRoom | None:
        """A live room."""

    def relay(self, name: str) -> LiveRoom:
        """Make a room that is only watched from here. Raises Unavailable."""

    def seated(self, room: str, participant: str | None = None) -> LiveRoom:
        """A room in which somebody sits. Raises RoomRefused."""

    def listens(self, live: LiveRoom, who: str) -> bool:
        """Whether somebody may still come back by a socket."""
