"""What became of the files of a finished upload: values and their JSON. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from dicom_store.errors import Refused
from dicom_store.model import Door, InstitutionId, Origin, Stored


class Fate(StrEnum):
    """What became of one file."""

    VERIFIED = "verified"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file of an upload.

    Attributes:
        name: As the person knows it.
        reason: A gettext msgid, for a file that was not kept.
        fields: Values for the reason.
        code: The reason as a word for scripts.
        duplicate: Verified, and was there before.
    """

    name: str
    fate: Fate
    study: str = ""
    series: str = ""
    instance: str = ""
    digest: str = ""
    duplicate: bool = False
    reason: str = ""
    code: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class About:
    """What an upload is, from its creation on.

    Attributes:
        length: Bytes it will have.
        metadata: The client's words about the file.
        origin: Where its films come from.
    """

    length: int
    metadata: Mapping[str, str]
    origin: Origin
    created_at: datetime

    @property
    def name(self) -> str:
        """The file's name as the person knows it."""
        return clean_name(self.metadata.get("relative_path") or self.metadata.get("filename") or "")


@dataclass(frozen=True, slots=True)
class Result:
    """A finished upload."""

    about: About
    finished_at: datetime
    files: Sequence[FileResult]


def clean_name(text: str) -> str:
    """A file name fit to be shown: printable, and not endless."""
    return "".join(char for char in text if char.isprintable())[:300]


def kept(name: str, stored: Stored) -> FileResult:
    """A film that is safe now."""
    return FileResult(
        name,
        Fate.VERIFIED,
        study=stored.key.study,
        series=stored.series,
        instance=stored.instance,
        digest=stored.digest,
        duplicate=stored.duplicate,
    )


def refused(name: str, refusal: Refused, fate: Fate = Fate.REFUSED) -> FileResult:
    """A file that was not kept, with the reason."""
    fields = {key: value if isinstance(value, int | float) else str(value) for key, value in refusal.fields.items()}
    return FileResult(name, fate, reason=refusal.message, code=refusal.code, fields=fields)


def dump_about(about: About) -> bytes:
    """As JSON."""
    return json.dumps(
        {
            "length": about.length,
            "metadata": dict(about.metadata),
            "origin": asdict(about.origin),
            "created_at": about.created_at.isoformat(),
        },
        ensure_ascii=False,
    ).encode()


def load_about(data: bytes) -> About:
    """What `dump_about` wrote."""
    return _about(json.loads(data))


def dump_result(result: Result) -> bytes:
    """As JSON."""
    return json.dumps(
        {
            "about": json.loads(dump_about(result.about)),
            "finished_at": result.finished_at.isoformat(),
            "files": [asdict(file) for file in result.files],
        },
        ensure_ascii=False,
    ).encode()


def load_result(data: bytes) -> Result:
    """What `dump_result` wrote."""
    found = json.loads(data)
    files = [_file(file) for file in found["files"]]
    return Result(_about(found["about"]), datetime.fromisoformat(found["finished_at"]), files)


def _file(found: Mapping[str, Any]) -> FileResult:
    known = {name: value for name, value in found.items() if name != "sha256"}  # of uploads before BLAKE3
    return FileResult(**{**known, "fate": Fate(found["fate"])})


def _about(found: Mapping[str, Any]) -> About:
    origin = found["origin"]
    return About(
        found["length"],
        found["metadata"],
        Origin(
            InstitutionId(origin["institution"]), Door(origin["door"]), origin["caller"], origin.get("reference", "")
        ),
        datetime.fromisoformat(found["created_at"]),
    )
