"""Keeps a node in the register as long as it lives, and sends away the people of rooms that are another's by now."""

import asyncio
import logging
from contextlib import suppress

from signaling.errors import Unavailable
from signaling.pulse import Pulse
from signaling.register import Entry, Register
from signaling.rooms import Rooms
from signaling.tasks import Tasks

log = logging.getLogger(__name__)

_EVERY_S = 0.7


class Presence:
    """Of one node.

    Args:
        rooms: The node's.
        pulse: How it is.
        register: Where it is written down; whoever made it closes it.
        reached: Address of its line, and the fingerprint of its certificate.
    """

    def __init__(self, rooms: Rooms, pulse: Pulse, register: Register, reached: tuple[str, str]) -> None:
        self._rooms = rooms
        self._pulse = pulse
        self._register = register
        self._reached = reached
        self._held: set[str] = set()
        self._away = False
        self._tasks = Tasks()

    async def begin(self) -> None:
        """Write the node down, and go on until `leave`."""
        self._tasks.start(self.keep())

    async def keep(self) -> None:
        """Until the node ends."""
        while True:
            try:
                await self.tell()
                self._away = False
            except Unavailable as error:
                if not self._away:  # said once
                    log.warning("presence.unavailable: %s", error)
                self._away = True
            await asyncio.sleep(_EVERY_S)

    async def tell(self) -> None:
        """Once. Raises Unavailable."""
        standing, held = self._pulse.standing(), set(self._pulse.rooms())
        lost = await self._register.announce(Entry(standing, *self._reached), held)
        for room in lost:
            self._rooms.release(room)
        if ended := self._held - held:
            await self._register.give_up(standing.name, ended)
        self._held = held.difference(lost)

    async def leave(self) -> None:
        """The node ends: its rooms are free, and nobody else is sent here."""
        await self._tasks.__aexit__(None, None, None)
        with suppress(Unavailable):
            await self._register.give_up(self._rooms.settings.name, self._held | set(self._pulse.rooms()))
            await self._register.leave(self._rooms.settings.name)
