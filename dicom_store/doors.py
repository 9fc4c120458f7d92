"""What every HTTP door of the archive has in common: who asks, what they may do, how a refusal is said.

The one table of HTTP codes. It knows nothing of films: the rooms hand it a handler and the `Action` it needs, and an
architecture test reads that action back from `handler.permission`.
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from aiohttp import web

from dicom_store.errors import (
    ArchiveError,
    FilmRefused,
    LabRefused,
    NotAllowed,
    NotFound,
    NotIdentified,
    NotRenderable,
    QueryRefused,
    Refused,
    RequestRefused,
    StorageFull,
    Unavailable,
    UploadRefused,
)
from dicom_store.ports import Action, Caller, Credentials, Gatekeeper, Scope, Translate

_STATUS: dict[type[ArchiveError], int] = {
    NotIdentified: 401,
    NotAllowed: 403,
    NotFound: 404,
    FilmRefused: 409,
    QueryRefused: 400,
    LabRefused: 422,
    NotRenderable: 406,
    StorageFull: 507,
    Unavailable: 503,
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One identified request: who asks, and what they may touch with the door's action."""

    caller: Caller
    scope: Scope


Handler = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


class Door(Protocol):
    """An aiohttp handler that says what it demands."""

    permission: Action

    def __call__(self, request: web.Request) -> Awaitable[web.StreamResponse]:
        """Answer the request."""


def credentials_of(request: web.Request) -> Credentials:
    """Take from a request what says who it is."""
    return Credentials(
        authorization=request.headers.get("Authorization", ""),
        cookies=dict(request.cookies),
        address=request.remote or "",
    )


def door(action: Action, gatekeeper: Gatekeeper, translate: Translate) -> Callable[[Handler], Door]:
    """Wrap a handler: identify, ask for the scope, say refusals in the caller's language.

    Args:
        action: What the caller must be allowed; kept as `permission` on the wrapped handler.
        gatekeeper: Answers who asks and what they may touch.
        translate: Says refusals in the caller's language.
    """

    def wrap(handler: Handler) -> Door:
        async def enter(request: web.Request) -> web.StreamResponse:
            try:
                caller = await gatekeeper.identify(credentials_of(request))
                scope = await gatekeeper.scope(caller, action)
                return await handler(request, Visit(caller, scope))
            except ArchiveError as error:
                return problem(error, request.headers.get("Accept-Language", ""), translate)

        enter.__name__ = getattr(handler, "__name__", "enter")
        opened = cast("Door", enter)
        opened.permission = action
        return opened

    return wrap


def status_of(error: ArchiveError) -> int:
    """The HTTP status of an error; of the nearest class in the table."""
    if isinstance(error, RequestRefused | UploadRefused):
        return error.status
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)


def say(error: Refused | Unavailable, language: str, translate: Translate) -> str:
    """The error's sentence in the language an Accept-Language header asks for."""
    text = translate(error.message, language)
    fields: Mapping[str, object] = error.fields if isinstance(error, Refused) else {}
    return text.format(**fields) if fields else text


def problem(error: ArchiveError, language: str, translate: Translate) -> web.Response:
    """An RFC 9457 answer to an error of the tree; any other error is a bug and must not come here."""
    if not isinstance(error, Refused | Unavailable):
        raise error
    status = status_of(error)
    sentence = say(error, language, translate)
    body = {"type": "about:blank", "title": sentence, "status": status, "detail": sentence, "code": error.code}
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    return web.Response(
        status=status,
        body=json.dumps(body, ensure_ascii=False).encode(),
        content_type="application/problem+json",
        headers=headers,
    )
