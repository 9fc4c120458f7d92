"""Where a request comes from: address, scheme, host. Believes a proxy only when the settings name it."""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

TRUSTED_PROXIES: web.AppKey[tuple[str, ...]] = web.AppKey("trusted_proxies", tuple)
"""Addresses or networks whose X-Forwarded-* headers are believed."""

PUBLIC_URL: web.AppKey[str] = web.AppKey("public_url", str)
"""The site's own address, when it is known; else the Host header is the origin."""


def address_of(request: web.Request) -> str:
    """The network address of the one who asks; "" over a Unix socket."""
    address = request.remote or ""
    if not _is_trusted(request, address):
        return address
    forwarded = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
    for hop in reversed([part for part in forwarded if part][-20:]):
        address = hop
        if not _is_trusted(request, hop):
            break
    return address if _is_address(address) else (request.remote or "")


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy we trust."""
    if request.secure:
        return True
    return _is_trusted(request, request.remote or "") and request.headers.get("X-Forwarded-Proto", "") == "https"


def own_hosts(request: web.Request) -> frozenset[str]:
    """Host and port by which this site is called, lower case."""
    hosts = {request.host.lower()}
    public = request.config_dict.get(PUBLIC_URL)
    if public:
        hosts.add(urlsplit(public).netloc.lower())
    return frozenset(hosts)


def _is_trusted(request: web.Request, address: str) -> bool:
    networks: tuple[str, ...] = request.config_dict.get(TRUSTED_PROXIES, ())
    if not networks or not _is_address(address):
        return False
    return any(ip_address(address) in ip_network(network, strict=False) for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
