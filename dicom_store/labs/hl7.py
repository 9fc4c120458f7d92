r"""HL7 v2 as text: bytes to a message, a message to bytes, and the answer to it.

Pure and bounded. The charset is settled *before* anything is split: 116 GBK characters have `|`, `^`, `~` or `\` as
their second byte. Knows nothing of lab reports (`oru`) or of sockets (`mllp`).

Source: HL7 version 2.5.1 chapter 2 (encoding rules 2.6, escapes 2.7, MSH 2.15.9, acknowledgements 2.9.2).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dicom_store.errors import LabRefused
from dicom_store.labs.charsets import BOM, MAX_HEAD_BYTES, Decoded, decode

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_SEGMENTS = 10_000
MAX_LINES = 50_000
MAX_FIELDS = 256  # The longest segment of the standard has fewer than 60.
MAX_REPETITIONS = 256
MAX_COMPONENTS = 128

_SEGMENT_START = re.compile(r"[A-Z][A-Z0-9]{2}")
_ESCAPE_MAX_CHARS = 64


class Ack(StrEnum):
    """What an acknowledgement says (HL7 table 0008)."""

    ACCEPTED = "AA"
    ERROR = "AE"
    """The content is refused: sending it again is of no use."""
    REJECTED = "AR"
    """Not now, not from you, or not this kind of message."""


@dataclass(frozen=True, slots=True)
class Separators:
    """The delimiters a message declares for itself."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; `fields[0]` is its name, so that numbers are the standard's own."""

    fields: tuple[str, ...]
    separators: Separators

    @property
    def name(self) -> str:
        """Three letters."""
        return self.fields[0]

    def raw(self, field: int) -> str:
        """A field as sent, "" where there is none."""
        return self.fields[field] if field < len(self.fields) else ""

    def repetitions(self, field: int) -> list[str]:
        """A field's repetitions as sent; an empty field has none."""
        raw = self.raw(field)
        return raw.split(self.separators.repetition, MAX_REPETITIONS)[:MAX_REPETITIONS] if raw else []

    def parts(self, field: int, repetition: int = 0) -> list[str]:
        """The components of one repetition as sent."""
        found = self.repetitions(field)
        return components(found[repetition], self.separators) if repetition < len(found) else []

    def get(self, field: int, component: int = 1, repetition: int = 0) -> str:
        """The readable text of one component (its first subcomponent), "" where there is none."""
        return leaf(self.parts(field, repetition), component, self.separators)

    def text(self, field: int) -> str:
        """A whole field as readable text: for ST, TX and FT, which have neither components nor repetitions."""
        return unescape(self.raw(field), self.separators)


@dataclass(frozen=True, slots=True)
class Message:
    """A message, split; `segments[0]` is the MSH."""

    segments: tuple[Segment, ...]
    decoded: Decoded

    @property
    def head(self) -> Segment:
        """The MSH segment."""
        return self.segments[0]

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.head.get(10)

    @property
    def kind(self) -> tuple[str, str]:
        """Message code and trigger event, such as ("ORU", "R01")."""
        return self.head.get(9, 1).upper(), self.head.get(9, 2).upper()

    @property
    def sender(self) -> str:
        """Sending application and facility as one word."""
        return f"{self.head.get(3)}|{self.head.get(4)}"


def components(repetition: str, separators: Separators) -> list[str]:
    """Split one repetition into components as sent."""
    return repetition.split(separators.component, MAX_COMPONENTS)[:MAX_COMPONENTS]


def leaf(parts: list[str], component: int, separators: Separators) -> str:
    """The readable text of a component's first subcomponent, "" where there is none."""
    if component > len(parts):
        return ""
    return unescape(parts[component - 1].split(separators.subcomponent, 1)[0], separators).strip()


def parse(raw: bytes) -> Message:
    """Read a message.

    Raises:
        LabRefused: Too large, no MSH, unreadable characters, or beyond a bound.
    """
    if len(raw) > MAX_MESSAGE_BYTES:
        raise LabRefused("The message is larger than {limit} bytes.", code="too_large", limit=MAX_MESSAGE_BYTES)
    decoded = decode(raw)
    separators = _separators(decoded.text)
    lines = _lines(decoded.text, separators)
    if len(lines) > MAX_SEGMENTS:
        raise LabRefused("The message has more than {limit} segments.", code="too_many_segments", limit=MAX_SEGMENTS)
    return Message(tuple(_segment(line, separators) for line in lines), decoded)


def head_of(raw: bytes) -> Message | None:
    """The MSH alone of a message that could not be read whole: enough to answer it. None where not even that."""
    line = re.split(rb"[\r\n]", raw[:MAX_HEAD_BYTES].removeprefix(BOM).lstrip(), maxsplit=1)[0]
    try:
        return parse(line)
    except LabRefused:
        return None


def _separators(text: str) -> Separators:
    marks = text[3:8]
    if len(marks) < 5:
        raise LabRefused("The message does not begin with an MSH segment.", code="no_msh")
    # A version before 2.3 may declare fewer marks than four; the next field's separator ends them.
    # Some senders double their escape character as programming languages do: each mark counts once.
    declared = "".join(dict.fromkeys(text[4:10].split(marks[0], 1)[0]))[:4]
    found = Separators(marks[0], *(declared[i] if i < len(declared) else default for i, default in enumerate("^~\\&")))
    chosen = [found.field, found.component, found.repetition, found.escape, found.subcomponent]
    if len(set(chosen)) < 5 or any(mark.isalnum() or mark.isspace() or not mark.isprintable() for mark in chosen):
        raise LabRefused("The message's delimiters cannot be used.", code="bad_delimiters")
    return found


