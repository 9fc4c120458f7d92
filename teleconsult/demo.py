"""Starts the house: opens ports, prepares the data, runs the supervisor, says when and where it is ready.

`demo` and `serve` differ only in the sample county. The supervisor's process stays small: what needs the clinic's code
runs in children.
"""

import asyncio
import json
import os
import socket
import ssl
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from teleconsult.addresses import certificate_hosts, media_candidates
from teleconsult.bridges.agreed import media_names
from teleconsult.clock import SystemClock
from teleconsult.config import Bind, Settings, SettingsRefused
from teleconsult.processes import speak_json
from teleconsult.stations.ports import AET
from teleconsult.supervisor import ChildSpec, Supervisor, die_with_parent, dump, open_tcp
from teleconsult.tls import Identity, identity

_READY_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.1
_TRIES = 20
SAMPLE_FILE = "sample.json"
"""In the data directory of a demo: what its sample county told."""
PEER = "TELEPEER"
"""AE title of the one machine that the demo sends films to."""


def run(settings: Settings, *, as_json: bool, free_ports: bool, sample: bool = True) -> int:
    """Run until stopped; the exit status."""
    speak_json()  # also of a child that dies: standard output carries nothing but the one line
    try:
        return asyncio.run(_run(settings, as_json=as_json, free_ports=free_ports, sample=sample))
    except SettingsRefused as error:
        print(error, file=sys.stderr)  # noqa: T201 - the person at the console
        return 2
    except KeyboardInterrupt:
        return 0


