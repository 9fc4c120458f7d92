"""The site's list of nodes and rooms in Redis: who lives, who holds what. Decides nothing.

A node writes itself down every second and is forgotten after two; a room is given to a node in one step, so that two
who ask at the same time get the same answer. Entries are signed: who can only write into Redis sends nobody astray.
Nothing here is a record: Redis may lose it all, and the nodes write it down again.
"""

import json
import re
from collections.abc import Awaitable, Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from signaling.directory import CLAIM_S, Standing
from signaling.errors import Unavailable
from signaling.houseline import fits, seal
from signaling.tickets import LIFETIME

PREFIX = "teleconsult.media"
HEARD_MS = 2_000
HELD_S = 30
_TICKET_S = 2 * int(LIFETIME.total_seconds())
"""Longer than a ticket can be shown, also where clocks differ."""
_PATIENCE_S = 1.0
_URL = re.compile(r"https://[A-Za-z0-9_.:\[\]-]{1,260}")

_CLAIM = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and held ~= ARGV[2] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return ARGV[1]
"""
_YIELD = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Entry:
    """A node as it is written down.

    Attributes:
        url: Where its line is.
        fingerprint: SHA-256 of its certificate, as hex.
    """

    standing: Standing
    url: str
    fingerprint: str


class Register:
    """Both sides use it: nodes write themselves down, the clinic looks.

    Args:
        url: `redis://host:port/number`.
        key: Entries are signed with it.
        prefix: One for each site.
    """

    def __init__(self, url: str, key: bytes, prefix: str = PREFIX) -> None:
        self._redis: Redis = Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S, decode_responses=True
        )
        self._key = key
        self._prefix = prefix

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    # ------------------------------------------------------------ a node of itself
    async def announce(self, entry: Entry, rooms: Iterable[str]) -> list[str]:
        """Say that a node lives, and what it holds.

        Returns:
            Those of its rooms that are another's by now.

        Raises:
            Unavailable: Redis is away.
        """
        name, rooms = entry.standing.name, list(rooms)
        text = json.dumps(asdict(entry), sort_keys=True)
        async with self._redis.pipeline(transaction=False) as line:
            line.set(self._node(name), f"{seal(self._key, text.encode())} {text}", px=HEARD_MS)
            line.sadd(f"{self._prefix}.nodes", name)
            for room in rooms:
                line.eval(_CLAIM, 1, self._room(room), name, "", HELD_S)
            answers = await _asked(line.execute())
        return [room for room, holder in zip(rooms, answers[2:], strict=True) if holder != name]

    async def give_up(self, node: str, rooms: Iterable[str]) -> None:
        """Rooms that have ended. Raises Unavailable."""
        async with self._redis.pipeline(transaction=False) as line:
            for room in rooms:
                line.eval(_YIELD, 1, self._room(room), node)
            await _asked(line.execute())

    async def leave(self, node: str) -> None:
        """A node ends. Raises Unavailable."""
        async with self._redis.pipeline(transaction=False) as line:
            line.delete(self._node(node))
            line.srem(f"{self._prefix}.nodes", node)
            await _asked(line.execute())

    async def first_use(self, ticket: str) -> bool:
        """Whether no node has let this ticket in yet; from now on one has. Raises Unavailable."""
        key = f"{self._prefix}.ticket.{sha256(ticket.encode()).hexdigest()}"
        return bool(await _asked(self._redis.set(key, "1", nx=True, ex=_TICKET_S)))

    # ------------------------------------------------------------ the clinic of them
    async def living(self) -> list[Entry]:
        """Nodes that were heard of in the last two seconds. Raises Unavailable."""
        names = sorted(await _asked(self._redis.smembers(f"{self._prefix}.nodes")))
        if not names:
            return []
        texts = await _asked(self._redis.mget([self._node(name) for name in names]))
        entries = (self._read(name, text) for name, text in zip(names, texts, strict=True) if text)
        return [entry for entry in entries if entry is not None]

    async def holder(self, room: str) -> str:
        """The node of a room, "" for none. Raises Unavailable."""
        return str(await _asked(self._redis.get(self._room(room))) or "")

    async def claim(self, room: str, node: str, before: str) -> str:
        """Give a room to a node, unless it is by now another's than before; whose it is then. Raises Unavailable."""
        asked = self._redis.eval(_CLAIM, 1, self._room(room), node, before, str(CLAIM_S))
        return str(await _asked(asked))

    def _read(self, name: str, text: str) -> Entry | None:
        signature, _, body = text.partition(" ")
        if not fits(self._key, body.encode(), signature):
            return None
        told = json.loads(body)
        entry = Entry(Standing.read(told["standing"]), str(told["url"]), str(told["fingerprint"]))
        return entry if entry.standing.name == name and _URL.fullmatch(entry.url) else None

    def _node(self, name: str) -> str:
        return f"{self._prefix}.node.{name}"

    def _room(self, room: str) -> str:
        return f"{self._prefix}.room.{room}"


async def _asked(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"Redis is away: {type(error).__name__}") from error
