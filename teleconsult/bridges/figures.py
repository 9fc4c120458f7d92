"""`GET /metrics`: figures of the web process and of the media processes in one Prometheus text. Numbers only.

Open to this machine and to administrators: a stranger learns not even how busy the house is.
"""

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from teleconsult.actor import Permission
from teleconsult.bridges.lines import Lines
from teleconsult.bridges.places import Places
from teleconsult.errors import NotFound
from teleconsult.http.guard import actor_or_none
from teleconsult.http.origin import address_of
from teleconsult.http.routing import Public, Route, get

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """The door.

    Args:
        places: The media processes.
        lines: The open WebSockets of this one.
    """

    def __init__(self, places: Places, lines: Lines) -> None:
        self._places = places
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
        text = f"# TYPE web_call_lines gauge\nweb_call_lines {self._lines.count}\n"
        whole = generate_latest(self._registry).decode() + text + await self._media()
        return web.Response(body=whole.encode(), headers={"Content-Type": _TYPE})

    async def _media(self) -> str:
        nodes = await self._places.nodes()
        told = await asyncio.gather(*(node.figures() for node in nodes))
        each = [f"# TYPE media_up gauge\nmedia_up {int(bool(text))}\n{text}" for text in told]
        if len(each) == 1:
            return each[0]
        return together({node.name: text for node, text in zip(nodes, each, strict=True)})


def together(texts: Mapping[str, str]) -> str:
    """The figures of several nodes as one text, each line with the label of its node.

    Args:
        texts: Node -> Prometheus text without labels.
    """
    lines: dict[str, list[str]] = {}
    for node, text in texts.items():
        for line in text.splitlines():
            if line.startswith("#"):
                lines.setdefault(line, [])
            else:
                name, _, value = line.partition(" ")
                kind = next(head for head in lines if head.startswith(f"# TYPE {name} "))
                lines[kind].append(f'{name}{{node="{node}"}} {value}')
    return "".join("\n".join([head, *values]) + "\n" for head, values in lines.items())


def _is_near(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
