"""What the web process does; `relay` and `listener` are the other two."""

import asyncio
import gc
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
import uvloop
from aiohttp import web

from dicom_store.heap import keep_pages
from teleconsult.addresses import certificate_hosts
from teleconsult.app import Clinic, build_web, open_clinic
from teleconsult.clock import SystemClock
from teleconsult.config import Settings, SettingsRefused
from teleconsult.demo import SAMPLE_FILE, base_url
from teleconsult.devices import machines_let_in, open_house
from teleconsult.http.plumbing import SERVER_OPTIONS, Site
from teleconsult.processes import Inheritance, inherit, speak_json, until_told_to_stop
from teleconsult.sample.doors import mount_sample_doors
from teleconsult.tls import identity

log = structlog.get_logger()

_READ_BUFFER_BYTES = 1 << 20
_BACKLOG = 1024
_SHUTDOWN_S = 5.0
_AGAIN_S = 1.0


def run() -> None:
    """Be the web process, until told to stop."""
    speak_json()
    keep_pages()
    try:
        # It passes films on with fewer copies.
        uvloop.run(_web(inherit()))
    except SettingsRefused as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


async def _web(given: Inheritance) -> None:
    settings = given.settings
    site = Site(
        language=settings.language,
        time_zone=settings.time_zone,
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
    )
    async with open_clinic(settings, settings.public_url or base_url(settings)) as clinic:
        app = build_web(clinic, site)
        app.router.add_get("/healthz", _alive)
        app.router.add_get("/readyz", _ready(clinic))
        if (sample := settings.data_dir / SAMPLE_FILE).exists():
            told = json.loads(sample.read_text())
            mount_sample_doors(app, clinic, told)
            if house := open_house(settings, told):
                clinic.stations.open_to(house)
        async with _background(clinic), machines_let_in(clinic, given):
            runner = web.AppRunner(
                app, access_log=None, shutdown_timeout=_SHUTDOWN_S, read_bufsize=_READ_BUFFER_BYTES, **SERVER_OPTIONS
            )
            await runner.setup()
            # What is here now stays: the collector need not look at it again and again while films come in.
            gc.collect()
            gc.freeze()
            await web.SockSite(runner, given.sockets["http"], ssl_context=_tls(settings), backlog=_BACKLOG).start()
            try:
                await until_told_to_stop()
            finally:
                await runner.cleanup()


@asynccontextmanager
async def _background(clinic: Clinic) -> AsyncIterator[None]:
    """The clinic's own tasks; one that fails is started again, for a clinic whose clocks stand still is broken."""

    async def keep(name: str) -> None:
        while True:
            try:
                await clinic.background()[name]()
            except Exception:
                log.exception("background.failed", task=name)
                await asyncio.sleep(_AGAIN_S)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep(name), name=name) for name in clinic.background()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="alive\n")


def _ready(clinic: Clinic) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def ready(request: web.Request) -> web.Response:
        await clinic.people.institutions()
        await clinic.archive.index.last_arrival()
        return web.Response(text="ready\n")

    return ready


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.http_bind.is_loopback or settings.insecure_http:
        return None
    own = identity(settings.data_dir / "tls", certificate_hosts(settings.http_bind), SystemClock().now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(own.certificate, own.key)
    return context