async def _run(settings: Settings, *, as_json: bool, free_ports: bool, sample: bool) -> int:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings, doors = _open_ports(settings, free_ports=free_ports)
    site = _identity(settings)
    told = await _prepare(settings, sample=sample)
    if told is None:
        doors.close()
        return 1
    house = Supervisor(
        settings,
        [
            ChildSpec("web", ("child", "web"), {"http": doors.http, "mllp": doors.mllp}),
            *media_children(settings),
            ChildSpec("dimse", ("child", "dimse")),
        ],
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        announcing = group.create_task(_announce(settings, house, site, told, as_json=as_json))
        await running
        announcing.cancel()
    doors.close()
    return 0


def media_children(settings: Settings) -> list[ChildSpec]:
    """One media process or several. For a single one a spare waits; of several the others take over its rooms."""
    names = media_names(settings)
    return [ChildSpec(name, ("child", name), spare=len(names) == 1) for name in names]


@dataclass(frozen=True, slots=True)
class _Doors:
    """The sockets that stay open while a child restarts: who comes meanwhile waits in them."""

    http: socket.socket
    mllp: socket.socket

    def close(self) -> None:
        self.http.close()
        self.mllp.close()


def _open_ports(settings: Settings, *, free_ports: bool) -> tuple[Settings, _Doors]:
    with ExitStack() as undo:
        http = undo.enter_context(open_tcp(settings.http_bind))
        mllp = undo.enter_context(open_tcp(_free(settings.mllp_bind) if free_ports else settings.mllp_bind))
        dimse = _dimse_port(settings.dimse_bind, free_ports=free_ports)
        settings = settings.model_copy(
            update={
                "http_bind": Bind(settings.http_bind.host, http.getsockname()[1]),
                "mllp_bind": Bind(settings.mllp_bind.host, mllp.getsockname()[1]),
                "dimse_bind": Bind(settings.dimse_bind.host, dimse),
                "media_udp_port": _media_ports(settings, free_ports=free_ports),
            }
        )
        undo.pop_all()
    return settings, _Doors(http, mllp)


def _free(bind: Bind) -> Bind:
    return Bind(bind.host, 0)


def _dimse_port(bind: Bind, *, free_ports: bool) -> int:
    """A port that the listener can open: it opens its own socket, so this only looks, and closes it again."""
    for _ in range(_TRIES if free_ports else 1):
        with open_tcp(_free(bind) if free_ports else bind) as here:
            port = int(here.getsockname()[1])
            if not free_ports:
                return port
            with suppress(SettingsRefused), open_tcp(Bind("127.0.0.1", port + 1)):
                return port
    raise SettingsRefused(f"No free port was found on {bind.host} for DICOM.")


def _media_ports(settings: Settings, *, free_ports: bool) -> int:
    """The first of as many ports in a row as there are media processes: they open their own, so this only looks."""
    for _ in range(_TRIES if free_ports else 1):
        first = _media_port(settings, 0 if free_ports else settings.media_udp_port)
        try:
            for number in range(1, settings.media_processes):
                _media_port(settings, first + number)
        except SettingsRefused:
            if not free_ports:
                raise
        else:
            return first
    raise SettingsRefused(f"No free ports were found on {settings.http_bind.host} for calls.")


def _media_port(settings: Settings, port: int) -> int:
    host = settings.http_bind.host
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.bind((host, port))
        except OverflowError:
            raise SettingsRefused(f"There is no UDP port {port}: lower the first one.") from None
        except OSError as error:
            raise SettingsRefused(f"Cannot use UDP port {Bind(host, port)} for calls: {error.strerror}.") from None
        return int(udp.getsockname()[1])


def peer_port(settings: Settings) -> int:
    """Where the demo sends films that a C-MOVE asks for: the port after its own, on this machine."""
    return settings.dimse_bind.port + 1


def _identity(settings: Settings) -> Identity | None:
    if settings.http_bind.is_loopback:
        return None
    if settings.insecure_http:
        print(  # noqa: T201
            "Warning: plain HTTP beyond this machine. Passwords and films can be read on the way; "
            "browsers allow no camera. Use it only behind a proxy that speaks TLS.",
            file=sys.stderr,
        )
        return None
    return identity(settings.data_dir / "tls", certificate_hosts(settings.http_bind), SystemClock().now())


async def _prepare(settings: Settings, *, sample: bool) -> dict[str, Any] | None:
    """Migrations and, for a new demo, the sample county; in a child, so that its memory is given back."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "teleconsult", "child", "prepare-sample" if sample else "prepare",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent,
    )  # fmt: skip
    said, _ = await process.communicate(json.dumps({"settings": dump(settings), "sockets": {}}).encode())
    if process.returncode != 0:
        return None
    told = json.loads(said.decode().strip().splitlines()[-1]) if said.strip() else {}
    return dict(told)


async def _announce(
    settings: Settings, house: Supervisor, site: Identity | None, told: Mapping[str, Any], *, as_json: bool
) -> None:
    url = settings.public_url or base_url(settings)
    await _until_ready(settings, site)
    await _until_machines_can_call(settings)
    if as_json:
        line = json.dumps(_facts(settings, url, house, site, told), ensure_ascii=False)
        os.write(sys.stdout.fileno(), line.encode() + b"\n")
        return
    words = [f"Teleconsult is ready: {url}"]
    for role, link in told.get("links", {}).items():
        words.append(f"  {role:<22} {url}{link}")
    if "links" in told:
        words.append(f"  {'密码 password':<20} {told['password']}   (asked again before signing)")
        words.append(f"  DICOM {AET} at {settings.dimse_bind}, HL7 (MLLP) at {settings.mllp_bind}")
        words.append("The sample county's people and cases are made up. Ctrl-C stops the server.")
    print("\n".join(words), flush=True)  # noqa: T201


def _facts(
    settings: Settings, url: str, house: Supervisor, site: Identity | None, told: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "url": url,
        "dicomweb": f"{url}/dicomweb",
        "uploads": f"{url}/uploads",
        "whip": f"{url}/whip/{{room}}",
        "whep": f"{url}/whep/{{room}}",
        "ca": str(site.ca) if site else None,
        "media": {"host": media_candidates(settings)[0][0], "port": settings.media_udp_port},
        "dimse": {
            "host": _near(settings.dimse_bind.host),
            "port": settings.dimse_bind.port,
            "aet": AET,
            "move_to": {"aet": PEER, "port": peer_port(settings)},
        },
        "mllp": {"host": _near(settings.mllp_bind.host), "port": settings.mllp_bind.port},
        "pids": house.pids,
        "tokens": told.get("tokens", {}),
        "samples": told.get("samples", {}),
    }


def base_url(settings: Settings) -> str:
    """The address people type on this machine's network."""
    scheme = "http" if settings.http_bind.is_loopback or settings.insecure_http else "https"
    host = settings.http_bind.host
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = next(iter(media_candidates(settings)))[0]
    return f"{scheme}://{Bind(host, settings.http_bind.port)}"


async def _until_ready(settings: Settings, site: Identity | None) -> None:
    near = _near(settings.http_bind.host)
    scheme = "https" if site else "http"
    context = ssl.create_default_context(cafile=str(site.ca)) if site else None
    url = f"{scheme}://{Bind(near, settings.http_bind.port)}/readyz"

    def look() -> bool:
        with suppress(URLError, OSError), urlopen(url, timeout=2, context=context) as answer:  # noqa: S310
            return bool(answer.status == 200)
        return False

    async with asyncio.timeout(_READY_WITHIN_S):
        while not await asyncio.to_thread(look):  # noqa: ASYNC110 - another process; there is nothing to wait on
            await asyncio.sleep(_LOOK_EVERY_S)


async def _until_machines_can_call(settings: Settings) -> None:
    """The listener is another process: it is ready when its port takes a connection."""
    async with asyncio.timeout(_READY_WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(_near(settings.dimse_bind.host), settings.dimse_bind.port)
            except OSError:
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            writer.close()
            return


def _near(host: str) -> str:
    """An address at which this machine reaches itself."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
