"""The house's own line to a node: revocation down, numbered happenings up.

Answers on a Unix socket, and over the network only to who shows the house's key. For anybody else it is not there.
"""

import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from signaling.errors import Refused, Unavailable
from signaling.houseline import HOUSE_HEADER, HouseGuard
from signaling.journal import Journal
from signaling.media.leg import Terms
from signaling.pulse import Pulse
from signaling.rooms import Rooms

_POLL_S = 25.0
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Serves `/control/…`.

    Args:
        rooms: The node's rooms.
        journal: What happened.
        pulse: How the node is.
        guard: Believes who comes over the network; None believes nobody.
    """

    def __init__(self, rooms: Rooms, journal: Journal, pulse: Pulse, guard: HouseGuard | None = None) -> None:
        self._guard = guard
        self._rooms = rooms
        self._journal = journal
        self._pulse = pulse

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.post("/control/revoke", self._house_only(self.revoke)),
            web.post("/control/end", self._house_only(self.end)),
            web.post("/control/drain", self._house_only(self.drain)),
            web.post("/control/release", self._house_only(self.release)),
            web.post("/control/legs/give", self._house_only(self.give)),
            web.post("/control/legs/take", self._house_only(self.take)),
            web.get("/control/happenings", self._house_only(self.happenings)),
            web.get("/control/state", self._house_only(self.state)),
        ]

    def _house_only(self, handler: _Handler) -> _Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not await is_house(request, self._guard):
                raise web.HTTPNotFound
            return await handler(request)

        return guarded

    async def revoke(self, request: web.Request) -> web.Response:
        """`{room, participant}`: out, at once."""
        room, participant = await _words(request, "room", "participant")
        return web.json_response({"was_there": self._rooms.revoke(room, participant)})

    async def end(self, request: web.Request) -> web.Response:
        """`{room}`: over, for all."""
        (room,) = await _words(request, "room")
        return web.json_response({"was_there": self._rooms.end(room)})

    async def drain(self, request: web.Request) -> web.Response:
        """Take no new rooms; with `?move` those that are here go elsewhere at once, else they stay until they end."""
        self._rooms.draining = True
        if "move" in request.query:
            for room in [live.room.name for live in self._rooms.live()]:
                self._rooms.release(room)
        return web.json_response({})

    async def release(self, request: web.Request) -> web.Response:
        """`{room}`: it lives elsewhere now; who is still here is sent there."""
        (room,) = await _words(request, "room")
        return web.json_response({"was_there": self._rooms.release(room)})

    async def give(self, request: web.Request) -> web.Response:
        """`{room, publisher, to: [host, port]}`: send its tracks there; answers what the other node is to take."""
        room, publisher = await _words(request, "room", "publisher")
        try:
            terms = await self._rooms.legs.give(room, publisher, (await request.json()).get("to"))
        except Refused as error:
            raise web.HTTPConflict(text=error.code) from error
        return web.json_response(terms.told())

    async def take(self, request: web.Request) -> web.Response:
        """`{room, publisher, terms}`: what another node gives is watched from here."""
        room, publisher = await _words(request, "room", "publisher")
        try:
            await self._rooms.legs.take(room, publisher, Terms.read((await request.json()).get("terms")))
        except (Refused, Unavailable) as error:
            raise web.HTTPConflict(text="refused") from error
        return web.json_response({})

    async def happenings(self, request: web.Request) -> web.Response:
        """`?after=N`: acknowledges N and answers with what came later, waiting a while for something to come."""
        try:
            after = int(request.query.get("after", "0"))
        except ValueError:
            raise web.HTTPBadRequest from None
        self._journal.acknowledge(after)
        if not self._journal.after(after):
            await self._journal.wait(_POLL_S)
        return web.json_response(self._journal.after(after))

    async def state(self, request: web.Request) -> web.Response:
        """What this node is and holds."""
        reached = {"candidates": self._rooms.candidates, "udp": self._rooms.address}
        return web.json_response({**self._pulse.told(), **reached})


def at_home(request: web.Request) -> bool:
    """Whether a request came over a Unix socket or from this very machine."""
    return _family(request) == socket.AF_UNIX or request.remote in ("127.0.0.1", "::1")


async def is_house(request: web.Request, guard: HouseGuard | None) -> bool:
    """Whether a request came over a Unix socket, or shows the house's key."""
    if _family(request) == socket.AF_UNIX:
        return True
    given = request.headers.get(HOUSE_HEADER)
    if guard is None or given is None:
        return False
    return guard.believes(given, (request.method, request.path_qs, await request.read()))


def _family(request: web.Request) -> int | None:
    line = request.transport.get_extra_info("socket") if request.transport else None
    return line.family if line is not None else None


async def _words(request: web.Request, *names: str) -> list[str]:
    try:
        body = await request.json()
        words = [body[name] for name in names]
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest from None
    if not all(isinstance(word, str) for word in words):
        raise web.HTTPBadRequest
    return words
