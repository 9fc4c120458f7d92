"""A source's recent packets, kept in the clear for repeats: of as many seconds as a call can ask for, no more."""

from typing import Protocol

MOST = 1024
"""Packets; a power of two, so that a sequence number says where one lies."""
KEPT_S = 3.0
"""Older ones are of no use: whoever still lacks them has asked for a key frame long ago."""
_MASK = MOST - 1


Kept = tuple[int, int, int, int, bytes, float]
"""The source's sequence number, first byte as it leaves, marker bit, the source's timestamp, payload, when it came."""


class History(Protocol):
    """Keeps packets."""

    def keep(self, packet: Kept) -> None:
        """Keep one more; what has become too old goes."""

    def find(self, seq: int) -> Kept | None:
        """The packet of this number, None where it is no longer or never was here."""


class PlainHistory:
    """In Python. `fanout_history` is the same."""

    __slots__ = ("_kept", "_oldest")

    def __init__(self) -> None:
        self._kept: list[Kept | None] = [None] * MOST
        self._oldest = 0

    def keep(self, packet: Kept) -> None:
        """Keep one more; what has become too old goes."""
        at, now_s = packet[0] & _MASK, packet[5]
        self._kept[at] = packet
        while self._oldest != at:
            old = self._kept[self._oldest]
            if old is not None and now_s - old[5] <= KEPT_S:
                break
            self._kept[self._oldest] = None
            self._oldest = (self._oldest + 1) & _MASK

    def find(self, seq: int) -> Kept | None:
        """The packet of this number, None where it is no longer or never was here."""
        kept = self._kept[seq & _MASK]
        return kept if kept is not None and kept[0] == seq else None
