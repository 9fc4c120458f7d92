"""DICOM JSON to the native DICOM model in XML, and back. Pure; both sides bounded.

Source: DICOM PS3.19 A.1, PS3.18 F.3.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat  # no document type is let through, so that nothing can be expanded or fetched
from xml.sax.saxutils import escape, quoteattr

from dicom_store import dictionary
from dicom_store.dicomjson import PN_GROUPS
from dicom_store.errors import FilmRefused

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
MAX_DEPTH = 64
MAX_ATTRIBUTES = 200_000
_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
# What XML 1.0 cannot say, escaped or not.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_FLOATS = {"DS", "FL", "FD"}
_INTEGERS = {"IS", "SL", "SS", "UL", "US", "SV", "UV"}

DataSet = dict[str, Any]


def to_xml(data_set: DataSet) -> bytes:
    """Write one data set.

    Args:
        data_set: DICOM JSON: tags to objects with `vr` and at most one of Value, InlineBinary, BulkDataURI.
    """
    return "".join((_HEAD, *_attributes(data_set), "</NativeDicomModel>")).encode("utf-8", "replace")


def json_to_xml(text: bytes) -> bytes:
    """The same from JSON as the archive keeps it."""
    return to_xml(json.loads(text))


def _attributes(data_set: DataSet) -> Iterator[str]:
    for word in sorted(data_set):
        tag, value = int(word, 16), data_set[word]
        head, creator = word, ""
        if tag >> 16 & 1:
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                continue  # who reserved a block is said with each attribute of the block
            creator = _creator(data_set, tag)
            head = f"{tag & 0xFFFF00FF:08X}" if creator else word
        yield f'<DicomAttribute tag="{head}" vr="{value.get("vr", "UN")}"'
        if keyword := dictionary.keyword_of(tag):
            yield f' keyword="{keyword}"'
        if creator:
            yield f" privateCreator={quoteattr(_clean(creator))}"
        yield ">"
        yield from _value(value)
        yield "</DicomAttribute>"


def _creator(data_set: DataSet, tag: int) -> str:
    values = data_set.get(f"{tag >> 16:04X}00{tag >> 8 & 0xFF:02X}", {}).get("Value") or [""]
    return str(values[0] or "")


def _value(value: dict[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in value:
        yield f"<BulkData uri={quoteattr(_clean(str(value['BulkDataURI'])))}/>"
    elif "InlineBinary" in value:
        yield f"<InlineBinary>{escape(str(value['InlineBinary']))}</InlineBinary>"
    for number, one in enumerate(value.get("Value", ()), 1):
        if value.get("vr") == "SQ":
            yield f'<Item number="{number}">'
            yield from _attributes(one or {})
            yield "</Item>"
        elif value.get("vr") == "PN":
            if one:
                yield from _name(number, one)
        elif one is not None:
            yield f'<Value number="{number}">{escape(_clean(str(one)))}</Value>'


def _name(number: int, name: dict[str, str]) -> Iterator[str]:
    yield f'<PersonName number="{number}">'
    for group in PN_GROUPS:
        if name.get(group):
            yield f"<{group}>"
            for component, text in zip(_COMPONENTS, str(name[group]).split("^"), strict=False):
                if text:
                    yield f"<{component}>{escape(_clean(text))}</{component}>"
            yield f"</{group}>"
    yield "</PersonName>"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)


def from_xml(text: bytes) -> DataSet:
    """Read one data set.

    Raises:
        FilmRefused: Not the native model, nested too deeply, or with a document type.
    """
    reader = _Reader()
    parser = expat.ParserCreate(encoding=None, namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.buffer_text = True
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _unreadable() from error
    if reader.whole is None:
        raise _unreadable()
    return reader.whole


def _unreadable() -> FilmRefused:
    return FilmRefused("The metadata cannot be understood.", failure_reason=0xC000, code="metadata")


class _Reader:
    """Builds the data set while the parser goes through the text."""

    def __init__(self) -> None:
        self.whole: DataSet | None = None
        self._sets: list[DataSet] = []
        self._attributes: list[dict[str, Any]] = []
        self._name: dict[str, list[str]] = {}
        self._group = ""
        self._words: list[str] = []
        self._count = 0

    def refuse_doctype(self, *_: object) -> None:
        """No entities: they expand without limit, or name files."""
        raise _unreadable()

    def text(self, data: str) -> None:
        """Text of the innermost element."""
        self._words.append(data)

    def start(self, name: str, given: dict[str, str]) -> None:
        """An element begins."""
        kind = name.rpartition(" ")[2]
        self._words = []
        if kind == "NativeDicomModel" and not self._sets and self.whole is None:
            self._sets.append({})
        elif kind == "DicomAttribute" and self._sets:
            self._begin(given)
        elif kind == "Item" and self._attributes and len(self._sets) <= MAX_DEPTH:
            inner: DataSet = {}
            self._attributes[-1].setdefault("Value", []).append(inner)
            self._sets.append(inner)
        elif kind == "PersonName":
            self._name = {}
        elif kind in PN_GROUPS:
            self._group = kind
            self._name[kind] = [""] * len(_COMPONENTS)
        elif kind == "BulkData" and self._attributes:
            self._attributes[-1]["BulkDataURI"] = given.get("uri", "")
        elif kind not in {"Value", "InlineBinary", "Length", *_COMPONENTS}:
            raise _unreadable()

    def end(self, name: str) -> None:
        """An element ends."""
        kind = name.rpartition(" ")[2]
        text = "".join(self._words)
        self._words = []
        if kind == "NativeDicomModel":
            self.whole = self._sets.pop()
        elif kind == "DicomAttribute":
            self._attributes.pop()
        elif kind == "Item":
            self._sets.pop()
        elif kind in _COMPONENTS and self._group in self._name:
            self._name[self._group][_COMPONENTS.index(kind)] = text
        elif kind == "PersonName" and self._attributes:
            names = {group: "^".join(parts).rstrip("^") for group, parts in self._name.items()}
            self._attributes[-1].setdefault("Value", []).append(names)
        elif kind == "InlineBinary" and self._attributes:
            self._attributes[-1]["InlineBinary"] = "".join(text.split())
        elif kind == "Value" and self._attributes:
            attribute = self._attributes[-1]
            attribute.setdefault("Value", []).append(_typed(attribute["vr"], text))

    def _begin(self, given: dict[str, str]) -> None:
        self._count += 1
        word, within = given.get("tag", ""), self._sets[-1]
        if self._count > MAX_ATTRIBUTES or not _TAG.fullmatch(word):
            raise _unreadable()
        tag = int(word, 16)
        if creator := given.get("privateCreator", ""):
            tag |= _block(within, tag >> 16, creator) << 8
        attribute = {"vr": given.get("vr", "") or dictionary.vr_of(tag) or "UN"}
        within[f"{tag:08X}"] = attribute
        self._attributes.append(attribute)


def _block(data_set: DataSet, group: int, creator: str) -> int:
    """The block of a group that a creator has reserved, or reserves now."""
    for block in range(0x10, 0x100):
        known = data_set.setdefault(f"{group:04X}{block:04X}", {"vr": "LO", "Value": [creator]})
        if known.get("Value") == [creator]:
            return block
    raise _unreadable()


def _typed(vr: str, text: str) -> Any:
    """A value as JSON has it: numbers where they are."""
    try:
        if vr in _INTEGERS:
            return int(text)
        if vr in _FLOATS:
            return float(text)
    except ValueError:
        pass
    return text
