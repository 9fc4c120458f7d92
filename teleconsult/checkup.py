"""A self-test of the installation that a county's IT person can print: each line says what, whether, and what to do."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from teleconsult.clock import SystemClock
from teleconsult.config import Settings
from teleconsult.db import Database
from teleconsult.http.webroot import web_root

_LEAST_FREE_BYTES = 5 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        good: Whether it is as it must be.
        advice: What to do where it is not.
    """

    what: str
    good: bool
    seen: str
    advice: str = ""


async def run(settings: Settings) -> tuple[bool, str]:
    """Look at everything; whether all is well, and the text."""
    looks: list[Callable[[Settings], Awaitable[Finding]]] = [
        _data, _space, _records, _redis, _pages, _fonts, _ports, _transport, _clock,
    ]  # fmt: skip
    findings = [await look(settings) for look in looks]
    lines = [f"{'OK ' if one.good else 'NO '} {one.what:<12} {one.seen}" for one in findings]
    lines += [f"    {one.what}: {one.advice}" for one in findings if not one.good]
    return all(one.good for one in findings), "\n".join(lines)


async def _data(settings: Settings) -> Finding:
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".probe"
        await asyncio.to_thread(probe.write_bytes, b"x")
        probe.unlink()
    except OSError as error:
        return Finding("data", False, f"{folder}: {error.strerror}", "Give this user the right to write there.")
    private = folder.stat().st_mode & 0o077 == 0
    return Finding("data", private, str(folder), "Others can read this folder: chmod 700.")


async def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.data_dir).free
    return Finding("disk", free > _LEAST_FREE_BYTES, f"{free >> 30} GiB free", "Films need room: 250 MB for one CT.")


async def _records(settings: Settings) -> Finding:
    database = Database(settings.clinic_database_url, SystemClock())
    try:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        return Finding(
            "records", False, type(error).__name__, "Look at TELECONSULT_DATABASE_URL, then `teleconsult migrate`."
        )
    finally:
        await database.close()
    return Finding("records", True, "SQLite" if database.is_sqlite else "PostgreSQL")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("redis", True, "not used: one web process")
    from redis.asyncio import from_url
    from redis.exceptions import RedisError

    client = from_url(settings.redis_url)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return Finding("redis", False, type(error).__name__, "Start Redis, or take TELECONSULT_REDIS_URL away.")
    finally:
        await client.aclose()
    return Finding("redis", True, "answers")


async def _pages(settings: Settings) -> Finding:
    built = (web_root() / "dist" / ".vite" / "manifest.json").is_file()
    return Finding("pages", built, "built" if built else "not built", "Run `make web`, or install the wheel.")


async def _fonts(settings: Settings) -> Finding:
    found = util.find_spec("noto_cjk_sans_otc") is not None
    return Finding("fonts", found, "Chinese" if found else "missing", "Opinions cannot be printed: install anew.")


async def _ports(settings: Settings) -> Finding:
    taken = []
    wanted = [
        (socket.SOCK_STREAM, settings.http_bind.port, "HTTP"),
        (socket.SOCK_DGRAM, settings.media_udp_port, "UDP"),
    ]
    for kind, port, name in wanted:
        with socket.socket(socket.AF_INET6 if ":" in settings.http_bind.host else socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.http_bind.host, port))
            except OSError:
                taken.append(f"{name} {port}")
    seen = f"in use: {', '.join(taken)}" if taken else "free"
    return Finding("ports", True, f"{seen} (in use is right while the server runs)")


async def _transport(settings: Settings) -> Finding:
    if settings.http_bind.is_loopback:
        return Finding("transport", True, "this machine only")
    if settings.insecure_http:
        return Finding("transport", False, "plain HTTP", "Put a proxy with TLS in front, or drop insecure HTTP.")
    return Finding("transport", True, "TLS")


async def _clock(settings: Settings) -> Finding:
    return await asyncio.to_thread(_time_service)


def _time_service() -> Finding:
    synchronised = Path("/run/systemd/timesync/synchronized").exists() or Path("/run/chrony").exists()
    seen = "kept by a time service" if synchronised else "no time service seen: check that the time is right"
    return Finding("clock", True, f"{SystemClock().now():%Y-%m-%d %H:%M} UTC, {seen}")
