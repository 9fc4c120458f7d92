"""Pure: what a participant is told of TURN servers. Credentials by a shared secret, good for one call's length.

The TURN server knows the same secret and asks nobody; a name in it says nothing about a person, because servers log it.

Source: draft-uberti-behave-turn-rest-00 (as coturn's `use-auth-secret`); RFC 9725 4.6 for the `Link` form.
"""

from base64 import b64encode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from hmac import digest

from signaling.config import ExchangeSettings, IceServer

LIFETIME = timedelta(hours=2)
"""How long a credential that leaked makes new allocations, to our port only; one that was made lives on."""
_STEP_S = 60
_NAME_BYTES = 12


def credentials(secret: bytes, participant: str, now: datetime) -> tuple[str, str]:
    """User name and password.

    Args:
        secret: Shared with the TURN server.
        participant: Whose; its name does not appear.
        now: Aware.
    """
    expires = int((now + LIFETIME).timestamp()) // _STEP_S * _STEP_S
    alias = urlsafe_b64encode(digest(secret, b"participant " + participant.encode(), sha256)[:_NAME_BYTES]).decode()
    name = f"{expires}:{alias}"
    return name, b64encode(digest(secret, name.encode(), sha1)).decode()


def ice_servers(settings: ExchangeSettings, participant: str, now: datetime) -> tuple[IceServer, ...]:
    """What one participant is told: TURN with credentials of its own, anything else as it was set."""
    if not settings.turn_secret:
        return settings.ice_servers
    told = []
    for server in settings.ice_servers:
        if any(url.startswith(("turn:", "turns:")) for url in server.urls):
            name, password = credentials(settings.turn_secret, participant, now)
            told.append(IceServer(server.urls, name, password))
        else:
            told.append(server)
    return tuple(told)


def links(servers: tuple[IceServer, ...]) -> list[str]:
    """The same as values of `Link` headers, for WHIP and WHEP."""
    found = []
    for server in servers:
        for url in server.urls:
            link = f'<{url}>; rel="ice-server"'
            if server.username:
                link += f'; username="{server.username}"; credential="{server.credential}"; credential-type="password"'
            found.append(link)
    return found
