"""Our side of one peer's ICE: which user name fragments lead to it, what a restart does, how many checks it may make.

Source: RFC 8445 2.4 (restart), RFC 8839 4.4.1.1.1: old credentials stay valid until the new ones are used.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from signaling.media.ice import IceCredentials

if TYPE_CHECKING:
    from signaling.media.peer import Peer

_CHECKS_PER_S = 60


class Identity:
    """The credentials by which one peer is known.

    Args:
        peer: Whose.
        table: Of all peers, by fragment.
    """

    def __init__(self, peer: "Peer", table: "dict[str, Peer]") -> None:
        self._peer = peer
        self._table = table
        self._known: dict[str, IceCredentials] = {}
        self._theirs = ""
        self._checks_left = _CHECKS_PER_S
        self.current = IceCredentials.fresh()
        self._admit(self.current)

    @property
    def ufrags(self) -> Iterable[str]:
        """Our user name fragments that lead here."""
        return self._known

    def password_of(self, ufrag: str) -> str | None:
        """For ICE; None also where too many checks came in this second."""
        known = self._known.get(ufrag) if self._checks_left > 0 else None
        return known.password if known else None

    def restart(self, theirs: str) -> IceCredentials:
        """The other side's fragment: a new one restarts ICE, and old ones of ours stay valid until the new are used."""
        if self._theirs and theirs != self._theirs:
            for unused in list(self._known)[1:]:
                self._withdraw(unused)
            self.current = IceCredentials.fresh()
            self._admit(self.current)
        self._theirs = theirs
        return self.current

    def checked(self, ufrag: str) -> None:
        """A valid check came by this fragment."""
        self._checks_left -= 1
        if ufrag == self.current.ufrag:
            for old in [word for word in self._known if word != ufrag]:
                self._withdraw(old)

    def refill(self) -> None:
        """A second has passed."""
        self._checks_left = _CHECKS_PER_S

    def _admit(self, credentials: IceCredentials) -> None:
        self._known[credentials.ufrag] = credentials
        self._table[credentials.ufrag] = self._peer

    def _withdraw(self, ufrag: str) -> None:
        del self._known[ufrag]
        self._table.pop(ufrag, None)
