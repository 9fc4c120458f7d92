"""The clinic's line to one media process: HTTP and WebSockets, over its Unix socket or TLS.

Knows the way, not what is said. Who does not listen has been told nothing, and that is said apart (`NodeGone`):
somebody else may be asked instead. What was sent is never sent twice.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from aiohttp import (
    BaseConnector,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ConnectionTimeoutError,
    Fingerprint,
    TCPConnector,
    UnixConnector,
)
from aiohttp.client import ClientWSTimeout

from signaling.houseline import HOUSE_HEADER, proof
from teleconsult.errors import Unavailable

_ANSWER_S = 10.0
_SOON_S = 2.0
_POLL_S = 40.0
_CLOSE_S = 2.0
_CONNECT_S = 1.5
_MOST_BYTES = 1 << 20
_NOBODY = (ClientConnectorError, ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NodeGone(Unavailable):
    """Nobody listens there: nothing was sent."""


class Way(Protocol):
    """How a node is reached.

    Attributes:
        base: What its addresses begin with.
        is_here: Whether it runs on this machine, so that one who does not listen has ended.
    """

    base: str
    is_here: bool

    def connector(self) -> BaseConnector:
        """For its session."""

    def proof(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """Headers that show a request to be the house's."""


class UnixWay:
    """By a socket that only this user can open.

    Args:
        socket: Its path.
    """

    base = "http://media"
    is_here = True

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def connector(self) -> BaseConnector:
        """For its session."""
        # A kept connection may be of a process that died.
        return UnixConnector(str(self._socket), limit=0, force_close=True)

    def proof(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """The socket says it all."""
        return {}


class FarWay:
    """By TLS to a node of this or another machine, whose certificate is known by its fingerprint.

    Args:
        base: `https://host:port`.
        fingerprint: SHA-256 of the certificate.
        key: What requests of the house are signed with.
        now: The time, aware.
    """

    is_here = False

    def __init__(self, base: str, fingerprint: bytes, key: bytes, now: Callable[[], datetime]) -> None:
        self.base = base
        self._fingerprint = fingerprint
        self._key = key
        self._now = now

    def connector(self) -> BaseConnector:
        """For its session."""
        return TCPConnector(ssl=Fingerprint(self._fingerprint), limit=0, force_close=True)

    def proof(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """Headers that show a request to be the house's."""
        return {HOUSE_HEADER: proof(self._key, (method, path, body), self._now())}


class Node:
    """One media process. Use it as `async with Node(name, way) as node`.

    Args:
        name: As the record of calls has it.
        way: How it is reached.
    """

    def __init__(self, name: str, way: Way) -> None:
        self.name = name
        self._way = way
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Be ready; the process itself may come later."""
        timeout = ClientTimeout(total=None, sock_connect=_CONNECT_S)
        self._session = ClientSession(connector=self._way.connector(), auto_decompress=False, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._http.close()

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return self._way.is_here

    @property
    def _http(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("use the node inside `async with`")
        return self._session

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        within_s: float = _ANSWER_S,
    ) -> Answer:
        """One request.

        Raises:
            NodeGone: The process does not listen.
            Unavailable: It does not answer in time.
        """
        limit = ClientTimeout(total=within_s, sock_connect=_CONNECT_S)
        proof = self._way.proof(method, path, body or b"")
        try:
            async with self._http.request(
                method, self._way.base + path, headers={**(headers or {}), **proof}, data=body, timeout=limit
            ) as answer:
                return Answer(answer.status, answer.headers, await answer.content.read(_MOST_BYTES))
        except _NOBODY as error:
            raise gone() from error
        except (ClientError, OSError, TimeoutError) as error:
            raise down() from error

    async def put_out(self, room: str, participant: str) -> None:
        """See `signaling.control`. Raises Unavailable."""
        await self.tell("/control/revoke", {"room": room, "participant": participant})

    async def end(self, room: str) -> None:
        """See `signaling.control`. Raises Unavailable."""
        await self.tell("/control/end", {"room": room})

    async def release(self, room: str) -> None:
        """See `signaling.control`. Raises Unavailable."""
        await self.tell("/control/release", {"room": room}, within_s=_SOON_S)

    async def state(self) -> dict[str, Any]:
        """See `signaling.control`. Raises Unavailable."""
        return dict(_json(await self.ask("GET", "/control/state", within_s=_SOON_S)))

    async def happenings(self, after: int) -> list[dict[str, Any]]:
        """Acknowledge a number and hear what came later; waits a while for something to happen. Raises Unavailable."""
        return list(_json(await self.ask("GET", f"/control/happenings?after={after}", within_s=_POLL_S)))

    async def figures(self) -> str:
        """Its `/metrics`, "" while it does not answer."""
        with suppress(Unavailable):
            answer = await self.ask("GET", "/metrics")
            return answer.body.decode() if answer.status == 200 else ""
        return ""

    async def line(self, path: str, max_bytes: int) -> ClientWebSocketResponse:
        """Open a WebSocket.

        Raises:
            NodeGone: The process does not listen.
            Unavailable: It does not answer.
        """
        closing = ClientWSTimeout(ws_close=_CLOSE_S)
        try:
            return await self._http.ws_connect(
                self._way.base + path, max_msg_size=max_bytes, compress=0, timeout=closing
            )
        except _NOBODY as error:
            raise gone() from error
        except (ClientError, OSError, TimeoutError) as error:
            raise down() from error

    async def tell(self, path: str, said: Mapping[str, object], *, within_s: float = _ANSWER_S) -> dict[str, Any]:
        """Post JSON to the control line, and its answer. Raises Unavailable."""
        headers = {"Content-Type": "application/json"}
        answer = await self.ask("POST", path, headers=headers, body=json.dumps(said).encode(), within_s=within_s)
        return dict(_json(answer))


def _json(answer: Answer) -> Any:
    if answer.status != 200:
        raise down()
    return json.loads(answer.body)


def gone() -> NodeGone:
    """Nobody listens."""
    return NodeGone("The call server starts again. Please try again in a moment.", retry_after=timedelta(seconds=1))


def down() -> Unavailable:
    """It does not answer as it should."""
    return Unavailable("The call server starts again. Please try again in a moment.", retry_after=timedelta(seconds=1))
