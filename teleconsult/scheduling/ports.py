"""What scheduling needs from outside: media rooms, and the word of followups about visits."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor
from teleconsult.errors import NotFound, Unavailable
from teleconsult.scheduling.state import Part
from teleconsult.scheduling.views import Admitted


class MediaRooms(Protocol):
    """The exchange, where the bridge has one."""

    def ticket(self, admitted: Admitted) -> str:
        """Sign an admission: a minute, one use."""

    async def put_out(self, room: str, participant: str) -> None:
        """Out at once: media, socket, seat. Raises Unavailable."""

    async def end(self, room: str) -> None:
        """Over, for all. Raises Unavailable."""


class NoMediaRooms:
    """A site without calls, and tests that are not about them."""

    def ticket(self, admitted: Admitted) -> str:
        """There is nothing to enter."""
        raise Unavailable("Calls are not available here.")

    async def put_out(self, room: str, participant: str) -> None:
        """Nobody is in."""

    async def end(self, room: str) -> None:
        """Nothing runs."""


@dataclass(frozen=True, slots=True)
class Playable:
    """A track that is open.

    Attributes:
        etag: Changes with the content.
        read: First byte, length -> those bytes in pieces.
        until_ms: Time of its last frame in the recording's time, where it has frames.
    """

    media: str
    size: int
    etag: str
    read: Callable[[int, int], AsyncIterator[bytes]]
    until_ms: int | None = None


class Shelf(Protocol):
    """Where the exchange keeps recordings, sealed."""

    async def open(self, file: str, media: str) -> Playable | None:
        """Open one; None where it is not there, or not whole enough to be read."""

    async def holds(self, file: str) -> bool:
        """Whether it is there."""

    async def files(self) -> frozenset[str]:
        """All that are there."""

    async def delete(self, file: str) -> bool:
        """Take it away. Whether it was there."""


class NoShelf:
    """A site that records nothing."""

    async def open(self, file: str, media: str) -> Playable | None:
        """There is none."""
        return None

    async def holds(self, file: str) -> bool:
        """There is none."""
        return False

    async def files(self) -> frozenset[str]:
        """None."""
        return frozenset()

    async def delete(self, file: str) -> bool:
        """There is none."""
        return False


@dataclass(frozen=True, slots=True)
class VisitStanding:
    """Somebody may be in a visit's call.

    Attributes:
        name: Shown to the others: a patient's own.
    """

    visit: str
    consult: str
    part: Part
    name: str


class Visits(Protocol):
    """Followups' word, given in the caller's session."""

    async def standing(self, session: AsyncSession, actor: Actor, visit: str) -> VisitStanding:
        """As whom somebody may be in the call of a visit.

        Raises:
            NotFound: Not there, or not for them.
            StepRefused: The visit is over or called off.
        """

    async def visit_now(self, session: AsyncSession, actor: Actor, consult: str) -> str | None:
        """The visit that this person would join now: a patient's next one; for staff one that runs or begins."""


class NoVisits:
    """A site without follow-ups."""

    async def standing(self, session: AsyncSession, actor: Actor, visit: str) -> VisitStanding:
        """There is none."""
        raise NotFound

    async def visit_now(self, session: AsyncSession, actor: Actor, consult: str) -> str | None:
        """None."""
        return None
