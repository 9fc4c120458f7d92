"""The clinic and the exchange: how a media process is set up from the clinic's settings."""

from collections.abc import Sequence

from aiohttp import web

from signaling.app import create_app
from signaling.config import ExchangeSettings, IceServer, Neighbours
from signaling.shelf import SealedShelf
from teleconsult.bridges.agreed import line_bind, media_journal, media_number, ticket_key
from teleconsult.config import Settings


def exchange_app(
    settings: Settings, name: str, candidates: Sequence[tuple[str, int]], fingerprint: bytes = b""
) -> web.Application:
    """One media process of this site, to be served on the house's own socket.

    Args:
        settings: Of the site.
        name: Which.
        candidates: Where browsers reach the media port; port 0 is the port itself.
        fingerprint: Of the certificate with which it serves other machines.
    """
    bind, neighbours = line_bind(settings, name), None
    if bind is not None:
        neighbours = Neighbours(settings.redis_url or "", f"https://{bind}", fingerprint.hex())
    return create_app(
        ExchangeSettings(
            ticket_key=ticket_key(settings),
            name=str(bind)[:40] if bind else name,
            neighbours=neighbours,
            udp_host=settings.http_bind.host,
            udp_port=settings.media_udp_port and settings.media_udp_port + media_number(name),
            announce=tuple(candidates),
            journal=media_journal(settings, name),
            ice_servers=tuple(IceServer((url,)) for url in settings.turn_urls),
            shelf=SealedShelf(settings.data_dir / "recordings", settings.vault().subkey("recordings")),
            turn_secret=settings.turn_secret.get_secret_value().encode() if settings.turn_secret else b"",
        )
    )
