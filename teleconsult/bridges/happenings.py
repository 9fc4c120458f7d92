"""Follows what happens in the media rooms: each thing is written once, with the cursor, in one transaction.

The media process keeps what it tells until the next question acknowledges it: neither side loses anything by dying.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from signaling.ports import STREAM
from teleconsult.actor import SYSTEM
from teleconsult.bridges.arrivals import BridgeCursor
from teleconsult.bridges.node import Node
from teleconsult.db import Database
from teleconsult.errors import ClinicError
from teleconsult.events import Bus
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.views import Told

log = structlog.get_logger()

NODE = "media"
"""The one media process of the embedded default; more have their own names."""
_CURSOR = "exchange.happenings"
_AGAIN_S = 1.0
_BURST_S = 0.2
"""What comes at the same time is written together."""


class Happenings:
    """The task that listens.

    Args:
        database: Where the cursor is.
        node: Who tells.
        scheduling: Keeps it.
        bus: Is woken when open pages should look.
    """

    def __init__(self, database: Database, node: Node, scheduling: Scheduling, bus: Bus) -> None:
        self._database = database
        self._node = node
        self._scheduling = scheduling
        self._bus = bus

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            try:
                if await self.take_in():
                    await asyncio.sleep(_BURST_S)
            except (ClinicError, SQLAlchemyError, OSError) as error:
                log.warning("happenings.unavailable", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)

    async def take_in(self) -> int:
        """Ask once, waiting a while for something to happen. Returns how much there was."""
        async with self._database.read() as session:
            kept = await session.get(BridgeCursor, _CURSOR)
        told = _read(await self._node.happenings(kept.number if kept else 0))
        if told:
            async with self._database.write(SYSTEM) as work:
                await self._scheduling.keep(work, NODE, told)
                await work.session.merge(BridgeCursor(name=_CURSOR, number=told[-1].number))
                work.after_commit(self._bus.poke)
        return len(told)


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
