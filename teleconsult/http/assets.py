"""Files for the browser: own ones under /static, built ones under /assets, both kept for ever by their content's name.

aiohttp serves the .br and .gz siblings of built files by itself; own texts are few and are squeezed here, in memory.
Where nothing is built yet (tests) addresses still come out.
"""

import gzip
import json
import mimetypes
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiohttp import web
from markupsafe import Markup, escape

from teleconsult.http.webroot import web_root

_FOR_EVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=300"
_TEXTS = frozenset({".css", ".svg"})


def mount_files(app: web.Application) -> None:
    """Serve /static and /assets."""
    app.router.add_get("/static/{name:.+}", _own_file)
    built = web_root() / "dist" / "assets"
    if built.is_dir():
        app.router.add_static("/assets", built, append_version=False)


async def _own_file(request: web.Request) -> web.StreamResponse:
    folder = (web_root() / "static").resolve()
    path = (folder / request.match_info["name"]).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise web.HTTPNotFound
    if path.suffix not in _TEXTS or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return web.FileResponse(path)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "Content-Type": f"{kind}; charset=utf-8"}
    return web.Response(body=_squeezed(path, path.stat().st_mtime_ns), headers=headers)


@lru_cache(maxsize=64)
def _squeezed(path: Path, _changed_ns: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9)


def cache_of(request: web.Request) -> str | None:
    """The Cache-Control of a file's address; None for what is no file."""
    if request.path.startswith("/assets/"):
        return _FOR_EVER
    if request.path.startswith("/static/"):
        return _FOR_EVER if "v" in request.query else _SHORT
    return None


def asset(name: str) -> str:
    """The address of a file: an entry of the built front end (`src/main.ts`) or one of `web/static`."""
    built = _manifest().get(name)
    return f"/{built}" if built else f"/static/{name}{_version(name)}"


def built_styles(name: str) -> list[str]:
    """Addresses of the styles a built entry brings with it."""
    return [f"/{file}" for file in _styles().get(name, [])]


@lru_cache(maxsize=1024)
def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite; with a label it is read aloud, without it is ornament."""
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {} focusable="false"><use href="{}#{}"/></svg>').format(
        told, asset("icons.svg"), escape(name)
    )


def forget_manifest() -> None:
    """Read the manifest anew; for development, after a build."""
    for read in (_read_manifest, _manifest, _styles, _version, icon):
        read.cache_clear()


@cache
def _manifest() -> dict[str, str]:
    return {name: str(entry["file"]) for name, entry in _read_manifest().items()}


@cache
def _styles() -> dict[str, list[str]]:
    return {name: list(entry.get("css", [])) for name, entry in _read_manifest().items()}


@cache
def _read_manifest() -> dict[str, dict[str, Any]]:
    path = web_root() / "dist" / ".vite" / "manifest.json"
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


@cache
def _version(name: str) -> str:
    path = web_root() / "static" / name
    return f"?v={sha256(path.read_bytes()).hexdigest()[:10]}" if path.is_file() else ""
