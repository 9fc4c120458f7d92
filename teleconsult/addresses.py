"""At which addresses this machine is reached: for the media port's candidates and the certificate."""

import fcntl
import ipaddress
import socket
import struct
from itertools import pairwise
from pathlib import Path

from teleconsult.config import Bind, Settings, SettingsRefused

_SIOCGIFADDR, _SIOCGIFNETMASK = 0x8915, 0x891B  # netdevice(7)
_IPV6_SITE = 64


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


def networks_of(host: str) -> tuple[str, ...]:
    """The networks that a listening address stands in: what "its own network" is. None for loopback.

    Args:
        host: An address, or one that means all of them.
    """
    own = own_addresses() if host in ("0.0.0.0", "::") else [host]  # noqa: S104
    found = []
    for one in own:
        try:
            address = ipaddress.ip_address(one)
        except ValueError:
            continue
        if not address.is_loopback:
            length = _IPV6_SITE if address.version == 6 else _masks().get(one, 32)
            found.append(str(ipaddress.ip_network(f"{one}/{length}", strict=False)))
    return tuple(dict.fromkeys(found))


def _masks() -> dict[str, int]:
    """IPv4 address -> length of its network's prefix, for each interface's first address."""
    found: dict[str, int] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            question = struct.pack("256s", name.encode()[:15])
            try:
                address = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, question)[20:24]
                mask = fcntl.ioctl(asking.fileno(), _SIOCGIFNETMASK, question)[20:24]
            except OSError:
                continue  # an interface without an IPv4 address
            found[socket.inet_ntoa(address)] = int.from_bytes(mask).bit_count()
    return found


def _announced(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        host, port = text.strip("[]"), "0"
    try:
        socket.getaddrinfo(host.strip("[]"), None)
    except OSError:
        raise SettingsRefused(f"TELECONSULT_MEDIA_ANNOUNCE: {text} is not HOST or HOST:PORT.") from None
    return host.strip("[]"), int(port)
