"""At which addresses this machine is reached: for the media port's candidates and the certificate."""

import ipaddress
import socket
from itertools import pairwise
from pathlib import Path

from teleconsult.config import Bind, Settings, SettingsRefused


def media_candidates(settings: Settings) -> tuple[tuple[str, int], ...]:
    """What browsers are told of the media port: on loopback 127.0.0.1; on an address, that one; else every global one.

    Raises:
        SettingsRefused: TELECONSULT_MEDIA_ANNOUNCE cannot be read.
    """
    host = settings.http_bind.host
    if settings.http_bind.is_loopback:
        found = ["127.0.0.1" if host == "localhost" else host]
    elif host in ("0.0.0.0", "::"):  # noqa: S104 - asked for by whoever set it
        found = own_addresses() or ["127.0.0.1"]
    else:
        found = [host]
    candidates = [(one, 0) for one in found]
    if settings.media_announce:
        candidates += [_announced(one.strip()) for one in settings.media_announce.split(",")]
    return tuple(dict.fromkeys(candidates))


def certificate_hosts(bind: Bind) -> list[str]:
    """Names and addresses the site's own certificate must carry."""
    if bind.host in ("0.0.0.0", "::"):  # noqa: S104
        return [*own_addresses(), "127.0.0.1", "localhost", socket.gethostname()]
    return list(dict.fromkeys([bind.host, "localhost", "127.0.0.1"]))


def own_addresses() -> list[str]:
    """This machine's IPv4 and global IPv6 addresses, loopback and link-local left out."""
    found: list[str] = []
    table = Path("/proc/net/fib_trie")
    if table.exists():
        lines = table.read_text().splitlines()
        for before, line in pairwise(lines):
            if "/32 host LOCAL" in line:
                found.append(before.split("|--")[-1].strip())
    six = Path("/proc/net/if_inet6")
    if six.exists():
        for line in six.read_text().splitlines():
            word, _, _, scope = line.split()[:4]
            if scope == "00":
                found.append(str(ipaddress.IPv6Address(bytes.fromhex(word))))
    return list(dict.fromkeys(one for one in found if not ipaddress.ip_address(one).is_loopback))


def _announced(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        host, port = text.strip("[]"), "0"
    try:
        socket.getaddrinfo(host.strip("[]"), None)
    except OSError:
        raise SettingsRefused(f"TELECONSULT_MEDIA_ANNOUNCE: {text} is not HOST or HOST:PORT.") from None
    return host.strip("[]"), int(port)
