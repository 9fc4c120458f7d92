"""What every packet of a source changes: counts, times, the newest numbers. Data only.

It lies apart from what is decided on it, because the compiled path (`flows`) counts in memory of its own: there it is
`fanout_tally`, with the same names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from signaling.media.history import History, PlainHistory

SILENT = 127
"""The least loud that a packet can say it is (RFC 6464); 0 is the loudest."""


@dataclass(slots=True)
class Tally:
    """One source's.

    Attributes:
        packets: That came so far.
        bytes: Of this second, headers included.
        spent: What this second's packets have cost.
        expected: Packets that should have come of this stream.
        received: That came of it, repeats included.
        frames: First packets of frames, since the queue was last looked at.
        frame_ts: Time stamp of the newest of those, -1 before the first.
        at_s: When the newest packet came, 0 before the first.
        media_s: How far the stream's time stamps have gone on.
        least_s: The least that a frame came later than it was made, since the queue was last looked at.
        ts: Time stamp of the newest packet.
        cycles: How often the sequence numbers began again.
        highest: The newest sequence number, -1 before the first.
        level: The loudest of late.
    """

    packets: int = 0
    bytes: int = 0
    spent: int = 0
    expected: int = 0
    received: int = 0
    frames: int = 0
    frame_ts: int = -1
    at_s: float = 0.0
    media_s: float = 0.0
    least_s: float = inf
    ts: int = 0
    cycles: int = 0
    highest: int = -1
    level: int = SILENT


@dataclass(frozen=True, slots=True)
class Books:
    """Where a source's counts and recent packets are kept.

    Attributes:
        tally: Makes a new one.
        history: Likewise.
    """

    tally: Callable[[], Tally] = Tally
    history: Callable[[], History] = PlainHistory


PLAIN_BOOKS = Books()
