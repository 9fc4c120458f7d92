"""The clinic's line to a media process: HTTP and WebSockets over its Unix socket. Knows the way, not what is said.

A process that is being started again is waited for a moment where nothing has been sent yet; what was sent is never
sent twice.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    UnixConnector,
)
from aiohttp.client import ClientWSTimeout

from teleconsult.errors import Unavailable

_BASE = "http://media"
_PATIENCE_S = 3.0
"""How long a process that does not listen is waited for: a start takes about a second."""
_LOOK_EVERY_S = 0.1
_ANSWER_S = 10.0
_POLL_S = 40.0
_CLOSE_S = 2.0
_MOST_BYTES = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Node:
    """One media process. Use it as `async with Node(path) as node`.

    Args:
        socket: Path of its Unix socket.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Be ready; the process itself may come later."""
        connector = UnixConnector(
            str(self._socket), limit=0, force_close=True
        )  # a kept one may be of a process that died
        self._session = ClientSession(connector=connector, auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._http.close()

    @property
    def _http(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("use the node inside `async with`")
        return self._session

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request.

        Raises:
            Unavailable: The process does not listen, or does not answer in time.
        """
        return await self._ask(method, path, _ANSWER_S, headers, body)

    async def put_out(self, room: str, participant: str) -> None:
        """See `signaling.control`. Raises Unavailable."""
        await self._tell("/control/revoke", {"room": room, "participant": participant})

    async def end(self, room: str) -> None:
        """See `signaling.control`. Raises Unavailable."""
        await self._tell("/control/end", {"room": room})

    async def happenings(self, after: int) -> list[dict[str, Any]]:
        """Acknowledge a number and hear what came later; waits a while for something to happen. Raises Unavailable."""
        told = _json(await self._ask("GET", f"/control/happenings?after={after}", _POLL_S, None, None))
        return list(told)

    async def figures(self) -> str:
        """Its `/metrics`, "" while it does not answer."""
        with suppress(Unavailable):
            answer = await self.ask("GET", "/metrics")
            return answer.body.decode() if answer.status == 200 else ""
        return ""

    async def line(self, path: str, max_bytes: int) -> ClientWebSocketResponse:
        """Open a WebSocket. Raises Unavailable."""

        async def connect() -> ClientWebSocketResponse:
            closing = ClientWSTimeout(ws_close=_CLOSE_S)
            return await self._http.ws_connect(_BASE + path, max_msg_size=max_bytes, compress=0, timeout=closing)

        return await _patiently(connect)

    async def _tell(self, path: str, said: Mapping[str, str]) -> None:
        headers = {"Content-Type": "application/json"}
        _json(await self.ask("POST", path, headers=headers, body=json.dumps(said).encode()))

    async def _ask(
        self, method: str, path: str, seconds: float, headers: Mapping[str, str] | None, body: bytes | None
    ) -> Answer:
        async def request() -> Answer:
            limit = ClientTimeout(total=seconds)
            async with self._http.request(method, _BASE + path, headers=headers, data=body, timeout=limit) as answer:
                return Answer(answer.status, answer.headers, await answer.content.read(_MOST_BYTES))

        return await _patiently(request)


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Call, and as long as nobody listens, again: a refused connection has sent nothing."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_S
    while True:
        try:
            return await call()
        except ClientConnectorError as error:
            if loop.time() > until:
                raise _down() from error
            await asyncio.sleep(_LOOK_EVERY_S)
        except (ClientError, OSError, TimeoutError) as error:
            raise _down() from error


def _json(answer: Answer) -> Any:
    if answer.status != 200:
        raise _down()
    return json.loads(answer.body)


def _down() -> Unavailable:
    return Unavailable("The call server starts again. Please try again in a moment.", retry_after=timedelta(seconds=1))
