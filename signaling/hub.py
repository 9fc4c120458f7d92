"""The asyncio shell of the room's WebSocket: frames in, effects out. Decides nothing."""

import asyncio
import time
from datetime import datetime
from typing import Final

from aiohttp import WSMsgType, web

from signaling import messages
from signaling.effects import Effect
from signaling.errors import MessageRefused, Refused, Unavailable
from signaling.gate import Gate
from signaling.messages import (
    Admit,
    Answer,
    Closing,
    Consent,
    End,
    Hand,
    Hello,
    Ladder,
    Leave,
    MediaState,
    Offer,
    Ping,
    Pong,
    Quality,
    Record,
    Refusal,
    Remove,
    Reply,
    Share,
)  # fmt: skip
from signaling.room import Room
from signaling.rooms import Rooms
from signaling.session import Session

_HEARTBEAT_S = 15.0
_GREETING_S = 10.0
_QUEUE: Final = 256
"""Replies that may wait for a slow reader; beyond that the socket is closed and the browser comes back fresh."""


class _Line:
    """One open socket, as `rooms.Socket`."""

    listens = True

    def __init__(self) -> None:
        self.session = Session()
        self.replies: asyncio.Queue[Reply | None] = asyncio.Queue(_QUEUE)

    def send(self, reply: Reply) -> None:
        """Queue a message; a reader that is too slow is hung up on."""
        self.session.said(reply)
        try:
            self.replies.put_nowait(reply)
        except asyncio.QueueFull:
            self.hang_up(Closing(code="draining", again=True))

    def hang_up(self, reply: Closing) -> None:
        """Say the last word and close."""
        while self.replies.qsize() > _QUEUE - 2:
            self.replies.get_nowait()
        self.replies.put_nowait(reply)
        self.replies.put_nowait(None)


class Hub:
    """Serves `/rtc`.

    Args:
        rooms: The node's rooms.
        gate: Lets tickets in.
    """

    def __init__(self, rooms: Rooms, gate: Gate) -> None:
        self._rooms = rooms
        self._gate = gate

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One browser's conversation."""
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=self._rooms.settings.max_frame_bytes)
        await socket.prepare(request)
        line = _Line()
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(_write(socket, line))
            try:
                await self._converse(socket, line)
            finally:
                line.hang_up(Closing(code="left", again=True))
                await asyncio.wait({writer}, timeout=2)
                writer.cancel()
        return socket

    async def _converse(self, socket: web.WebSocketResponse, line: _Line) -> None:
        session = line.session
        seat: tuple[str, str, int] | None = None
        try:
            while not session.hopeless:
                frame = await socket.receive(timeout=None if seat else _GREETING_S)
                if frame.type is not WSMsgType.TEXT:
                    return
                number = None
                try:
                    word = messages.decode(frame.data)
                    number = getattr(word, "number", None)
                    session.receive(word, time.monotonic())
                    if isinstance(word, Hello):
                        seat = await self._enter(word, line)
                    elif isinstance(word, Ping):
                        line.send(Pong(number=word.number))
                    elif seat is not None:
                        self._act(word, seat, line)
                except MessageRefused as error:
                    if error.code == "message":
                        session.strike(error)
                    line.send(Refusal(code=error.code, detail=str(error), number=number))
                except (Refused, Unavailable) as error:
                    code = error.code if isinstance(error, Refused) else "unavailable"
                    line.send(Refusal(code=code, detail=str(error), number=number))
                    if seat is None:
                        return
        except TimeoutError:
            return
        finally:
            if seat is not None:
                self._rooms.lose(*seat)

    async def _enter(self, hello: Hello, line: _Line) -> tuple[str, str, int]:
        admission = await self._gate.admit(hello.ticket, None)
        number, welcome = self._rooms.enter(admission, line, resume=hello.resume)
        line.send(welcome)
        return admission.room, admission.participant, number

    def _act(self, word: messages.Request, seat: tuple[str, str, int], line: _Line) -> None:
        room, me, _ = seat
        match word:
            case Offer():
                line.send(Answer(number=word.number, sdp=self._rooms.connections.negotiate(room, me, word)))
            case Ladder(choice=choice):
                self._rooms.connections.choose(room, me, choice)
            case Quality():
                self._rooms.connections.measured(room, me, word)
            case _:
                if isinstance(word, Record):
                    self._rooms.need_recorder()
                self._rooms.act(room, lambda held, now: _decide(held, word, me, now))


def _decide(room: Room, word: messages.Request, me: str, now: datetime) -> list[Effect]:
    """What a word means for the room."""
    match word:
        case MediaState():
            return room.change(me, word)
        case Share(topic=topic, body=body):
            return room.share(me, topic, body)
        case Hand(up=up, participant=whose):
            return room.raise_hand(whose or me, up=up, by=me)
        case Admit(participant=whom, welcome=welcome):
            return room.admit(whom, now, me, welcome=welcome)
        case Record(on=on, paused=paused):
            return room.record(now, me, on=on, paused=paused)
        case Consent(given=given):
            return room.consent(me, now, given=given)
        case Leave():
            return room.leave(me, now)
        case End():
            return room.end(now, by=me)
        case Remove(participant=whom):
            return room.remove(whom, now, by=me)
    return []


async def _write(socket: web.WebSocketResponse, line: _Line) -> None:
    while (reply := await line.replies.get()) is not None:
        try:
            await socket.send_str(messages.encode(reply))
        except (ConnectionError, RuntimeError):
            return
    await socket.close()
