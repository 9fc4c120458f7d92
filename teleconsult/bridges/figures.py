"""`GET /metrics`: figures of the web process and of the media process in one Prometheus text. Numbers only.

Open to this machine and to administrators: a stranger learns not even how busy the house is.
"""

from ipaddress import ip_address

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from teleconsult.actor import Permission
from teleconsult.bridges.lines import Lines
from teleconsult.bridges.node import Node
from teleconsult.errors import NotFound
from teleconsult.http.guard import actor_or_none
from teleconsult.http.origin import address_of
from teleconsult.http.routing import Public, Route, get

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """The door.

    Args:
        node: The media process.
        lines: The open WebSockets of this one.
    """

    def __init__(self, node: Node, lines: Lines) -> None:
        self._node = node
        self._lines = lines
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def table(self) -> list[Route]:
        """All routes."""
        # A collector on this machine shows nothing of itself; who comes from elsewhere is judged in the handler.
        return [get("/metrics", self.show, Public.PUBLIC, summary="Figures for Prometheus")]

    async def show(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        actor = actor_or_none(request)
        if not _is_near(address_of(request)) and (actor is None or not actor.may(Permission.SETTINGS_WRITE)):
            raise NotFound
        media = await self._node.figures()
        own = {"web_call_lines": self._lines.count, "media_up": int(bool(media))}
        text = "".join(f"# TYPE {name} gauge\n{name} {value}\n" for name, value in own.items())
        whole = generate_latest(self._registry).decode() + text + media
        return web.Response(body=whole.encode(), headers={"Content-Type": _TYPE})


def _is_near(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
