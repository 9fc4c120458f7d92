"""multipart/form-data from bytes, with bounds on parts and headers. Pure.

Source: RFC 7578. Names and file names are UTF-8 as browsers send them; a path in a file name is cut off.
"""

import re
from dataclasses import dataclass

from teleconsult.errors import Refused

_PARTS = 500
_HEADER_BYTES = 4_096
_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)  # RFC 2046 5.1.1
_PARAMETER = re.compile(r'(?:^|;)\s*(name|filename)="((?:[^"\\\r\n]|\\.)*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a form, in memory.

    Attributes:
        name: As the sender calls it, without folders; never a path to write to.
        content_type: As the sender says; not to be believed.
        content: All bytes.
    """

    name: str
    content_type: str
    content: bytes


Part = tuple[str, str | UploadedFile]


def parse(content_type: str, raw: bytes) -> list[Part]:
    """Split a body into its fields and files, in order.

    Raises:
        Refused: Not of this form, or beyond the bounds.
    """
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise _unreadable()
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1", "replace")
    pieces = (b"\r\n" + raw).split(b"\r\n" + delimiter, _PARTS + 2)
    if len(pieces) < 2 or len(pieces) > _PARTS + 1 or not pieces[-1].startswith(b"--"):
        raise _unreadable()
    return [part for piece in pieces[1:-1] if (part := _part(piece)) is not None]


def _part(piece: bytes) -> Part | None:
    head, found, content = piece.partition(b"\r\n\r\n")
    if not found or len(head) > _HEADER_BYTES:
        raise _unreadable()
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    named = {key.lower(): value for key, value in _PARAMETER.findall(headers.get("content-disposition", ""))}
    if "name" not in named:
        raise _unreadable()
    if "filename" not in named:
        return _plain(named["name"]), _text(content)
    if not named["filename"]:
        return None  # a file field left empty
    file_name = re.split(r"[/\\]", _plain(named["filename"]))[-1][:200]
    return _plain(named["name"]), UploadedFile(file_name, headers.get("content-type", "")[:100], content)


def _plain(quoted: str) -> str:
    # WHATWG's form encoding escapes only these three.
    return quoted.replace("%22", '"').replace("%0D", " ").replace("%0A", " ").replace('\\"', '"')


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable() from None


def _unreadable() -> Refused:
    return Refused("The form cannot be read.", code="unreadable")
