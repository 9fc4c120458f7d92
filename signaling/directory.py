"""Pure: which node a room goes to. How nodes are reached, and where it is written down, is not known here.

A node that was not heard of lately is not in the lists that come in: whoever keeps the list leaves it out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

NODE_NAME = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,40}")
CLAIM_S = 5
"""From the claim to the first word in the room."""
_PEER_PACKETS_S = 200
"""What a connection is counted for before it sends: one voice and one picture are 174 packets a second."""
_ALIKE_PACKETS_S = 2_000
"""Nodes that differ by less are as good as each other: a twentieth of what a core carries."""
_FULL_PACKETS_S = 40_000
"""What leaves a node that takes no more viewers of a room; a core of two years' age carries 45,000 in consults."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a living node says of itself.

    Attributes:
        name: One node's in a site.
        peers: Media connections.
        packets_s: What leaves it in a second.
        rooms: Whose people are there.
        draining: It takes no new rooms.
    """

    name: str
    peers: int = 0
    packets_s: int = 0
    rooms: int = 0
    draining: bool = False

    @property
    def weight(self) -> int:
        """How much it does, or will in a moment."""
        return max(self.packets_s, self.peers * _PEER_PACKETS_S)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Standing":
        """From what a node says.

        Raises:
            ValueError, KeyError, TypeError: It says something else.
        """
        numbers = {name: int(told[name]) for name in ("peers", "packets_s", "rooms")}
        return cls(str(told["name"]), **numbers, draining=bool(told["draining"]))


def home_of(room: str, held_by: str, living: Iterable[Standing]) -> str:
    """The node of a room: where it is, as long as that one lives; else the one that does least.

    Args:
        room: Its name.
        held_by: The node that has it, as far as is written, or "".
        living: Nodes that were heard of just now.

    Returns:
        A node's name, "" where none takes it.
    """
    nodes = list(living)
    if any(node.name == held_by for node in nodes):
        return held_by
    return _idlest(room, (node for node in nodes if not node.draining))


def next_for_viewers(room: str, home: str, living: Iterable[Standing], refused: Iterable[str] = ()) -> str:
    """Where somebody goes who only watches: to the room's own node until that one is full, then to the idlest other.

    Args:
        room: Its name.
        home: The room's own node.
        living: Nodes that were heard of just now.
        refused: Those that have just said that they are full.
    """
    full = frozenset(refused)
    nodes = [node for node in living if node.name not in full]
    own = next((node for node in nodes if node.name == home), None)
    others = [node for node in nodes if node.name != home and not node.draining and not _is_full(node)]
    if own is not None and (not _is_full(own) or not others):
        return home
    return _idlest(room, others)


def _is_full(node: Standing) -> bool:
    return node.weight >= _FULL_PACKETS_S


def _idlest(room: str, nodes: Iterable[Standing]) -> str:
    """Among those that are alike the room's name decides: everybody who asks at the same time finds the same one."""

    def rank(node: Standing) -> tuple[int, int, bytes]:
        return node.weight // _ALIKE_PACKETS_S, node.rooms, sha256(f"{room} {node.name}".encode()).digest()

    found = min(nodes, key=rank, default=None)
    return found.name if found else ""
