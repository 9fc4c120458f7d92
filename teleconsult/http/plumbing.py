"""Puts the plumbing into an application, in the one order that is right. Called by `app` and by tests."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.typedefs import Handler

from teleconsult.clock import Clock
from teleconsult.db import Database
from teleconsult.errors import Refused
from teleconsult.http import i18n
from teleconsult.http.assets import mount_files
from teleconsult.http.csrf import CSRF_KEY, csrf
from teleconsult.http.errors import tell_errors
from teleconsult.http.guard import IDENTIFY, Identify, identify, mount
from teleconsult.http.headers import set_headers
from teleconsult.http.idempotency import FIRST_ANSWERS, FirstAnswers
from teleconsult.http.openapi import description
from teleconsult.http.origin import PUBLIC_URL, TRUSTED_PROXIES
from teleconsult.vault import Vault

SERVER_OPTIONS: dict[str, Any] = {
    # What `plain_bodies` refuses must not have been unpacked on the way to it.
    "auto_decompress": False,
    "lingering_time": 5.0,
}
"""For `web.AppRunner(app, **SERVER_OPTIONS)`."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the plumbing must know of a site; the app takes it from the settings."""

    language: str = "zh_CN"
    time_zone: str = "Asia/Shanghai"
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    version: str = "0"


def install(app: web.Application, identify_with: Identify, database: Database, vault: Vault, site: Site) -> None:
    """Install middlewares, headers, files and the description of the doors. Rooms are mounted with `guard.mount`."""
    clock: Clock = database.clock
    app[IDENTIFY] = identify_with
    app[CSRF_KEY] = vault.subkey("csrf")
    app[FIRST_ANSWERS] = FirstAnswers(database, vault)
    app[i18n.CLOCK] = clock
    app[i18n.ZONE] = ZoneInfo(site.time_zone)
    app[i18n.DEFAULT_LANGUAGE] = site.language
    app[TRUSTED_PROXIES] = site.trusted_proxies
    if site.public_url:
        app[PUBLIC_URL] = site.public_url
    app.middlewares.extend((tell_errors, plain_bodies, known, csrf))
    app.on_response_prepare.append(set_headers)
    mount_files(app)
    mount(app, [description(site.version)])


@web.middleware
async def plain_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse compressed bodies at every door: a small one could become a huge one."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("Send the content without compression.", code="encoded_body")
    return await handler(request)


@web.middleware
async def known(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks before anything else looks; files need nobody."""
    if not request.path.startswith(("/static/", "/assets/")):
        await identify(request)
    return await handler(request)
