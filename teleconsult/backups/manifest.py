"""What a backup holds: every file with its length and hash, and what must be known to put it back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from teleconsult.config import SettingsRefused

NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One file.

    Attributes:
        bytes: Its length.
        sha256: Hexadecimal.
    """

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole backup.

    Attributes:
        taken_at: ISO 8601, UTC.
        key: Fingerprint of the site's key: says which key opens it, and nothing about the key.
        postgresql: Names of files that are dumps of PostgreSQL, by what they hold: `clinic`, `archive`.
        with_key: Whether the key lies in the backup.
        films_elsewhere: Whether films lie in an object storage that this backup does not hold.
        files: Path inside the backup, with `/` -> the file.
    """

    taken_at: str
    key: str
    postgresql: Mapping[str, str]
    with_key: bool
    films_elsewhere: bool
    files: Mapping[str, Entry]

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(entry.bytes for entry in self.files.values())

    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1, sort_keys=True)


def read(folder: Path) -> Manifest:
    """A backup's manifest.

    Raises:
        SettingsRefused: The folder is no backup, or one of another version.
    """
    try:
        given: dict[str, Any] = json.loads((folder / NAME).read_text())
        if given.pop("format") != FORMAT:
            raise SettingsRefused(f"{folder} was made by another version of this program.")
        files = {name: Entry(**entry) for name, entry in given.pop("files").items()}
        return Manifest(files=files, **given)
    except OSError:
        raise SettingsRefused(f"{folder} is not a backup: it has no {NAME}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsRefused(f"{folder} is not a backup: its {NAME} cannot be read.") from None
