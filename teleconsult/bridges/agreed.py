"""What the clinic and its media processes must agree on. Imports neither of them: both start without the other."""

from pathlib import Path

from teleconsult.config import Bind, Settings

MEDIA = "media"
"""The first media process, and of most sites the only one. Its name stands on the record of calls."""


def media_names(settings: Settings) -> tuple[str, ...]:
    """The media processes of this machine, as the supervisor and the record of calls call them."""
    return tuple(MEDIA if number == 0 else f"{MEDIA}-{number}" for number in range(settings.media_processes))


def media_number(name: str) -> int:
    """Which of them one is: what its port is counted from."""
    return int(name.removeprefix(MEDIA).removeprefix("-") or 0)


def media_socket(settings: Settings, name: str = MEDIA) -> Path:
    """Where a media process listens for the house."""
    return settings.data_dir / "run" / f"{name}.sock"


def line_bind(settings: Settings, name: str) -> Bind | None:
    """Where a media process listens for other machines of the site; None where there are none."""
    first = settings.media_bind
    return Bind(first.host, first.port + media_number(name)) if first else None


def media_journal(settings: Settings, name: str = MEDIA) -> Path:
    """Where it keeps what happened, until the clinic has it."""
    return settings.data_dir / "run" / ("happenings.jsonl" if name == MEDIA else f"happenings.{name}.jsonl")


def ticket_key(settings: Settings) -> bytes:
    """What web mints tickets with and media verifies them by."""
    return settings.vault().subkey("tickets")