def _lines(text: str, separators: Separators) -> list[str]:
    """Cut into segments at CR, LF or both; a line that begins no segment belongs to the text before it."""
    if text.count("\r") + text.count("\n") > 2 * MAX_LINES:
        raise LabRefused("The message has more than {limit} lines.", code="too_many_lines", limit=MAX_LINES)
    lines: list[list[str]] = []
    for line in re.split(r"[\r\n]+", text):
        if not line.strip():
            continue
        begins = _SEGMENT_START.match(line) and line[3:4] in ("", separators.field)
        if begins or not lines:
            lines.append([line])
        else:
            lines[-1].append(line)
    return ["\n".join(each) for each in lines]


def _segment(line: str, separators: Separators) -> Segment:
    fields = line.split(separators.field, MAX_FIELDS + 1)
    if len(fields) > MAX_FIELDS:
        raise LabRefused("A segment has more than {limit} fields.", code="too_many_fields", limit=MAX_FIELDS)
    if fields[0] == "MSH":  # MSH-1 is the separator itself.
        fields.insert(1, separators.field)
    return Segment(tuple(fields), separators)


# ---------------------------------------------------------------- escapes
def escape(text: str, separators: Separators) -> str:
    """Make text safe inside a field; `unescape` gives it back."""
    mark = separators.escape
    codes = {
        separators.escape: f"{mark}E{mark}",
        separators.field: f"{mark}F{mark}",
        separators.component: f"{mark}S{mark}",
        separators.subcomponent: f"{mark}T{mark}",
        separators.repetition: f"{mark}R{mark}",
        "\r": f"{mark}X0D{mark}",
        "\n": f"{mark}.br{mark}",
    }
    return "".join(codes.get(char, char) for char in text)


def unescape(text: str, separators: Separators) -> str:
    """Resolve escape sequences; highlighting is dropped, unknown ones stay as they are."""
    mark = separators.escape
    if mark not in text:
        return text
    out: list[str] = []
    place = 0
    while (start := text.find(mark, place)) >= 0:
        out.append(text[place:start])
        end = text.find(mark, start + 1, start + _ESCAPE_MAX_CHARS)
        meaning = _meaning(text[start + 1 : end], separators) if end > 0 else None
        if meaning is None:  # A lone escape character is text: paths of Windows come so.
            out.append(mark)
            place = start + 1
        else:
            out.append(meaning)
            place = end + 1
    return "".join((*out, text[place:]))


def _meaning(code: str, separators: Separators) -> str | None:
    known = {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repetition,
        "E": separators.escape,
        "H": "",
        "N": "",
    }
    if code in known:
        return known[code]
    word = code.lower()
    if re.fullmatch(r"\.(br|sp\+?[0-9]{0,2}|ce)", word):
        return "\n"
    if re.fullmatch(r"\.(fi|nf|in[+-]?[0-9]{1,3}|ti[+-]?[0-9]{1,3}|sk[+-]?[0-9]{1,3})", word):
        return ""
    if re.fullmatch(r"x(?:[0-9a-f]{2})+", word):
        return bytes.fromhex(word[1:]).decode("utf-8", "replace")
    return None


# ---------------------------------------------------------------- answers
@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message is not accepted: a code of HL7 table 0357 and a sentence without patient data."""

    code: int
    text: str


UNSUPPORTED_TYPE = 200
UNKNOWN_KEY = 204
INTERNAL = 207
DATA_ERROR = 102
SEQUENCE_ERROR = 100


def answer(message: Message | None, verdict: Ack, at: datetime, fault: Fault | None = None) -> bytes:
    """The acknowledgement of a message, in the message's own charset and delimiters.

    Args:
        message: None where it could not even be split.
        verdict: Accepted or not.
        at: When, aware.
        fault: Why not.
    """
    marks = message.head.separators if message else Separators()
    head = message.head if message else Segment(("MSH",), marks)
    version = head.get(12) or "2.4"
    control_id = escape(head.get(10), marks)
    stamp = at.strftime("%Y%m%d%H%M%S%z")
    kind = marks.component.join(("ACK", head.get(9, 2) or "R01", "ACK") if version >= "2.3.1" else ("ACK",))
    declared = escape(message.decoded.declared, marks) if message else ""
    encoding = f"{marks.component}{marks.repetition}{marks.escape}{marks.subcomponent}"
    # The parties change places; their texts go back as they came, but never a line end with them.
    parties = [head.raw(field).split("\n", 1)[0] for field in (5, 6, 3, 4)]
    mode = head.raw(11).split("\n", 1)[0] or "P"
    msh = ["MSH", encoding, *parties, stamp, "", kind, f"A{control_id}"[:199], mode, escape(version, marks),
           "", "", "", "", "", declared]  # fmt: skip
    lines = [msh, ["MSA", verdict.value, control_id, escape(fault.text, marks) if fault else ""]]
    if fault is not None:
        code = marks.component.join((str(fault.code), "", "HL70357"))
        wordy = version >= "2.5"
        lines.append(["ERR", "", "", code, "E", "", "", "", escape(fault.text, marks)] if wordy else ["ERR", code])
    text = "".join(marks.field.join(line).rstrip(marks.field) + "\r" for line in lines)
    return text.encode(message.decoded.codec if message else "utf-8", "replace")
