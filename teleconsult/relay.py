"""A media process. It imports the exchange and nothing of the clinic: after a kill, calls are back in a moment."""

import os
import sys

import uvloop
from aiohttp import web

from signaling.certificate import self_made
from teleconsult.addresses import media_candidates
from teleconsult.bridges.agreed import line_bind, media_socket
from teleconsult.bridges.exchange import exchange_app
from teleconsult.clock import SystemClock
from teleconsult.config import SettingsRefused
from teleconsult.processes import Inheritance, inherit, speak_json_plainly, until_told_to_stop

_SHUTDOWN_S = 1.0
"""The clinic always waits at the control line for what happens; nobody waits for that question to end."""


def run(name: str) -> None:
    """Relay until told to stop, as the media process of this name."""
    speak_json_plainly()
    try:
        uvloop.run(_relay(inherit(), name))  # a packet's wake-up is a good part of its cost
    except SettingsRefused as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


async def _relay(given: Inheritance, name: str) -> None:
    settings = given.settings
    bind, fingerprint, tls = line_bind(settings, name), b"", None
    if bind is not None:
        tls, fingerprint = self_made(SystemClock().now())
    app = exchange_app(settings, name, media_candidates(settings), fingerprint)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    if bind is not None:
        await web.TCPSite(runner, bind.host, bind.port, ssl_context=tls).start()
    path = media_socket(settings, name)
    path.unlink(missing_ok=True)
    await _listen_at_home(runner, str(path))
    try:
        await until_told_to_stop()
    finally:
        await runner.cleanup()


async def _listen_at_home(runner: web.AppRunner, path: str) -> None:
    before = os.umask(0o177)  # the control line is for this user only
    try:
        await web.UnixSite(runner, path).start()
    finally:
        os.umask(before)
