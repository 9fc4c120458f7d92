"""A bad network as a UDP proxy: delay, loss and rate each way and for each client, and cuts, without kernel support."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

_HEADERS_BYTES = 28
"""IPv4 and UDP: they are sent too."""


@dataclass(frozen=True)
class Link:
    """How bad.

    Attributes:
        loss: Share of datagrams that vanish, 0 to 1.
        delay_ms: One way.
        rate_bps: 0 for as much as there is.
        queue_ms: How long the bottleneck keeps datagrams before it drops them.
    """

    loss: float = 0.0
    delay_ms: float = 0.0
    rate_bps: int = 0
    queue_ms: float = 400.0


class _Way:
    """One direction of one client's link."""

    def __init__(self, proxy: "Impairment", deliver: Callable[[bytes], None]) -> None:
        self._proxy, self._deliver = proxy, deliver
        self._free_at = 0.0

    def push(self, data: bytes) -> None:
        link = self._proxy.link
        if self._proxy.cut or random.random() < link.loss:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        leaves = now
        if link.rate_bps:
            starts = max(now, self._free_at)
            if starts - now > link.queue_ms / 1000:
                return
            leaves = self._free_at = starts + 8 * (len(data) + _HEADERS_BYTES) / link.rate_bps
        loop.call_at(leaves + link.delay_ms / 1000, self._deliver, data)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, way: _Way) -> None:
        self._way = way

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._way.push(data)


class Impairment(asyncio.DatagramProtocol):
    """The proxy. Change `link` and `cut` while it runs.

    Args:
        server: Where datagrams go.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self.link = Link()
        self.cut = False
        self._ways: dict[tuple[str, int], asyncio.Future[_Way]] = {}

    async def open(self, host: str, port: int) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))

    def close(self) -> None:
        """Stop."""
        self._transport.close()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """From a client."""
        way = self._ways.get(address)
        if way is None:
            way = self._ways[address] = asyncio.ensure_future(self._connect(address))
        if way.done():
            way.result().push(data)
        else:
            way.add_done_callback(lambda done: done.result().push(data))

    async def _connect(self, client: tuple[str, int]) -> _Way:
        down = _Way(self, lambda data: None if self._transport.is_closing() else self._transport.sendto(data, client))
        loop = asyncio.get_running_loop()
        up, _ = await loop.create_datagram_endpoint(lambda: _Back(down), remote_addr=self._server)
        return _Way(self, up.sendto)
