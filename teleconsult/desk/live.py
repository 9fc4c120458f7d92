"""Tells open pages that something new has come: one stream of server-sent events for each, without any content.

What came is read anew by the page, where rights are judged; the stream only names the consult, and only while it is
open to the reader. Source: WHATWG HTML, 9.2 Server-sent events.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import web
from sqlalchemy import select

from teleconsult.access.events import CredentialRevoked
from teleconsult.actor import Actor, Permission
from teleconsult.consults.models import Consult
from teleconsult.consults.scope import is_open_to
from teleconsult.db import Database
from teleconsult.events import Bus, Event
from teleconsult.http.guard import actor_of
from teleconsult.http.routing import Route, get
from teleconsult.people.events import RolesChanged

_PULSE_S = 20.0
"""A comment so often: proxies close what is silent, and a reader who is gone is noticed."""
_LONGEST_S = 900.0
"""Then the browser comes again, with rights as they are by then."""
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class LiveRoutes:
    """The door of the stream."""

    def __init__(self, bus: Bus, database: Database) -> None:
        self._bus = bus
        self._database = database

    def table(self) -> list[Route]:
        """All routes."""
        return [get("/api/v1/events", self.stream, Permission.CONSULT_READ, summary="That something new has come")]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send on what happens, until the page is closed."""
        actor = actor_of(request)
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        with suppress(ConnectionResetError, TimeoutError):
            async with asyncio.timeout(_LONGEST_S), self._bus.subscribe() as queue:
                await response.write(b": open\n\n")
                while (told := await self._next(actor, queue)) is not None:
                    await response.write(told)
        return response

    async def _next(self, actor: Actor, queue: asyncio.Queue[Event]) -> bytes | None:
        """What to send next; None when the reader is not let in any more: the browser comes again, and is asked."""
        try:
            async with asyncio.timeout(_PULSE_S):
                happened = await queue.get()
        except TimeoutError:
            return b": still here\n\n"
        if _ends(actor, happened):
            return None
        consult = str(getattr(happened, "consult", ""))
        is_own = getattr(happened, "actor", "") == actor.id
        if not consult or is_own or not await self._is_open(actor, consult):
            return b": nothing for you\n\n"
        return line({"topic": f"consult:{consult}"})

    async def _is_open(self, actor: Actor, consult: str) -> bool:
        async with self._database.read() as session:
            return await session.scalar(select(Consult.id).where(Consult.id == consult, is_open_to(actor))) is not None


def _ends(actor: Actor, happened: Event) -> bool:
    if isinstance(happened, CredentialRevoked):
        return happened.credential == actor.credential
    return isinstance(happened, RolesChanged) and happened.user == actor.id


def line(told: dict[str, Any]) -> bytes:
    """One event of the stream."""
    return f"data: {json.dumps(told)}\n\n".encode()
