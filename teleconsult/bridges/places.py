"""Where rooms are: finds a room's node, and where that one has ended another for it. One rule, `signaling.directory`.

The list of nodes is kept by a `Directory`: by asking the processes of this machine (`OneMachine`), or in Redis
(`ManyMachines`). Nobody waits for a node that is gone while another lives; for the only one, a moment.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Protocol, Self, TypeVar

from signaling.directory import CLAIM_S, Standing, home_of, next_for_viewers
from teleconsult.bridges.node import Node, NodeGone, gone
from teleconsult.errors import Unavailable

_PATIENCE_S = 3.0
"""How long somebody to take a room is waited for: a start takes about a second."""
_LOOK_EVERY_S = 0.1
_MOST_CLAIMS = 10_000

T = TypeVar("T")
Living = tuple[Node, Standing]


class Directory(Protocol):
    """Which nodes there are, and which holds a room."""

    async def __aenter__(self) -> Self:
        """Open."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""

    async def nodes(self) -> Sequence[Node]:
        """All that may hold something: those that live, and those of this machine in any case. Raises Unavailable."""

    async def living(self) -> Sequence[Living]:
        """Those that were heard of just now. Raises Unavailable."""

    async def holder(self, room: str) -> str:
        """The name of a room's node as it is written, "" for none. Raises Unavailable."""

    async def claim(self, room: str, node: str, before: str) -> str:
        """Write a room's node down, unless it is by now another than before; the one that is written then."""


class Places:
    """Used as `async with Places(directory) as places`.

    Args:
        directory: Keeps the list.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def __aenter__(self) -> Self:
        """Open."""
        await self._directory.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self._directory.__aexit__(kind, error, trace)

    async def nodes(self) -> Sequence[Node]:
        """See `Directory.nodes`."""
        return await self._directory.nodes()

    async def living(self) -> Sequence[Living]:
        """See `Directory.living`."""
        return await self._directory.living()

    async def somebody_lives(self) -> None:
        """Wait a moment for any node. Raises Unavailable."""

        async def look() -> None:
            if not await self._directory.living():
                raise gone()

        await _patiently(look)

    async def at_home(self, room: str, call: Callable[[Node], Awaitable[T]]) -> T:
        """Call the room's node; one that is gone has lost the room to another, who is called instead.

        Raises:
            Unavailable: Nobody can take it, or what the call raises.
        """
        lost: set[str] = set()

        async def once() -> T:
            living = [one for one in await self._directory.living() if one[0].name not in lost]
            lost.clear()  # whoever starts again under its name is welcome the next time
            node = await self._home(room, living)
            try:
                return await call(node)
            except NodeGone:
                lost.add(node.name)
                raise

        return await _patiently(once)

    async def for_viewer(self, room: str, refused: Sequence[str]) -> tuple[Node, Node] | None:
        """Who takes one more viewer, and the room's home; None where nobody does.

        Args:
            room: Which.
            refused: Nodes that have just said that they are full.
        """

        async def look() -> tuple[Node, Sequence[Living]]:
            living = await self._directory.living()
            return await self._home(room, living), living

        home, living = await _patiently(look)
        chosen = next_for_viewers(room, home.name, [standing for _, standing in living], refused)
        return next(((node, home) for node, _ in living if node.name == chosen), None)

    async def home_first(self, room: str) -> list[Node]:
        """All nodes, the room's own first: for what may have been opened at any of them."""
        nodes = await self._directory.nodes()
        holder = await self._directory.holder(room)
        return sorted(nodes, key=lambda node: node.name != holder)

    async def everywhere(self, call: Callable[[Node], Awaitable[object]]) -> None:
        """Call every node: what is said of a person holds wherever they are.

        Raises:
            Unavailable: One that lives did not hear it. One of this machine that has ended holds nobody.
        """

        async def once() -> None:
            heard = 0
            for node in await self._directory.nodes():
                try:
                    await call(node)
                    heard += 1
                except NodeGone:
                    if not node.is_here:
                        raise
            if not heard:
                raise gone()

        await _patiently(once)

    async def _home(self, room: str, living: Sequence[Living]) -> Node:
        held_by = await self._directory.holder(room)
        chosen = home_of(room, held_by, [standing for _, standing in living])
        if chosen and chosen != held_by:
            chosen = await self._directory.claim(room, chosen, held_by)
        for node, _ in living:
            if node.name == chosen:
                return node
        raise gone()


class OneMachine:
    """The processes of this machine: they are asked, each time, so that whoever asks anew knows as much.

    Args:
        nodes: All there can be.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._claims: dict[str, tuple[str, float]] = {}
        self._told: dict[str, tuple[Standing, frozenset[str]]] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the lines."""
        for node in self._nodes:
            await self._open.enter_async_context(node)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._open.aclose()

    async def nodes(self) -> Sequence[Node]:
        """All."""
        return self._nodes

    async def living(self) -> Sequence[Living]:
        """Those that answer, or are only slow to."""
        await asyncio.gather(*(self._ask(node) for node in self._nodes))
        living = [(node, self._told[node.name][0]) for node in self._nodes if node.name in self._told]
        draining = {standing.name for _, standing in living if standing.draining}
        self._claims = {room: kept for room, kept in self._claims.items() if kept[0] not in draining}
        return living

    async def holder(self, room: str) -> str:
        """By what they said last; a room that nobody has entered yet, by its claim."""
        listed = (name for name, (_, held) in self._told.items() if room in held)
        claimed_by, until = self._claims.get(room, ("", 0.0))
        return next(listed, claimed_by if until > time.monotonic() else "")

    async def claim(self, room: str, node: str, before: str) -> str:
        """See `Directory.claim`; whoever lost the room and yet lives sends its people here."""
        now = time.monotonic()
        held = await self.holder(room)
        if held not in ("", before):
            return held
        if len(self._claims) >= _MOST_CLAIMS:
            self._claims = {name: kept for name, kept in self._claims.items() if kept[1] > now}
        self._claims[room] = (node, now + CLAIM_S)
        for old in self._nodes:
            if old.name == before:
                with suppress(Unavailable):
                    await old.release(room)
        return node

    async def _ask(self, node: Node) -> None:
        try:
            told = await node.state()
        except NodeGone:
            self._told.pop(node.name, None)
        except Unavailable:
            pass  # it listens, so it lives, and what is there stays there
        else:
            self._told[node.name] = Standing.read(told), frozenset(told["holds"])


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Call, and as long as nobody listens, again: nothing has been sent."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await call()
        except NodeGone:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(_LOOK_EVERY_S)
