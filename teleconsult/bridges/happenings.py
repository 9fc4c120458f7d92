"""Follows what happens in the media rooms: each thing is written once, with the cursor, in one transaction.

A media process keeps what it tells until the next question acknowledges it: neither side loses anything by dying.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.ports import STREAM
from teleconsult.actor import SYSTEM
from teleconsult.bridges.agreed import MEDIA
from teleconsult.bridges.arrivals import BridgeCursor
from teleconsult.bridges.node import Node
from teleconsult.bridges.places import Places
from teleconsult.db import Database
from teleconsult.errors import ClinicError
from teleconsult.events import Bus
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.views import Told

log = structlog.get_logger()

_CURSOR = "exchange.happenings"
_AGAIN_S = 1.0
_LOOK_S = 2.0
"""How often new nodes are looked for."""
_BURST_S = 0.2
"""What comes at the same time is written together."""


class Happenings:
    """The task that listens.

    Args:
        database: Where the cursor is.
        places: Who tells.
        scheduling: Keeps it.
        bus: Is woken when open pages should look.
    """

    def __init__(self, database: Database, places: Places, scheduling: Scheduling, bus: Bus) -> None:
        self._database = database
        self._places = places
        self._scheduling = scheduling
        self._bus = bus

    async def run(self) -> None:
        """Listen to every node for ever."""
        followed: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for node in await self._nodes():
                    if node.name not in followed or followed[node.name].done():
                        followed[node.name] = group.create_task(self._follow(node.name))
                await asyncio.sleep(_LOOK_S)

    async def _nodes(self) -> Sequence[Node]:
        try:
            return await self._places.nodes()
        except ClinicError as error:
            log.warning("happenings.unavailable", error=type(error).__name__)
            return ()

    async def _follow(self, name: str) -> None:
        """Until the site no longer knows the node."""
        while node := next((one for one in await self._nodes() if one.name == name), None):
            try:
                if await self.take_in(node):
                    await asyncio.sleep(_BURST_S)
            except (ClinicError, SQLAlchemyError, OSError) as error:
                log.warning("happenings.unavailable", node=name, error=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)

    async def take_in(self, node: Node) -> int:
        """Ask a node once, waiting a while for something to happen. Returns how much there was."""
        cursor = _CURSOR if node.name == MEDIA else f"{_CURSOR}.{node.name}"
        async with self._database.read() as session:
            kept = await session.scalar(select(BridgeCursor.number).where(BridgeCursor.name == cursor))
        told = _read(await node.happenings(kept or 0))
        if told:
            async with self._database.write(SYSTEM) as work:
                if not await _moved(work.session, cursor, kept, told[-1].number):
                    return 0
                await self._scheduling.keep(work, node.name, told)
                work.after_commit(self._bus.poke)
        return len(told)


async def _moved(session: AsyncSession, cursor: str, before: int | None, number: int) -> bool:
    """Move the cursor, unless another web process has done so and written the same."""
    if before is None:
        session.add(BridgeCursor(name=cursor, number=number))
        await session.flush()  # two who begin at once: the second is refused, and looks again
        return True
    own = update(BridgeCursor).where(BridgeCursor.name == cursor, BridgeCursor.number == before)
    done = await session.execute(own.values(number=number).returning(BridgeCursor.name))
    return done.scalar_one_or_none() is not None


def _read(entries: Sequence[dict[str, Any]]) -> list[Told]:
    return [
        Told(
            number=int(entry["number"]),
            room=str(entry["room"]),
            kind=str(entry["kind"]),
            participant=str(entry["participant"]).partition(STREAM)[0],
            at=datetime.fromisoformat(entry["at"]),
            detail=dict(entry["detail"]),
        )
        for entry in entries
    ]
