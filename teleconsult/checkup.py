"""A self-test of the installation that a county's IT person can print: each line says what, whether, and what to do."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import util
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from teleconsult.backups.databases import is_postgresql
from teleconsult.clock import SystemClock
from teleconsult.config import Bind, Settings, SettingsRefused
from teleconsult.db import Database
from teleconsult.http.bodies import N_
from teleconsult.http.i18n import translate
from teleconsult.http.webroot import web_root
from teleconsult.migrations import current, newest
from teleconsult.vault import Unreadable

_LEAST_FREE_BYTES = 5 << 30
_PATIENCE_S = 3.0
_SOON_DAYS = 30
_AUTHORITY = "reports/authority"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. Its texts are message ids.

    Attributes:
        what: What was looked at.
        good: Whether it is as it must be.
        seen: What was found.
        advice: What to do where it is not as it must be.
        fields: Values for the texts.
    """

    what: str
    good: bool
    seen: str
    advice: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


async def run(settings: Settings) -> tuple[bool, str]:
    """Look at everything; whether all is well, and the text in the site's language."""
    looks: list[Callable[[Settings], Awaitable[Finding]]] = [
        _data, _space, _key, _records, _films, _redis, _pages, _fonts, _server, _ports, _transport, _tools, _clock,
    ]  # fmt: skip
    findings = [await look(settings) for look in looks]
    return all(one.good for one in findings), told(findings, settings.language)


def told(findings: list[Finding], language: str) -> str:
    """The lines, what must be mended at the end once more."""

    def say(text: str, one: Finding) -> str:
        return translate(text, language, **one.fields)

    good, bad = translate(N_("good"), language), translate(N_("MEND"), language)
    lines = [f"[{good if one.good else bad}] {say(one.what, one)}: {say(one.seen, one)}" for one in findings]
    mend = [f"  {say(one.what, one)}: {say(one.advice, one)}" for one in findings if not one.good]
    if not mend:
        return "\n".join([*lines, translate(N_("Everything is as it should be."), language)])
    return "\n".join([*lines, translate(N_("To be mended:"), language), *mend])


async def _data(settings: Settings) -> Finding:
    what, folder = N_("Data folder"), settings.data_dir.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".probe"
        await asyncio.to_thread(probe.write_bytes, b"x")
        probe.unlink()
    except OSError as error:
        advice = N_("Give this user the right to write there.")
        return Finding(what, False, "{folder}: {error}", advice, {"folder": folder, "error": error.strerror})
    private = folder.stat().st_mode & 0o077 == 0
    return Finding(
        what, private, "{folder}", N_("Others can read this folder: chmod 700 {folder}."), {"folder": folder}
    )


async def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.data_dir).free
    advice = N_("Films need room: one CT takes about 250 MB. Clear the disk, or move the data to a larger one.")
    return Finding(N_("Disk"), free > _LEAST_FREE_BYTES, N_("{free} GiB free"), advice, {"free": free >> 30})


async def _key(settings: Settings) -> Finding:
    """Whether the key is there, and opens what was sealed with it."""
    what, kept = N_("Key"), settings.data_dir / "secret.key"
    if settings.secret_key is None and not await asyncio.to_thread(kept.exists):
        return Finding(what, True, N_("none yet; it is made at the first start. Then keep a copy of it elsewhere."))
    try:
        vault = settings.vault()
        sealed = settings.data_dir / "signing" / "authority.sealed"
        if await asyncio.to_thread(sealed.exists):
            vault.open(await asyncio.to_thread(sealed.read_bytes), _AUTHORITY)
    except (Unreadable, OSError, SettingsRefused):
        return Finding(what, False, N_("does not open this site's data"), N_("Put the right secret.key in its place."))
    if settings.secret_key is not None:
        return Finding(what, True, N_("from the settings"))
    private = kept.stat().st_mode & 0o077 == 0
    advice = N_("Others can read the key: chmod 600 {file}.")
    return Finding(what, private, N_("{file}; keep a copy of it elsewhere"), advice, {"file": kept.absolute()})


async def _records(settings: Settings) -> Finding:
    what, version = N_("Records"), None
    database = Database(settings.clinic_database_url, SystemClock())
    file = database.engine.url.database or ""
    try:
        if not database.is_sqlite or await asyncio.to_thread(Path(file).exists):
            async with database.engine.connect() as connection:
                version = await connection.run_sync(current)
    except (SQLAlchemyError, OSError) as error:
        advice = N_("Look at TELECONSULT_DATABASE_URL: the database does not answer.")
        return Finding(what, False, "{error}", advice, {"error": type(error).__name__})
    finally:
        await database.close()
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    advice = N_("Run: teleconsult migrate")
    if version is None:
        return Finding(what, False, N_("{kind}, empty"), advice, {"kind": kind})
    return Finding(what, version == newest(), "{kind}, {version}", advice, {"kind": kind, "version": version})


