"""The directory of a site with several machines: nodes and rooms as they stand in Redis (`signaling.register`).

While Redis is away the nodes that were known last are asked themselves, as on one machine: calls go on.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from signaling.errors import Unavailable as RedisAway
from signaling.register import Entry, Register
from teleconsult.bridges.node import FarWay, Node
from teleconsult.bridges.places import Living, OneMachine
from teleconsult.errors import Unavailable

log = structlog.get_logger()


class ManyMachines:
    """Implements `places.Directory`.

    Args:
        register: In Redis.
        key: What requests of the house are signed with.
        now: The time, aware.
    """

    def __init__(self, register: Register, key: bytes, now: Callable[[], datetime]) -> None:
        self._register = register
        self._key = key
        self._now = now
        self._known: dict[str, tuple[str, Node]] = {}
        self._asked = OneMachine(())

    async def __aenter__(self) -> Self:
        """Nodes come later."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._register.close)
            for _, node in self._known.values():
                closing.push_async_exit(node)

    async def nodes(self) -> Sequence[Node]:
        """See `Directory.nodes`."""
        return [node for node, _ in await self.living()]

    async def living(self) -> Sequence[Living]:
        """See `Directory.living`."""
        try:
            entries = await self._register.living()
        except RedisAway as error:
            log.warning("nodes.unavailable", error=str(error))
            return await self._asked.living()
        living = [(await self._node(entry), entry.standing) for entry in entries]
        self._asked = OneMachine([node for node, _ in living])
        return living

    async def holder(self, room: str) -> str:
        """See `Directory.holder`."""
        with suppress(RedisAway):
            return await self._register.holder(room)
        return await self._asked.holder(room)

    async def claim(self, room: str, node: str, before: str) -> str:
        """See `Directory.claim`; a node that lives and finds a room to be another's sends its people there."""
        with suppress(RedisAway):
            return await self._register.claim(room, node, before)
        return await self._asked.claim(room, node, before)

    async def _node(self, entry: Entry) -> Node:
        """The line to a node; a new one where it has started again."""
        name, reached = entry.standing.name, f"{entry.url} {entry.fingerprint}"
        known = self._known.get(name)
        if known is not None and known[0] == reached:
            return known[1]
        way = FarWay(entry.url, bytes.fromhex(entry.fingerprint), self._key, self._now)
        node = await Node(name, way).__aenter__()
        self._known[name] = reached, node
        if known is not None:
            with suppress(Unavailable):
                await known[1].__aexit__(None, None, None)
        return node
