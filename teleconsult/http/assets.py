"""Files for the browser: own ones under /static, built ones under /assets, both kept for ever by their content's name.

aiohttp serves the .br and .gz siblings by itself. Where nothing is built yet (tests) addresses still come out.
"""

import json
from functools import cache
from hashlib import sha256
from typing import Any

from aiohttp import web
from markupsafe import Markup, escape

from teleconsult.http.webroot import web_root

_FOR_EVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=300"


def mount_files(app: web.Application) -> None:
    """Serve /static and /assets."""
    for prefix, folder in (("/static", web_root() / "static"), ("/assets", web_root() / "dist" / "assets")):
        if folder.is_dir():
            app.router.add_static(prefix, folder, append_version=False)


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


def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite; with a label it is read aloud, without it is ornament."""
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {} focusable="false"><use href="{}#{}"/></svg>').format(
        told, asset("icons.svg"), escape(name)
    )


def forget_manifest() -> None:
    """Read the manifest anew; for development, after a build."""
    for read in (_read_manifest, _version):
        read.cache_clear()


def _manifest() -> dict[str, str]:
    return {name: str(entry["file"]) for name, entry in _read_manifest().items()}


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
