"""What the clinic and its media process must agree on. Imports neither of them: both start without the other."""

from pathlib import Path

from teleconsult.config import Settings


def media_socket(settings: Settings) -> Path:
    """Where the media process listens for the house."""
    return settings.data_dir / "run" / "media.sock"


def ticket_key(settings: Settings) -> bytes:
    """What web mints tickets with and media verifies them by."""
    return settings.vault().subkey("tickets")
