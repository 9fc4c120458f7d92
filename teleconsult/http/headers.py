"""What every answer tells the browser about safety. Pages may ask for a little more, by name, and nothing else."""

import re
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web

from teleconsult.http.assets import cache_of
from teleconsult.http.origin import is_secure

_PACKED = frozenset({"text/css", "image/svg+xml"})
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_WASM: web.ResponseKey[bool] = web.ResponseKey("wasm", bool)

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()",
    "Server": "teleconsult",
}


def allow_wasm(response: web.StreamResponse) -> None:
    """The reading room decodes films by WebAssembly: this one answer may compile it."""
    response[_WASM] = True


@lru_cache(maxsize=64)
def content_policy(host: str, *, wasm: bool = False) -> str:
    """The Content-Security-Policy: own files only, no inline script or style.

    Args:
        host: Host header; named for WebSockets, which old Safari does not count as 'self'.
        wasm: Whether WebAssembly may be compiled.
    """
    sockets = f" wss://{host} ws://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{' ' + chr(39) + 'wasm-unsafe-eval' + chr(39) if wasm else ''}",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self'",
            f"connect-src 'self'{sockets}",
            "worker-src 'self'",
            "manifest-src 'self'",
            "frame-src 'self'",
            "frame-ancestors 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: also streamed answers and those of the tool houses get them."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = _ALWAYS["Server"]
    policy = content_policy(request.host, wasm=bool(response.get(_WASM)))
    response.headers.setdefault("Content-Security-Policy", policy)
    kept = cache_of(request) if response.status in (200, 206, 304) else None
    if kept:
        response.headers["Cache-Control"] = kept
        if response.status == HTTPStatus.OK and response.content_type in _PACKED:
            # Own files lie there unpacked; built ones have packed siblings. Pages are not packed: they hold a token.
            response.enable_compression()
            response.headers["Vary"] = "Accept-Encoding"
    response.headers.setdefault("Cache-Control", "no-store")
    if is_secure(request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