async def _films(settings: Settings) -> Finding:
    if settings.blob_url is not None:
        return Finding(N_("Films"), True, N_("in the object storage"))
    packs = settings.data_dir / "archive" / "packs"
    size = await asyncio.to_thread(lambda: sum(one.stat().st_size for one in packs.rglob("*.pack")))
    return Finding(N_("Films"), True, N_("{size} MiB on this disk"), fields={"size": size >> 20})


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("Redis", True, N_("not used: one web process"))
    from redis.asyncio import from_url
    from redis.exceptions import RedisError

    client = from_url(settings.redis_url)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        advice = N_("Start Redis, or take TELECONSULT_REDIS_URL away.")
        return Finding("Redis", False, "{error}", advice, {"error": type(error).__name__})
    finally:
        await client.aclose()
    return Finding("Redis", True, N_("answers"))


async def _pages(settings: Settings) -> Finding:
    built = (web_root() / "dist" / ".vite" / "manifest.json").is_file()
    seen = N_("built") if built else N_("not built")
    return Finding(N_("Web pages"), built, seen, N_("Run `make web`, or install the wheel."))


async def _fonts(settings: Settings) -> Finding:
    found = util.find_spec("noto_cjk_sans_otc") is not None
    seen = N_("Chinese is there") if found else N_("missing")
    return Finding(N_("Fonts"), found, seen, N_("Opinions cannot be printed: install the program anew."))


def _near(bind: Bind) -> Bind:
    return Bind({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind.host, bind.host), bind.port)  # noqa: S104


async def _server(settings: Settings) -> Finding:
    """Whether the server runs: that it does not is no fault."""
    runs = await asyncio.to_thread(_answers, settings)
    seen = N_("answers at {bind}") if runs else N_("does not run at {bind} now")
    return Finding(N_("Server"), True, seen, fields={"bind": settings.http_bind})


def _answers(settings: Settings) -> bool:
    plain = settings.http_bind.is_loopback or settings.insecure_http
    ca = settings.data_dir / "tls" / "ca.pem"
    context = ssl.create_default_context(cafile=str(ca)) if not plain and ca.exists() else None
    url = f"{'http' if plain else 'https'}://{_near(settings.http_bind)}/readyz"
    try:
        with urlopen(url, timeout=_PATIENCE_S, context=context) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError, ValueError):
        return False


async def _ports(settings: Settings) -> Finding:
    wanted = (
        (socket.SOCK_STREAM, settings.http_bind, "HTTP"),
        (socket.SOCK_STREAM, settings.dimse_bind, "DICOM"),
        (socket.SOCK_STREAM, settings.mllp_bind, "HL7"),
        *((socket.SOCK_DGRAM, Bind(settings.http_bind.host, port), "UDP") for port in settings.media_ports),
    )
    taken = [f"{name} {bind.port}" for kind, bind, name in wanted if not _is_free(kind, bind)]
    if not taken:
        return Finding(N_("Ports"), True, N_("all free"))
    seen = N_("in use: {taken}; that is right while the server runs")
    return Finding(N_("Ports"), True, seen, fields={"taken": ", ".join(taken)})


def _is_free(kind: socket.SocketKind, bind: Bind) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in bind.host else socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind.host, bind.port))
        except OSError:
            return False
    return True


async def _transport(settings: Settings) -> Finding:
    what = N_("Encryption on the way")
    if settings.http_bind.is_loopback:
        return Finding(what, True, N_("not needed: only this machine is served"))
    if settings.insecure_http:
        return Finding(what, False, N_("none: plain HTTP"), N_("Put a proxy with TLS in front, or drop insecure HTTP."))
    file = settings.data_dir / "tls" / "ca.pem"
    if not await asyncio.to_thread(file.exists):
        return Finding(what, True, N_("TLS; the certificate is made at the first start"))
    certificate = x509.load_pem_x509_certificate(await asyncio.to_thread(file.read_bytes))
    left = (certificate.not_valid_after_utc - SystemClock().now()).days
    seen = N_("TLS; the site's own CA is valid for {left} more days")
    return Finding(what, left > _SOON_DAYS, seen, N_("Remove {file} and start anew."), {"left": left, "file": file})


async def _tools(settings: Settings) -> Finding:
    """What `backup` needs."""
    what = N_("Backup")
    if not is_postgresql(settings.database_url) and not is_postgresql(settings.archive_database_url):
        return Finding(what, True, N_("teleconsult backup FOLDER needs nothing more"))
    there = shutil.which("pg_dump") is not None and shutil.which("pg_restore") is not None
    seen = N_("pg_dump is there") if there else N_("pg_dump is missing")
    return Finding(what, there, seen, N_("Install the package postgresql-client."))


async def _clock(settings: Settings) -> Finding:
    kept = await asyncio.to_thread(
        lambda: any(Path(one).exists() for one in ("/run/systemd/timesync/synchronized", "/run/chrony"))
    )
    seen = N_("{now} UTC, kept by a time service") if kept else N_("{now} UTC; no time service seen: is it right?")
    now: datetime = SystemClock().now().astimezone(UTC)
    return Finding(N_("Time"), True, seen, fields={"now": f"{now:%Y-%m-%d %H:%M}"})
