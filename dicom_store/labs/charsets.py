r"""Settle the charset of an HL7 v2 message before anything is split.

Pure. Senders in China declare GB 18030 and send UTF-8, declare UTF-8 and send GBK, or declare nothing; 116 GBK
characters have `|`, `^`, `~` or `\` as their second byte: no byte may be taken for a delimiter before this is settled.

Source: HL7 version 2.5.1 chapter 2.15.9.18; HL7 table 0211.
"""

import re
from dataclasses import dataclass

from dicom_store.errors import LabRefused
from dicom_store.labs.model import Notice

BOM = b"\xef\xbb\xbf"
MAX_HEAD_BYTES = 16 * 1024
_MSH_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message's text, how it was read, and what was odd about that.

    Attributes:
        codec: Python's name of the charset it was really in; the answer goes out in the same.
        declared: MSH-18 as sent.
    """

    text: str
    codec: str
    declared: str
    notice: Notice | None = None


_DECLARED_CODECS = {
    "": "ascii", "ASCII": "ascii", "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8",
    "GB 18030-2000": "gb18030", "GB18030": "gb18030", "GB 18030": "gb18030", "GBK": "gb18030", "GB2312": "gb18030",
    "GB 2312": "gb18030", "BIG-5": "big5hkscs", "BIG5": "big5hkscs",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}  # fmt: skip


def decode(raw: bytes) -> Decoded:
    """Settle the charset and decode the whole message.

    UTF-8 proves itself: bytes that are valid UTF-8 with a character of three or more bytes are that, whatever they
    declare. What is not UTF-8 is read as declared, else as GB 18030 (of which GBK is a part), and that is noted.

    Raises:
        LabRefused: No MSH, or characters no charset explains.
    """
    marked = raw.startswith(BOM)
    body = raw.removeprefix(BOM).lstrip(b"\r\n\t ")
    if not body.startswith(b"MSH"):
        raise LabRefused("The message does not begin with an MSH segment.", code="no_msh")
    declared = _declared(body)
    claimed = _DECLARED_CODECS.get(declared.upper())
    if body.isascii():
        return Decoded(body.decode("ascii"), claimed if claimed not in (None, "ascii") else "utf-8", declared)
    if marked or _is_utf8(body, claimed):
        text = _strict(body, "utf-8")
        if text is not None:
            return Decoded(text, "utf-8", declared, _notice(claimed, "utf-8"))
    if claimed == "iso8859-1" and _strict(body, "gb2312") is not None:
        # Latin letters with accents do not come in pairs all through a message.
        return Decoded(body.decode("gb18030"), "gb18030", declared, Notice.CHARSET_MISDECLARED)
    for codec in dict.fromkeys((claimed if claimed not in ("ascii", "utf-8") else "gb18030", "gb18030")):
        text = _strict(body, codec) if codec else None
        if codec and text is not None:
            return Decoded(text, codec, declared, _notice(claimed, codec))
    raise LabRefused("The message's characters cannot be read in any known charset.", code="bad_charset")


def _declared(body: bytes) -> str:
    """MSH-18: read under each charset in turn, because GBK bytes can look like separators."""
    line = re.split(rb"[\r\n]", body, maxsplit=1)[0][:MAX_HEAD_BYTES]
    for codec in ("utf-8", "gb18030", "latin-1"):
        text = _strict(line, codec)
        if text is not None:
            fields = text.split(text[3:4] or "|", _MSH_FIELDS)
            first = fields[17].split("~", 1)[0] if len(fields) > 17 else ""
            return first.strip()
    raise AssertionError("latin-1 reads everything")  # pragma: no cover


def _strict(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        return None


def _is_utf8(body: bytes, claimed: str | None) -> bool:
    text = _strict(body, "utf-8")
    if text is None:
        return False
    if claimed == "utf-8" or any(ord(char) >= 0x800 for char in text):
        return True
    if claimed != "ascii":
        return False
    # Undeclared, and only two-byte sequences: `µ` and accents are UTF-8; letters of other scripts are GBK in disguise.
    return all(ord(char) < 0x180 or 0x370 <= ord(char) < 0x400 for char in text)


def _notice(claimed: str | None, really: str) -> Notice | None:
    if claimed == really:
        return None
    return Notice.CHARSET_UNDECLARED if claimed == "ascii" else Notice.CHARSET_MISDECLARED
