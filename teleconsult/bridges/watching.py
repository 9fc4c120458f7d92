"""Viewers of a room beyond what its own node carries: they watch at another one, by one leg for each publisher.

The clinic asks the room's node to give the publisher's tracks and tells the other to take them; after that the nodes
need nobody (`signaling.legs`).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

from teleconsult.bridges.node import Answer, Node, gone
from teleconsult.bridges.places import Places
from teleconsult.errors import Unavailable

_MOST_TRIES = 8

Ask = Callable[[Node, bool], Awaitable[Answer]]
"""Asks a node for a WHEP session: at the room's own node, or (True) on a leg from there."""


class Watching:
    """Finds a place for each viewer.

    Args:
        places: Where rooms are.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._making = asyncio.Lock()

    async def open(self, room: str, publisher: str, ask: Ask) -> Answer:
        """The first answer that is no "full"; that one, where all are.

        Raises:
            Unavailable: Nobody answers.
        """
        refused: list[str] = []
        answer: Answer | None = None
        for _ in range(_MOST_TRIES):
            found = await self._places.for_viewer(room, refused)
            if found is None:
                break
            node, home = found
            if node is home:
                answer = await self._places.at_home(room, lambda own: ask(own, False))
            else:
                with suppress(Unavailable):  # a node that cannot is as good as a full one
                    answer = await self._by_leg((node, home), room, publisher, ask)
            if answer is not None and not _says(answer, "full") and not _says(answer, "no_leg"):
                return answer
            refused.append(node.name)
        if answer is None:
            raise gone()
        return answer

    async def _by_leg(self, way: tuple[Node, Node], room: str, publisher: str, ask: Ask) -> Answer:
        node, home = way
        answer = await ask(node, True)
        if not _says(answer, "no_leg"):
            return answer
        async with self._making:  # of viewers who come at the same moment one makes the leg
            answer = await ask(node, True)
            if _says(answer, "no_leg"):
                said = {"room": room, "publisher": publisher}
                to = list((await node.state())["candidates"][0])
                terms = await home.tell("/control/legs/give", {**said, "to": to})
                await node.tell("/control/legs/take", {**said, "terms": terms})
                answer = await ask(node, True)
        return answer


def _says(answer: Answer, code: str) -> bool:
    if answer.status != HTTPStatus.NOT_FOUND:
        return False
    with suppress(ValueError):
        told = json.loads(answer.body)
        return isinstance(told, dict) and told.get("code") == code
    return False
