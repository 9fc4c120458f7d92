"""Sans-I/O: who stands at a room's door and asks to be let in. Knows nothing of the room behind it.

Who waits has no seat: nothing that is said in the room reaches them, and nothing of theirs is heard. Who was let in
once need not ask again, unless they were sent out.
"""

from dataclasses import dataclass

from signaling.messages import Asking
from signaling.ports import Admission, Grant


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody at the door.

    Attributes:
        socket: The one they will hear by that they are in.
    """

    admission: Admission
    socket: int

    @property
    def asking(self) -> Asking:
        """As those inside see it."""
        return Asking(participant=self.admission.participant, name=self.admission.name, role=self.admission.role)


class Lobby:
    """One room's door."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._let_in: set[str] = set()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def asking(self) -> tuple[Asking, ...]:
        """Who waits, in the order they came."""
        return tuple(one.asking for one in self._waiting.values())

    def socket_of(self, participant: str) -> int | None:
        """The socket by which somebody waits."""
        waiting = self._waiting.get(participant)
        return waiting.socket if waiting else None

    def holds(self, participant: str) -> bool:
        """Whether somebody waits."""
        return participant in self._waiting

    def must_wait(self, admission: Admission) -> bool:
        """Whether a ticket's holder has to ask first."""
        return Grant.WAIT in admission.grants and admission.participant not in self._let_in

    def knock(self, waiting: Waiting) -> Waiting | None:
        """Somebody asks; returns who they were before, where another socket of theirs waits."""
        before = self._waiting.get(waiting.admission.participant)
        self._waiting[waiting.admission.participant] = waiting
        return before

    def let_in(self, participant: str) -> Waiting | None:
        """Somebody inside said yes. None where nobody of this name waits."""
        waiting = self._waiting.pop(participant, None)
        if waiting is not None:
            self._let_in.add(participant)
        return waiting

    def turn_away(self, participant: str) -> Waiting | None:
        """They no longer wait, for whatever reason."""
        return self._waiting.pop(participant, None)

    def ask_again(self, participant: str) -> None:
        """They were sent out: next time they wait."""
        self._let_in.discard(participant)

    def empty(self) -> list[Waiting]:
        """The room is over: everybody who waits, and nobody after this."""
        left = list(self._waiting.values())
        self._waiting.clear()
        return left
