"""Multipart bodies, read in pieces as they arrive and written with their length known. Sans I/O, bounded.

Source: RFC 2046 5.1, RFC 2387.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from dicom_store.errors import RequestRefused

MAX_HEADER_BYTES = 8192
_MAX_HEADERS = 32
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf';\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,"\s]+))')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{1,70}")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type with its parameters; names are lower case.

    Attributes:
        name: `type/subtype`.
    """

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def weight(self) -> float:
        """How much an Accept header wants it, 0 to 1."""
        try:
            return min(1.0, max(0.0, float(self.parameters.get("q", "1"))))
        except ValueError:
            return 1.0


def media_type(text: str) -> MediaType:
    """Read a Content-Type or one member of an Accept header, with or without quotes."""
    name, _, rest = text.partition(";")
    found = {}
    for key, quoted, plain in _PARAMETER.findall(";" + rest):
        found[key.lower()] = (re.sub(r"\\(.)", r"\1", quoted) if quoted else plain).strip()
    return MediaType(name.strip().lower(), found)


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names.

    Raises:
        RequestRefused: None, or not one.
    """
    boundary = media_type(content_type).parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary) or boundary.endswith(" "):
        raise RequestRefused("The multipart request names no boundary.", status=400, code="no_boundary")
    return boundary.encode("ascii")


@dataclass(frozen=True, slots=True)
class PartBegun:
    """A part begins.

    Attributes:
        headers: Names in lower case.
    """

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """Bytes of the current part."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The current part is whole."""


Event: TypeAlias = PartBegun | PartData | PartEnded


class _State(Enum):
    PREAMBLE = auto()
    AFTER_BOUNDARY = auto()
    HEADERS = auto()
    BODY = auto()
    DONE = auto()


class Scanner:
    """Finds the parts of a body: `feed` it what arrives, `finish` at the end.

    Each byte is looked at once, apart from as many as a boundary has at the edge of two pieces.

    Args:
        boundary: Without the leading dashes.
        max_parts: One more is refused.
    """

    def __init__(self, boundary: bytes, max_parts: int) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._max_parts = max_parts
        # The first boundary has no line break before it; pretending one spares a special case.
        self._held = b"\r\n"
        self._state = _State.PREAMBLE
        self._parts = 0
        self._last = -1
        """Where the last boundary of the piece begins that is looked at; -1 for none."""

    def feed(self, data: bytes) -> list[Event]:
        """What the next piece of the body brings.

        Raises:
            RequestRefused: Malformed, or beyond the limits.
        """
        if self._held:
            data = self._held + data
        events: list[Event] = []
        # Most pieces of a film hold no boundary, and Python says so twice as fast from the end.
        self._last = data.rfind(self._delimiter)
        place, going = 0, True
        while going and place < len(data) and self._state is not _State.DONE:
            place, going = self._step(data, place, events)
        self._held = b"" if self._state is _State.DONE else data[place:]
        return events

    def finish(self) -> None:
        """Say that the body is over.

        Raises:
            RequestRefused: It was cut off.
        """
        if self._state is not _State.DONE:
            raise RequestRefused("The multipart request is cut off: its end is missing.", status=400, code="truncated")

    def _step(self, data: bytes, place: int, events: list[Event]) -> tuple[int, bool]:
        """Go on from `place`: how far it went, and whether it can go on without more bytes."""
        if self._state in {_State.PREAMBLE, _State.BODY}:
            return self._to_boundary(data, place, events)
        if self._state is _State.AFTER_BOUNDARY:
            return self._after_boundary(data, place)
        return self._headers(data, place, events)

    def _to_boundary(self, data: bytes, place: int, events: list[Event]) -> tuple[int, bool]:
        found = data.find(self._delimiter, place) if place <= self._last else -1
        in_body = self._state is _State.BODY
        end = found if found >= 0 else len(data) - _tail(data, self._delimiter, place)
        if in_body and end > place:
            events.append(PartData(memoryview(data)[place:end]))
        if found < 0:
            return end, False
        if in_body:
            events.append(PartEnded())
        self._state = _State.AFTER_BOUNDARY
        return found + len(self._delimiter), True

    def _after_boundary(self, data: bytes, place: int) -> tuple[int, bool]:
        """`--` ends the body; otherwise spaces and a line break begin a part."""
        if len(data) - place < 2:
            return place, False
        if data[place : place + 2] == b"--":
            self._state = _State.DONE
            return len(data), False
        end = data.find(b"\r\n", place, place + 130)
        if end < 0 and len(data) - place <= 128:
            return place, False
        if end < 0 or data[place:end].strip(b" \t"):
            raise _malformed()
        self._parts += 1
        if self._parts > self._max_parts:
            raise RequestRefused("The request holds too many films.", status=413, code="too_many_parts")
        self._state = _State.HEADERS
        # The line break is left in place: a part without headers has its empty line right here.
        return end, True

    def _headers(self, data: bytes, place: int, events: list[Event]) -> tuple[int, bool]:
        end = data.find(b"\r\n\r\n", place, place + MAX_HEADER_BYTES + 4)
        if end < 0:
            if len(data) - place > MAX_HEADER_BYTES:
                raise _malformed()
            return place, False
        events.append(PartBegun(_parse_headers(data[place:end])))
        self._state = _State.BODY
        return end + 4, True


def _malformed() -> RequestRefused:
    return RequestRefused("The multipart request is malformed.", status=400, code="bad_multipart")


def _tail(data: bytes, delimiter: bytes, place: int) -> int:
    """How many bytes at the end of `data` may be the beginning of a boundary."""
    longest = min(len(delimiter) - 1, len(data) - place)
    start = data.find(b"\r", len(data) - longest)
    while start >= 0:
        if delimiter.startswith(data[start:]):
            return len(data) - start
        start = data.find(b"\r", start + 1)
    return 0


def _parse_headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    lines = block.split(b"\r\n")
    if len(lines) > _MAX_HEADERS:
        raise _malformed()
    for line in lines:
        if not line:
            continue
        name, colon, value = line.partition(b":")
        if not colon:
            raise _malformed()
        headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    return headers


def part_head(boundary: str, headers: dict[str, str], *, first: bool) -> bytes:
    """What comes before a part's bytes in an answer."""
    lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return (("" if first else "\r\n") + "\r\n".join(lines)).encode("latin-1")


def body_end(boundary: str) -> bytes:
    """What comes after the last part's bytes."""
    return f"\r\n--{boundary}--\r\n".encode("ascii")
