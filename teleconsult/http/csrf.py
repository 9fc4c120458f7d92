"""Cross-site requests: a page of another site must not act with our cookie.

Two walls for every unsafe request, and for opening a WebSocket: what the browser says of its origin, and a token bound
to the session that only our own pages can read. Requests with a bearer token carry no cookie's power and are exempt.
Source: OWASP CSRF prevention cheat sheet, "signed double submit bound to the session"; Fetch Metadata.
"""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from teleconsult.actor import Actor
from teleconsult.errors import NotAllowed
from teleconsult.http.forms import CSRF_FIELD, field_of, is_form
from teleconsult.http.guard import actor_or_none, identify
from teleconsult.http.origin import own_hosts

CSRF_KEY: web.AppKey[bytes] = web.AppKey("csrf_key", bytes)
"""`vault.subkey("csrf")`."""

HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none", ""})


def token_for(key: bytes, actor: Actor | None) -> str:
    """The token of a session's pages; "" for a stranger, who has nothing to protect."""
    if actor is None or not actor.credential:
        return ""
    return hmac.new(key, f"csrf\0{actor.credential}".encode(), sha256).hexdigest()


def csrf_token(request: web.Request) -> str:
    """The token for the page that is being made."""
    return token_for(request.config_dict[CSRF_KEY], actor_or_none(request))


@web.middleware
async def csrf(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page sent."""
    opens_socket = request.headers.get("Upgrade", "").lower() == "websocket"
    if (request.method in _SAFE and not opens_socket) or request.headers.get("Authorization"):
        return await handler(request)
    _check_origin(request)
    actor = await identify(request) if request.cookies else None
    if actor is not None and not opens_socket:
        await _check_token(request, token_for(request.config_dict[CSRF_KEY], actor))
    return await handler(request)


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "") not in _OWN_SITE:
        raise _refused()
    if origin is not None and urlsplit(origin).netloc.lower() not in own_hosts(request):
        raise _refused()


async def _check_token(request: web.Request, expected: str) -> None:
    given = request.headers.get(HEADER, "")
    if not given and is_form(request):
        given = await field_of(request, CSRF_FIELD)
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise _refused()


def _refused() -> NotAllowed:
    return NotAllowed(
        "This page was open too long, or was not sent by this site. Load it again, then repeat what you did.",
        code="csrf",
    )
