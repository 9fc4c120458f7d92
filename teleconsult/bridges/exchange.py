"""The clinic and the exchange: how a media process is set up from the clinic's settings."""

from collections.abc import Sequence

from aiohttp import web

from signaling.app import create_app
from signaling.config import ExchangeSettings, IceServer
from signaling.shelf import SealedShelf
from teleconsult.bridges.agreed import ticket_key
from teleconsult.config import Settings


def exchange_app(settings: Settings, candidates: Sequence[tuple[str, int]]) -> web.Application:
    """The exchange of this site, to be served on the house's own socket.

    Args:
        settings: Of the site.
        candidates: Where browsers reach the media port; port 0 is the port itself.
    """
    return create_app(
        ExchangeSettings(
            ticket_key=ticket_key(settings),
            udp_host=settings.http_bind.host,
            udp_port=settings.media_udp_port,
            announce=tuple(candidates),
            journal=settings.data_dir / "run" / "happenings.jsonl",
            ice_servers=tuple(IceServer((url,)) for url in settings.turn_urls),
            shelf=SealedShelf(settings.data_dir / "recordings", settings.vault().subkey("recordings")),
            turn_secret=settings.turn_secret.get_secret_value().encode() if settings.turn_secret else b"",
        )
    )
