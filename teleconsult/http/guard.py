"""Stands before every handler: who is it, may they, is the body what the route says. Never looks into a room."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from teleconsult.actor import Actor, Permission
from teleconsult.errors import NotAllowed, NotIdentified, Refused
from teleconsult.http import forms, idempotency
from teleconsult.http.bodies import check_text, load_json, validated
from teleconsult.http.limits import read_body
from teleconsult.http.origin import address_of
from teleconsult.http.routing import ROUTE_OF, ROUTES, Route

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows of itself; a value, so that rooms need not know requests.

    Attributes:
        authorization: The header, "" without one. Where it is given, cookies do not count.
        cookies: Name -> value.
        address: Network address.
    """

    authorization: str
    cookies: Mapping[str, str]
    address: str


Identify = Callable[[Credentials], Awaitable[Actor | None]]
IDENTIFY: web.AppKey[Identify] = web.AppKey("identify", Callable)  # type: ignore[arg-type]
"""Who shows these credentials, or None. The access room implements it, `app` sets it."""

_ACTOR: web.RequestKey[Actor | None] = web.RequestKey("actor", Actor)
_BODY: web.RequestKey[BaseModel] = web.RequestKey("validated_body", BaseModel)
_QUERY: web.RequestKey[BaseModel] = web.RequestKey("validated_query", BaseModel)


def credentials_of(request: web.Request) -> Credentials:
    """The credentials of a request."""
    return Credentials(request.headers.get("Authorization", ""), request.cookies, address_of(request))


async def identify(request: web.Request) -> Actor | None:
    """Find out who asks, once per request."""
    if _ACTOR not in request:
        request[_ACTOR] = await request.config_dict[IDENTIFY](credentials_of(request))
    return request[_ACTOR]


def actor_or_none(request: web.Request) -> Actor | None:
    """Who asks, None for a stranger; after `identify` has run."""
    return request.get(_ACTOR)


def actor_of(request: web.Request) -> Actor:
    """Who asks.

    Raises:
        NotIdentified: A stranger.
    """
    actor = actor_or_none(request)
    if actor is None:
        raise NotIdentified
    return actor


def body_of(request: web.Request, model: type[ModelT]) -> ModelT:
    """The validated JSON body of a route that names this model."""
    body = request[_BODY]
    if not isinstance(body, model):
        raise TypeError(f"the route's body is {type(body).__name__}, not {model.__name__}")
    return body


def query_of(request: web.Request, model: type[ModelT]) -> ModelT:
    """The validated query of a route that names this model."""
    query = request[_QUERY]
    if not isinstance(query, model):
        raise TypeError(f"the route's query is {type(query).__name__}, not {model.__name__}")
    return query


async def form_of(request: web.Request, model: type[ModelT]) -> ModelT:
    """The validated form of a page.

    Raises:
        FieldsRefused: Field -> what to do.
    """
    return await forms.form_of(request, model)


def mount(app: web.Application, routes: Sequence[Route]) -> None:
    """Put routes into an application, each behind the guard."""
    if ROUTES not in app:
        app[ROUTES] = []
    for route in routes:
        if route.method == "GET":
            app.router.add_get(route.path, guarded(route))  # answers HEAD too
        else:
            app.router.add_route(route.method, route.path, guarded(route))
        app[ROUTES].append(route)


def guarded(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A route's handler behind all checks, in the order: person, right, query, body, idempotency."""

    @wraps(route.handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        _check_address(request)
        actor = await identify(request)
        if isinstance(route.needs, Permission):
            if actor is None:
                raise NotIdentified
            if not actor.may(route.needs):
                raise NotAllowed
        if route.query is not None:
            request[_QUERY] = validated(route.query, _query_values(request))
        if route.body is not None:
            request[_BODY] = validated(route.body, await _json(request, route))

        async def run() -> web.StreamResponse:
            given = await route.handler(request)
            return given if isinstance(given, web.StreamResponse) else json_answer(given, route.status)

        if route.creates and actor is not None:
            return await idempotency.once(request, actor, run)
        return await run()

    setattr(handle, ROUTE_OF, route)
    return handle


def json_answer(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A model as a JSON response, for handlers that add headers."""
    text = model.model_dump_json()
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


def _check_address(request: web.Request) -> None:
    for text in (*request.match_info.values(), *request.query.keys(), *request.query.values()):
        check_text(text)


async def _json(request: web.Request, route: Route) -> object:
    if request.content_type not in ("application/json", "application/merge-patch+json"):
        raise Refused("Send this as application/json.", code="unsupported_type")
    return load_json(await read_body(request, route.max_bytes))


def _query_values(request: web.Request) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in request.query:
        found = request.query.getall(name)
        if name != "lang" and found != [""]:
            values[name] = found[0] if len(found) == 1 else found
    return values
