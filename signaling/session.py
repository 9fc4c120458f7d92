"""Sans-I/O: one participant's conversation. Which words are allowed when, and how many.

A table, as everywhere: (phase, word) -> phase. What is not in it is refused, and nothing else changes. The one word
of our own in it is `welcome`: before it nobody may say anything to a room.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from signaling.errors import MessageRefused
from signaling.messages import (
    VERSION,
    Admit,
    Consent,
    End,
    Hand,
    Hello,
    Ladder,
    Leave,
    MediaState,
    Offer,
    Ping,
    Quality,
    Record,
    Remove,
    Reply,
    Request,
    Share,
    Welcome,
)


class Phase(StrEnum):
    """Where a conversation stands."""

    GREETING = "greeting"
    WAITING = "waiting"
    """At the door: greeted us, and was not welcomed yet."""
    SEATED = "seated"
    OVER = "over"


TABLE: dict[tuple[Phase, type], Phase] = {
    (Phase.GREETING, Hello): Phase.WAITING,
    (Phase.GREETING, Ping): Phase.GREETING,
    (Phase.WAITING, Welcome): Phase.SEATED,
    (Phase.WAITING, Ping): Phase.WAITING,
    (Phase.WAITING, Leave): Phase.OVER,
    (Phase.SEATED, Offer): Phase.SEATED,
    (Phase.SEATED, MediaState): Phase.SEATED,
    (Phase.SEATED, Share): Phase.SEATED,
    (Phase.SEATED, Quality): Phase.SEATED,
    (Phase.SEATED, Ladder): Phase.SEATED,
    (Phase.SEATED, Hand): Phase.SEATED,
    (Phase.SEATED, Admit): Phase.SEATED,
    (Phase.SEATED, Record): Phase.SEATED,
    (Phase.SEATED, Consent): Phase.SEATED,
    (Phase.SEATED, Remove): Phase.SEATED,
    (Phase.SEATED, Ping): Phase.SEATED,
    (Phase.SEATED, Leave): Phase.OVER,
    (Phase.SEATED, End): Phase.OVER,
}

_BURST = 80.0
_PER_SECOND = 40.0
"""Shared reading sends at most 20 a second; the rest is for everything else."""
_COST: dict[type, float] = {Offer: 8.0}
"""An offer is read, answered and may start a handshake."""
_MAX_STRIKES = 20


@dataclass(slots=True)
class Session:
    """One conversation.

    You must call `receive` for each decoded word before acting on it; when it raises, do not act. You must call `said`
    for each word of our own.
    """

    phase: Phase = Phase.GREETING
    _allowance: float = _BURST
    _filled_at_s: float = field(default=0.0)
    _strikes: int = 0

    def receive(self, word: Request, now_s: float) -> None:
        """Judge a word.

        Args:
            word: Decoded.
            now_s: Monotonic seconds.

        Raises:
            MessageRefused: Not now, another version, or too many (`code` is `too_fast`).
        """
        if self._filled_at_s:
            self._allowance = min(_BURST, self._allowance + (now_s - self._filled_at_s) * _PER_SECOND)
        self._filled_at_s = now_s
        cost = _COST.get(type(word), 1.0)
        if self._allowance < cost:
            raise self.strike(MessageRefused("too many messages", code="too_fast"))
        self._allowance -= cost
        if isinstance(word, Hello) and word.version != VERSION:
            raise MessageRefused(f"this exchange speaks version {VERSION}", code="version")
        try:
            self.phase = TABLE[self.phase, type(word)]
        except KeyError:
            raise self.strike(
                MessageRefused(f"{word.type} is not allowed while {self.phase}", code="not_now")
            ) from None

    def said(self, reply: Reply) -> None:
        """We speak."""
        self.phase = TABLE.get((self.phase, type(reply)), self.phase)

    def strike(self, refusal: MessageRefused) -> MessageRefused:
        """Count a nonsense frame."""
        self._strikes += 1
        return refusal

    @property
    def hopeless(self) -> bool:
        """Whether the other side has only sent nonsense for so long that the socket should be closed."""
        return self._strikes >= _MAX_STRIKES
