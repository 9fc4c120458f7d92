"""Writes the configuration of a coturn server that relays to our media port's addresses and nowhere else.

Browsers behind firewalls that let only TCP or TLS out reach the media port through it. It shares one secret with the
exchange; everything else here follows from the settings. Printed, never installed: whoever runs the server reads it.

Source: coturn 4.6's `turnserver.conf`; RFC 8656 (TURN), RFC 7065 (`turn:` addresses).
"""

import ipaddress
import re
import socket
from dataclasses import dataclass

from teleconsult.addresses import media_candidates
from teleconsult.config import Settings, SettingsRefused

_ADDRESS = re.compile(r"(turns?):(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?")
_PLAIN_PORT, _TLS_PORT, _HTTPS_PORT = 3478, 5349, 443
_LEAST_SECRET_CHARS = 24
_ALL = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")


@dataclass(frozen=True, slots=True)
class TurnAddress:
    """One `turn:` or `turns:` address."""

    tls: bool
    host: str
    port: int


def read_address(text: str) -> TurnAddress | None:
    """Read one address; None for another kind of server.

    Raises:
        SettingsRefused: It is neither `turn:`, `turns:` nor `stun:`.
    """
    if text.startswith(("stun:", "stuns:")):
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found[3] or 1) < 65536:
        raise SettingsRefused(f"TELECONSULT_TURN_URLS: {text} is not like turn:turn.example.org:3478?transport=udp.")
    tls = found[1] == "turns"
    return TurnAddress(tls, found[2].strip("[]"), int(found[3] or (_TLS_PORT if tls else _PLAIN_PORT)))


def configuration(settings: Settings) -> str:
    """The text of `turnserver.conf`, with the lines for nginx behind it where TLS is asked for on 443.

    Raises:
        SettingsRefused: No address or secret is set, or one cannot be used.
    """
    addresses = [address for text in settings.turn_urls if (address := read_address(text))]
    if not addresses:
        raise SettingsRefused(
            "Set TELECONSULT_TURN_URLS first, like turn:turn.example.org:3478?transport=udp,"
            "turn:turn.example.org:3478?transport=tcp,turns:turn.example.org:443?transport=tcp."
        )
    secret = settings.turn_secret.get_secret_value() if settings.turn_secret else ""
    if len(secret) < _LEAST_SECRET_CHARS or not secret.isprintable() or not secret.isascii() or " " in secret:
        raise SettingsRefused(
            f"Set TELECONSULT_TURN_SECRET to at least {_LEAST_SECRET_CHARS} letters and digits "
            "(`openssl rand -hex 32` makes some)."
        )
    plain = next((one.port for one in addresses if not one.tls), _PLAIN_PORT)
    secure = next((one for one in addresses if one.tls), None)
    lines = [
        "# coturn for this site, written by `teleconsult turn-config`: put it into /etc/turnserver.conf, readable by",
        "# the user turnserver alone, because it holds the secret.",
        f"listening-port={plain}",
        *_tls(secure),
        "min-port=49152",
        "max-port=65535",
        "# Behind an address translation: external-ip=PUBLIC/PRIVATE",
        "",
        "# Credentials come from the exchange, each good for two hours.",
        "use-auth-secret",
        f"static-auth-secret={secret}",
        f"realm={addresses[0].host}",
        "fingerprint",
        "stale-nonce=600",
        "user-quota=16",
        "total-quota=2000",
        "",
        "# It relays to the media port's addresses and to nothing else: not to this machine's other services by",
        "# loopback, not into the hospital's network, not to the internet.",
        *(f"denied-peer-ip={one}" for one in _ALL),
        *(f"allowed-peer-ip={one}" for one in peers(settings)),
        "no-multicast-peers",
        "no-tcp-relay",
        "",
        "no-cli",
        "no-tlsv1",
        "no-tlsv1_1",
        "no-rfc5780",
        "no-software-attribute",
        *_firewall(settings),
        *(_nginx(secure) if secure and secure.port == _HTTPS_PORT else ()),
    ]
    return "\n".join(lines) + "\n"


def peers(settings: Settings) -> tuple[str, ...]:
    """The media port's addresses as browsers are told of them."""
    found: dict[str, None] = {}
    for host, _ in media_candidates(settings):
        for one in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM):
            found[str(one[4][0]).partition("%")[0]] = None
    return tuple(found)


def _tls(secure: TurnAddress | None) -> list[str]:
    if secure is None:
        return ["no-tls", "no-dtls"]
    port = _TLS_PORT if secure.port == _HTTPS_PORT else secure.port
    return [
        f"tls-listening-port={port}",
        f"cert=/etc/letsencrypt/live/{secure.host}/fullchain.pem",
        f"pkey=/etc/letsencrypt/live/{secure.host}/privkey.pem",
    ]


def _firewall(settings: Settings) -> list[str]:
    """Judging ports is the kernel's part: coturn judges addresses only."""
    lines = [
        "",
        "# coturn cannot limit ports. On its own machine, for nftables (these lines are not part of this file):",
    ]
    for one in peers(settings):
        kind = "ip6" if ipaddress.ip_address(one).version == 6 else "ip"
        rule = f"meta skuid turnserver {kind} daddr {one} udp dport != {_span(settings.media_ports)} drop"
        lines.append(f"#   nft add rule inet filter output {rule}")
    return lines


def _span(ports: range) -> str:
    return f"{ports[0]}-{ports[-1]}" if len(ports) > 1 else f"{ports[0]}"


def _nginx(secure: TurnAddress) -> list[str]:
    text = f"""
TLS on 443 beside the pages: nginx tells them apart by name (these lines are for nginx.conf, not for this file):
  stream {{
    map $ssl_preread_server_name $behind {{
      {secure.host}  127.0.0.1:{_TLS_PORT};
      default  127.0.0.1:8443;  # where nginx serves the pages now
    }}
    server {{ listen 443; listen [::]:443; ssl_preread on; proxy_pass $behind; }}
  }}"""
    return [f"# {line}".rstrip() if line else "" for line in text.splitlines()]
