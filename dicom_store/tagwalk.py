"""Reads the elements of a film, bounded: tags, value representations and where the values lie. Values are not decoded.

All transfer syntaxes: little and big endian, implicit and explicit, deflated (inflated up to a limit), encapsulated
pixel data. Films without preamble or file meta information are read too, as uploads from discs have them. Pure.

Source: DICOM PS3.5 chapter 7 and annex A, PS3.10 chapter 7.
"""

import struct
import zlib
from dataclasses import dataclass

from dicom_store.elements import VRS, Buffer, Element, Reader, refuse
from dicom_store.fragments import Fragment

MAX_INFLATED = 1 << 28

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
PLAIN = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE})
"""Pixels of these are what stands in the file."""


@dataclass(frozen=True, slots=True)
class Walk:
    """All elements of a film.

    Attributes:
        data: What offsets refer to: the film itself, or the inflated film.
        meta: Group 0002, explicit little endian always.
        elements: The data set, in the order of the file.
        fragments: Of encapsulated pixel data; the first is the basic offset table. None for native or no pixels.
        transfer_syntax: As labelled; guessed where there is no file meta information.
        big: Values are big endian.
        inflated: Offsets do not refer to the film's own bytes.
        labelled: There was file meta information.
    """

    data: Buffer
    meta: list[Element]
    elements: list[Element]
    fragments: list[Fragment] | None
    transfer_syntax: str
    big: bool
    inflated: bool
    labelled: bool

    def value(self, element: Element) -> bytes:
        """The stored bytes of an element."""
        return bytes(self.data[element.start : element.start + element.length])

    def find(self, tag: int) -> Element | None:
        """A top-level element."""
        for element in self.elements:
            if element.tag == tag:
                return element
        return None


def walk(film: Buffer) -> Walk:
    """Read all elements of a film.

    Args:
        film: The whole film, as received.

    Raises:
        FilmRefused: Not DICOM, cut off, lengths that lie, nested too deeply, too many elements, inflates too far.
    """
    start = _dicom_start(film)
    meta: list[Element] = []
    if start >= 0:
        meta, start = _meta(film, start)
    syntax = _meta_text(film, meta, 0x00020010)
    begin = max(start, 0)
    labelled = bool(syntax)
    if not syntax:
        syntax = _guess_syntax(film, begin)
    data: Buffer = film
    inflated = syntax == DEFLATED_LITTLE
    if inflated:
        data, begin = inflate(film, begin), 0
    elif syntax == EXPLICIT_BIG and _looks_little(film, begin):
        syntax = EXPLICIT_LITTLE
    reader = Reader(data, big=syntax == EXPLICIT_BIG, implicit=_is_implicit(data, begin, syntax))
    elements = reader.dataset(begin)
    return Walk(data, meta, elements, reader.fragments, syntax, syntax == EXPLICIT_BIG, inflated, labelled)


def _dicom_start(film: Buffer) -> int:
    """Where the file meta information starts; -1 if there is none."""
    if bytes(film[128:132]) == b"DICM":
        return 132
    if bytes(film[:4]) == b"DICM":
        return 4
    if bytes(film[:2]) == b"\x02\x00":
        return 0
    return -1


def _meta(film: Buffer, start: int) -> tuple[list[Element], int]:
    """Read group 0002; it ends where another group begins."""
    explicit, implicit = Reader(film, big=False, implicit=False), Reader(film, big=False, implicit=True)
    found: list[Element] = []
    end = start
    while end + 8 <= len(film) and bytes(film[end : end + 2]) == b"\x02\x00":
        reader = explicit if bytes(film[end + 4 : end + 6]) in VRS else implicit
        element, end = reader.one(end)
        found.append(element)
        if end - start > 1 << 20:
            raise refuse("The film's file meta information is too long.", "meta_too_long")
    return found, end


def _meta_text(film: Buffer, meta: list[Element], tag: int) -> str:
    for element in meta:
        if element.tag == tag:
            raw = bytes(film[element.start : element.start + element.length])
            return raw.decode("ascii", "replace").strip(" \0")
    return ""


def meta_text(found: Walk, tag: int, film: Buffer) -> str:
    """A text of the file meta information, "" if it is missing."""
    return _meta_text(film, found.meta, tag)


def _guess_syntax(film: Buffer, start: int) -> str:
    head = bytes(film[start : start + 8])
    if len(head) < 8:
        raise refuse("This is not a DICOM film.", "not_dicom")
    group, element = struct.unpack("<HH", head[:4])
    if head[4:6] in VRS:
        if group in {0x0008, 0x0002, 0x0010, 0x0004}:
            return EXPLICIT_LITTLE
        if struct.unpack(">H", head[:2])[0] in {0x0008, 0x0010}:
            return EXPLICIT_BIG
    if group == 0x0008 and element < 0x1200 and struct.unpack("<I", head[4:])[0] < 1 << 16:
        return IMPLICIT_LITTLE
    raise refuse("This is not a DICOM film.", "not_dicom")


def _is_implicit(data: Buffer, start: int, syntax: str) -> bool:
    """Whether value representations are left out; the bytes are believed more than the label."""
    vr = bytes(data[start + 4 : start + 6])
    if syntax == IMPLICIT_LITTLE:
        return vr not in VRS
    return len(vr) == 2 and vr not in VRS and not (vr.isupper() and vr.isalpha()) and syntax == EXPLICIT_LITTLE


def _looks_little(film: Buffer, start: int) -> bool:
    return bytes(film[start : start + 2]) in {b"\x08\x00", b"\x10\x00"}


def inflate(film: Buffer, start: int) -> bytes:
    """Inflate what follows the file meta information of a deflated film, up to a limit. Raises FilmRefused."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(film[start:], MAX_INFLATED)
    except zlib.error as error:
        raise refuse("The film's compressed data are damaged.", "bad_deflate") from error
    if inflater.unconsumed_tail and not inflater.eof:
        raise refuse("The film's compressed data grow too large.", "deflate_bomb")
    if not inflater.eof:
        raise refuse("The film is cut off: its end is missing.", "truncated")
    return data
