"""What a route is: its address, who may use it, what goes in and comes out. The guard, the docs and tests read it.

A room hands out a table of routes; nothing is reachable that does not say whom it needs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from teleconsult.actor import Permission

Handler = Callable[[web.Request], Awaitable[web.StreamResponse | BaseModel]]
"""A handler gives a response, or a model that is sent as JSON with the route's status."""

_SMALL_BYTES = 1 << 20

ROUTE_OF = "teleconsult_route"
"""Attribute of a mounted handler that names its route."""


class Public(Enum):
    """Needs nobody. Every use has a comment with its reason."""

    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Route:
    """One door.

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE.
        path: aiohttp's form, `/api/v1/patients/{id}`.
        handler: What answers.
        needs: The permission without which the handler is not reached.
        body: Model of the JSON body; validated before the handler runs, fetched with `guard.body_of`.
        query: Model of the query; fetched with `guard.query_of`.
        answer: Model of the answer, for the description.
        status: Of the good answer.
        creates: Honours Idempotency-Key (JSON) or the hidden field `idempotency_key` (forms).
        page: HTML: errors become pages, and who is not logged in is led to the log-in page.
        summary: One line for the description.
        max_bytes: Of the request's body.
    """

    method: str
    path: str
    handler: Handler
    needs: Permission | Public
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    creates: bool = False
    page: bool = False
    summary: str = ""
    max_bytes: int = _SMALL_BYTES


ROUTES: web.AppKey[list[Route]] = web.AppKey("routes", list)
"""All that were mounted, for the description and for tests."""


def get(path: str, handler: Handler, needs: Permission | Public, **more: Any) -> Route:
    """A route that reads."""
    return Route("GET", path, handler, needs, **more)


def post(path: str, handler: Handler, needs: Permission | Public, **more: Any) -> Route:
    """A route that makes or does something."""
    return Route("POST", path, handler, needs, **more)


def put(path: str, handler: Handler, needs: Permission | Public, **more: Any) -> Route:
    """A route that replaces."""
    return Route("PUT", path, handler, needs, **more)


def patch(path: str, handler: Handler, needs: Permission | Public, **more: Any) -> Route:
    """A route that changes a part."""
    return Route("PATCH", path, handler, needs, **more)


def delete(path: str, handler: Handler, needs: Permission | Public, **more: Any) -> Route:
    """A route that takes away."""
    return Route("DELETE", path, handler, needs, **more)


def route_of(request: web.Request) -> Route | None:
    """The route that a request has met, None for the tool houses' doors and for what is not there."""
    found = getattr(request.match_info.handler, ROUTE_OF, None)
    return found if isinstance(found, Route) else None
