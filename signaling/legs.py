"""Rooms that are watched from another node: their tracks go there once, by one leg for each publisher that is wanted.

The clinic brings the two nodes together: it asks the room's own node to give and tells the other what to take. A leg
ends with its last viewer; where it breaks, its viewers are sent away, to be placed anew when they come again.
"""

import secrets

from signaling.connections import Connections
from signaling.effects import CloseRoom
from signaling.errors import OfferRefused, RoomRefused
from signaling.house import House
from signaling.live import LiveRoom
from signaling.media.leg import KINDS, Leg, Terms, address_of
from signaling.media.peer import Calls, Reach
from signaling.media.tracks import Slot

_GRACE_S = 5.0
"""From the leg to its first viewer."""
_FROM = "from."


class Legs:
    """Of a node.

    Args:
        house: The shell that holds the rooms.
        connections: Its media.
        reach: Candidates and certificate.
    """

    def __init__(self, house: House, connections: Connections, reach: Reach) -> None:
        self._house = house
        self._connections = connections
        self._reach = reach
        self._calls = Calls(lambda peer: None, connections.forget)
        self._made_s: dict[Leg, float] = {}

    # ------------------------------------------------------------ at the room's own node
    async def give(self, room: str, publisher: str, to: object) -> Terms:
        """Send a publisher's tracks to another node, as long as it listens.

        Args:
            room: Which.
            publisher: A participant or the name of a stream; "" is whoever publishes first.
            to: Address and port of its media port.

        Raises:
            RoomRefused: The room is not here.
            OfferRefused: That is no address.
        """
        live = self._house.room(room)
        if live is None or live.is_relayed:
            raise RoomRefused("the room is not here")
        try:
            far = address_of(to)
        except (ValueError, TypeError):
            raise OfferRefused("that is no address of a media port") from None
        slots = {kind: live.place(publisher, kind) for kind in sorted(KINDS)}
        leg, terms = Leg.given(self._house.plane, self._reach, self._calls, far, slots)
        live.peers[f"leg.{secrets.token_hex(8)}"] = leg
        await leg.connect()
        return terms

    # ------------------------------------------------------------ where it is watched
    async def take(self, room: str, publisher: str, terms: Terms) -> None:
        """Take what another node gives; a second leg of the same is let lie, and ends by itself.

        Raises:
            RoomRefused: The room lives here.
            Unavailable: This node takes no more rooms.
        """
        live = self._house.room(room) or self._house.relay(room)
        if not live.is_relayed:
            raise RoomRefused("the room lives here")
        if self._leg(live, publisher) is not None:
            return
        slots = {kind: _slot(live, publisher, kind) for kind in terms.tracks}
        leg = Leg.taken(self._house.plane, self._reach, self._calls, terms, slots)
        live.peers[_FROM + publisher] = leg
        self._made_s[leg] = self._house.plane.now_s()
        await leg.connect()

    def place(self, live: LiveRoom, publisher: str, kind: str) -> Slot:
        """Where a viewer hangs who names a publisher.

        Raises:
            RoomRefused: No leg brings that one here.
        """
        if self._leg(live, publisher) is None:
            raise RoomRefused("no leg brings this here", code="no_leg")
        return _slot(live, publisher, kind)

    def look_after(self, live: LiveRoom) -> None:
        """Once a second: a leg that nobody watches any more ends, and what hangs on one that broke."""
        now = self._house.plane.now_s()
        wanted = {id(lane.slot) for peer in live.peers.values() for lane in peer.lanes.values()}
        legs = {who: peer for who, peer in live.peers.items() if isinstance(peer, Leg)}
        for leg in [leg for leg in self._made_s if leg.closed]:
            del self._made_s[leg]
        for who, leg in legs.items():
            slots = {id(source.slot) for source in leg.sources.values()}
            if wanted.isdisjoint(slots) and now - self._made_s.get(leg, now) > _GRACE_S:
                del live.peers[who]
                self._connections.end(leg)
        filled = {id(source.slot) for leg in legs.values() if not leg.closed for source in leg.sources.values()}
        for who, peer in list(live.peers.items()):
            if peer.lanes and filled.isdisjoint(id(lane.slot) for lane in peer.lanes.values()):
                del live.peers[who]
                self._connections.end(peer)
        if not live.peers:
            self._house.carry_out(live, [CloseRoom()])

    def _leg(self, live: LiveRoom, publisher: str) -> Leg | None:
        leg = live.peers.get(_FROM + publisher)
        return leg if isinstance(leg, Leg) and leg.connected and not leg.silent(self._house.plane.now_s()) else None


def _slot(live: LiveRoom, publisher: str, kind: str) -> Slot:
    return live.slot(_FROM + publisher, kind)
