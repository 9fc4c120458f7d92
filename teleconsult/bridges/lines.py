"""One browser's WebSocket passed on to the node of its room, both ways, and closed from here when the right is lost.

Frames are passed on one by one: a slow reader on one side slows the writer on the other. What they say is not looked
at, but for the ticket in the first one: it names whose line this is.
"""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType, web

from signaling.messages import Closing, Refusal, encode
from teleconsult.bridges.places import Places
from teleconsult.errors import TooMany, Unavailable

MOST_FRAME_BYTES = 128 * 1024
_MOST_LINES = 4000
_GREETING_S = 10.0
_HEARTBEAT_S = 15.0
_RESTARTS = 1012  # RFC 6455 registry: the service restarts, come back
_REMOVED = 4403

Whose = tuple[str, str]
"""Room and participant."""
IsWelcome = Callable[[str, str], Awaitable[bool]]
Socket = web.WebSocketResponse | ClientWebSocketResponse


class Lines:
    """The open lines of this process.

    Args:
        places: Where rooms are.
        is_welcome: Whether a ticket's holder may still come in.
    """

    def __init__(self, places: Places, is_welcome: IsWelcome) -> None:
        self._places = places
        self._is_welcome = is_welcome
        self._open: dict[Whose, set[web.WebSocketResponse]] = {}
        self._told: set[web.WebSocketResponse] = set()
        self.count = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One browser's conversation, to its end.

        Raises:
            Unavailable: No media process listens; told before the upgrade, so that the browser sees a status.
            TooMany: This process holds as many lines as it can.
        """
        if self.count >= _MOST_LINES:
            raise TooMany("Too many calls at the moment. Please try again.", retry_after=timedelta(seconds=5))
        self.count += 1
        try:
            await self._places.somebody_lives()
            near = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=MOST_FRAME_BYTES, compress=False)
            await near.prepare(request)
            await self._converse(near)
        finally:
            self.count -= 1
        return near

    async def close(self, whose: Whose) -> None:
        """Whoever this is has lost the right: their lines end here, whatever the media process does."""
        word = encode(Closing(code="removed", again=False))
        for near in list(self._open.get(whose, ())):
            self._told.add(near)
            await _say_and_close(near, word, _REMOVED)

    async def close_all(self) -> None:
        """This process ends: browsers come back to the next one, their seats are held."""
        word = encode(Closing(code="draining", again=True))
        for near in [near for some in self._open.values() for near in some]:
            self._told.add(near)
            await _say_and_close(near, word, _RESTARTS)

    async def _converse(self, near: web.WebSocketResponse) -> None:
        first = await _first_of(near)
        whose = _whose(first)
        if first is None or whose is None:
            await _say_and_close(near, encode(Refusal(code="ticket", detail="say hello with a ticket first")), 1008)
            return
        held = self._open.setdefault(whose, set())
        held.add(near)
        try:
            # Asked after the line is on the list: whoever loses the right from now on is found there.
            if not await self._is_welcome(*whose):
                await _say_and_close(near, encode(Refusal(code="ticket", detail="the ticket is not valid")), 1008)
                return
            await self._connect(near, whose[0], first)
        finally:
            held.discard(near)
            self._told.discard(near)
            if not held:
                self._open.pop(whose, None)

    async def _connect(self, near: web.WebSocketResponse, room: str, first: str) -> None:
        """To the node that has the room; where nobody takes it the browser comes again."""
        try:
            far = await self._places.at_home(room, lambda node: node.line("/rtc", MOST_FRAME_BYTES))
        except Unavailable:
            await _say_and_close(near, encode(Closing(code="draining", again=True)), _RESTARTS)
            return
        try:
            code = None
            with suppress(ConnectionError):  # one side has gone; closing the other is all there is to do
                await far.send_str(first)
                code = await _pass_on_both_ways(near, far)
            if near not in self._told:  # the first last word is the last
                await _bid_farewell(near, code)
        finally:
            await far.close()


async def _first_of(near: web.WebSocketResponse) -> str | None:
    try:
        frame = await near.receive(timeout=_GREETING_S)
    except TimeoutError:
        return None
    return str(frame.data) if frame.type is WSMsgType.TEXT else None


async def _pass_on_both_ways(near: web.WebSocketResponse, far: ClientWebSocketResponse) -> int | None:
    """Until one side has ended; with which code the far one did, None where it broke off or the near one ended."""
    async with asyncio.TaskGroup() as group:
        there, back = group.create_task(_pass_on(near, far)), group.create_task(_pass_on(far, near))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        there.cancel()
        back.cancel()
    return None if back.cancelled() else back.result()


async def _pass_on(source: Socket, goal: Socket) -> int | None:
    """Until the source ends: with which code (not the socket's own word: 1006 where our answer came too late)."""
    try:
        while True:
            frame: WSMessage = await source.receive()
            if frame.type is WSMsgType.TEXT:
                await goal.send_str(frame.data)  # waits while the goal's buffer is full
            elif frame.type is not WSMsgType.PING and frame.type is not WSMsgType.PONG:
                return int(frame.data) if frame.type is WSMsgType.CLOSE else None
    except (ConnectionError, RuntimeError):
        return None


async def _bid_farewell(near: web.WebSocketResponse, code: int | None) -> None:
    if near.closed:
        return
    if code is None or code in (1006, 1011, 1012):
        await _say_and_close(near, encode(Closing(code="draining", again=True)), _RESTARTS)
        return
    await near.close(code=code)


async def _say_and_close(near: web.WebSocketResponse, word: str, code: int) -> None:
    if near.closed:
        return
    try:
        async with asyncio.timeout(2):
            await near.send_str(word)
            await near.close(code=code)
    except (ConnectionError, RuntimeError, TimeoutError):
        return


def _whose(first: str | None) -> Whose | None:
    """Whose ticket a hello carries, unverified: the media process verifies it, this only files the line."""
    try:
        ticket = str(json.loads(first or "")["ticket"])
        packed = ticket.partition(".")[0][:2048]
        body = json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        return str(body["r"]), str(body["p"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


__all__ = ["Lines", "Unavailable"]
