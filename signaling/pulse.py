"""What a node says of itself: how busy it is, which rooms live on it."""

from dataclasses import asdict

from signaling.directory import Standing
from signaling.house import House

_LOOK_S = 1.0


class Pulse:
    """Of one node.

    Args:
        house: Its rooms.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._looked_s = house.plane.now_s()
        self._sent = 0
        self._packets_s = 0

    def standing(self) -> Standing:
        """Now; the rate is of the last second or longer."""
        house = self._house
        now, sent = house.plane.now_s(), house.plane.packets_out
        if now - self._looked_s >= _LOOK_S:
            self._packets_s = round((sent - self._sent) / (now - self._looked_s))
            self._looked_s, self._sent = now, sent
        peers = sum(len(live.peers) for live in house.live())
        return Standing(house.settings.name, peers, self._packets_s, len(self.rooms()), house.draining)

    def rooms(self) -> list[str]:
        """Rooms whose people are here; those that are only watched from here live elsewhere."""
        return [live.room.name for live in self._house.live() if not live.is_relayed]

    def told(self) -> dict[str, object]:
        """All of it as plain JSON: `holds` are the rooms."""
        return {**asdict(self.standing()), "holds": self.rooms()}
