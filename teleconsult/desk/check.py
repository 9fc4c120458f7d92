"""The page that tries a device before a call, and the load that measures its line.

The load is noise of a bounded size: it says nothing, is never kept, and nothing on the way can make it smaller.
"""

import os
from functools import cache

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming
from teleconsult.http.guard import query_of
from teleconsult.http.jinja import page
from teleconsult.http.limits import read_body
from teleconsult.http.routing import Route, get, post

MOST_BYTES = 2 * 1024 * 1024
_BLOCK_BYTES = 64 * 1024


class LoadQuery(Incoming):
    """How many bytes are wanted."""

    size: int = Field(0, ge=0, le=MOST_BYTES)


class CheckPages:
    """The page and its load; it asks nobody."""

    def table(self) -> list[Route]:
        """All routes."""
        join = Permission.CALL_JOIN
        return [
            get("/check", self.show, join, page=True, summary="Try camera, microphone, loudspeaker and line"),
            get("/check/bytes", self.send, join, query=LoadQuery, summary="Bytes to measure the way down with"),
            post("/check/bytes", self.take, join, status=204, max_bytes=MOST_BYTES, summary="Bytes for the way up"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The page; the steps themselves are the script's."""
        return page(request, "desk/check.html")

    async def send(self, request: web.Request) -> web.StreamResponse:
        """GET /check/bytes?size=N: exactly so many, as fast as the line takes them."""
        left = query_of(request, LoadQuery).size
        kind = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store, no-transform"}
        response = web.StreamResponse(headers=kind)
        response.content_length = left
        await response.prepare(request)
        while left > 0:
            part = _noise()[:left]
            await response.write(part)
            left -= len(part)
        await response.write_eof()
        return response

    async def take(self, request: web.Request) -> web.Response:
        """POST /check/bytes: read and thrown away."""
        await read_body(request, MOST_BYTES)
        return web.Response(status=204)


@cache
def _noise() -> bytes:
    return os.urandom(_BLOCK_BYTES)
