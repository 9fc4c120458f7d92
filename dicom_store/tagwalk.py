"""Reads the elements of a film, bounded: tags, value representations and where the values lie. Values are not decoded.

All transfer syntaxes: little and big endian, implicit and explicit, deflated (inflated up to a limit), encapsulated
pixel data. Films without preamble or file meta information are read too, as uploads from discs have them. Pure.

Source: DICOM PS3.5 chapter 7 and annex A, PS3.10 chapter 7.
"""

import mmap
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from dicom_store import dictionary
from dicom_store.errors import FilmRefused

MAX_DEPTH = 64
MAX_ELEMENTS = 2_000_000
MAX_INFLATED = 1 << 30
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_LONG_FORM = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV"}
_SHORT_FORM = {
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
}  # fmt: skip
_VRS = {vr: vr.decode() for vr in _LONG_FORM | _SHORT_FORM}

Buffer: TypeAlias = bytes | memoryview | mmap.mmap


class Element(NamedTuple):
    """One element: where its value lies, or its items.

    Attributes:
        tag: 0xGGGGEEEE.
        vr: Two letters; for implicit syntaxes from the dictionary, where several are possible as there ("US or SS").
        start: Byte of `Walk.data` at which the value starts.
        length: Bytes of the value; for sequences and encapsulated pixel data up to the end of the last item.
        items: The items of a sequence, else None.
    """

    tag: int
    vr: str
    start: int
    length: int
    items: "list[list[Element]] | None"


class Fragment(NamedTuple):
    """One fragment of encapsulated pixel data, without the item header."""

    start: int
    length: int


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


def refuse(message: str, code: str) -> FilmRefused:
    """A refusal because the film cannot be understood."""
    return FilmRefused(message, failure_reason=0xC000, code=code)


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
    reader = _Reader(data, big=syntax == EXPLICIT_BIG, implicit=_is_implicit(data, begin, syntax))
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
    end = start
    while end + 8 <= len(film) and bytes(film[end : end + 2]) == b"\x02\x00":
        reader = _Reader(film, big=False, implicit=bytes(film[end + 4 : end + 6]) not in _VRS)
        end = reader.one(end)[1]
        if end - start > 1 << 20:
            raise refuse("The film's file meta information is too long.", "meta_too_long")
    reader = _Reader(film[:end], big=False, implicit=bytes(film[start + 4 : start + 6]) not in _VRS)
    return reader.dataset(start), end


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
    if head[4:6] in _VRS:
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
        return vr not in _VRS
    return len(vr) == 2 and vr not in _VRS and not (vr.isupper() and vr.isalpha()) and syntax == EXPLICIT_LITTLE


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


@lru_cache(maxsize=8192)
def dictionary_vr(tag: int) -> str:
    """The value representation of a standard attribute; "UN" if it is not known, "UL" for group lengths."""
    if tag & 0xFFFF == 0:
        return "UL"
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    return dictionary.vr_of(tag) or "UN"


def _known_vr(tag: int) -> str:
    """What the standard knows of an element that its writer did not know. Source: DICOM PS3.5 6.2.2 note 1."""
    vr = dictionary_vr(tag)
    return vr if vr != "SQ" else "UN"


class _Reader:
    """Walks one buffer."""

    def __init__(self, data: Buffer, *, big: bool, implicit: bool) -> None:
        order = ">" if big else "<"
        self._data = data
        self._implicit = implicit
        self._tag = struct.Struct(f"{order}HHI").unpack_from
        self._explicit = struct.Struct(f"{order}HH2sH").unpack_from
        self._long = struct.Struct(f"{order}I").unpack_from
        self._end = len(data)
        self._count = 0
        self.fragments: list[Fragment] | None = None

    def dataset(self, start: int) -> list[Element]:
        """Everything from `start` to the end of the data."""
        elements, _ = self._elements(start, self._end, 0, in_item=False, implicit=self._implicit)
        return elements

    def one(self, start: int) -> tuple[Element, int]:
        """The element at `start` and where it ends."""
        return self._element(start, self._end, 0, implicit=self._implicit)

    def _elements(
        self, place: int, end: int, depth: int, *, in_item: bool, implicit: bool
    ) -> tuple[list[Element], int]:
        """Elements up to `end`, or to the delimiter of an item without length."""
        if depth > MAX_DEPTH:
            raise refuse("The film's sequences are nested too deeply.", "too_deep")
        found: list[Element] = []
        while place < end:
            if end - place < 8:
                if any(self._data[place:end]):
                    raise refuse("The film is cut off: its end is missing.", "truncated")
                break
            element, place = self._element(place, end, depth, implicit=implicit)
            if element.tag == _ITEM_END:
                if not in_item:
                    raise refuse("The film's structure is damaged.", "bad_structure")
                return found, place
            if element.tag == 0 and element.length == 0 and not in_item:
                # Some devices fill the last block of a file with zeros.
                if any(self._data[place:end]):
                    raise refuse("The film's structure is damaged.", "bad_structure")
                break
            found.append(element)
        return found, place

    def _element(self, place: int, end: int, depth: int, *, implicit: bool) -> tuple[Element, int]:
        self._counted()
        data = self._data
        if end - place < 8:
            raise refuse("The film is cut off: its end is missing.", "truncated")
        group, number, length = self._tag(data, place)
        tag = group << 16 | number
        start = place + 8
        if group == 0xFFFE:
            return Element(tag, "", start, 0, None), start
        if implicit:
            vr = dictionary_vr(tag)
        else:
            _, _, letters, short = self._explicit(data, place)
            known = _VRS.get(letters)
            if known is None:
                vr, length = self._odd_vr(letters, short, length)
            elif letters in _LONG_FORM:
                if end - place < 12:
                    raise refuse("The film is cut off: its end is missing.", "truncated")
                vr = known
                length = self._long(data, start)[0]
                start += 4
            else:
                vr = known
                length = short
        if length == UNDEFINED:
            return self._undefined(tag, vr, start, end, depth, implicit)
        stop = start + length
        if stop > end:
            raise refuse("The film is cut off: its end is missing.", "truncated")
        if vr == "UN" and not implicit and length:
            vr = _known_vr(tag)
        if vr == "SQ":
            items = self._items(start, stop, depth + 1, implicit)[0]
            return Element(tag, vr, start, length, items), stop
        return Element(tag, vr, start, length, None), stop

    def _counted(self) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise refuse("The film has too many elements.", "too_many_elements")

    def _odd_vr(self, letters: bytes, short: int, length: int) -> tuple[str, int]:
        """An element without a known value representation: a private one of a later edition, or an implicit element."""
        if letters.isalpha() and letters.isupper():
            return "UN", short
        # Some writers leave single elements implicit; pydicom reads them the same way.
        return "UN", length

    def _undefined(
        self, tag: int, vr: str, start: int, end: int, depth: int, implicit: bool
    ) -> tuple[Element, int]:  # fmt: skip
        """A value without length: a sequence, or encapsulated pixel data."""
        if tag == PIXEL_DATA or vr in {"OB", "OW", "OB or OW"}:
            fragments, stop = self._fragments(start, end)
            if depth == 0 and tag == PIXEL_DATA:
                self.fragments = fragments
            return Element(tag, "OB", start, stop - start, None), stop
        # PS3.5 6.2.2 note 2: UN of undefined length is an implicit little endian sequence.
        items, stop = self._items(start, end, depth + 1, implicit or vr == "UN", delimited=True)
        return Element(tag, "SQ", start, stop - start, items), stop

    def _items(
        self, place: int, end: int, depth: int, implicit: bool, *, delimited: bool = False
    ) -> tuple[list[list[Element]], int]:  # fmt: skip
        if depth > MAX_DEPTH:
            raise refuse("The film's sequences are nested too deeply.", "too_deep")
        items: list[list[Element]] = []
        while place < end or delimited:
            if end - place < 8:
                raise refuse("The film is cut off: its end is missing.", "truncated")
            group, number, length = self._tag(self._data, place)
            tag = group << 16 | number
            place += 8
            self._counted()
            if tag == _SEQUENCE_END:
                return items, place
            if tag != _ITEM:
                raise refuse("The film's structure is damaged.", "bad_structure")
            if length == UNDEFINED:
                elements, place = self._elements(place, end, depth, in_item=True, implicit=implicit)
            else:
                stop = place + length
                if stop > end:
                    raise refuse("The film is cut off: its end is missing.", "truncated")
                elements, place = self._elements(place, stop, depth, in_item=True, implicit=implicit)[0], stop
            items.append(elements)
        return items, place

    def _fragments(self, place: int, end: int) -> tuple[list[Fragment], int]:
        found: list[Fragment] = []
        while end - place >= 8:
            group, number, length = self._tag(self._data, place)
            tag = group << 16 | number
            place += 8
            if tag == _SEQUENCE_END:
                return found, place
            if tag != _ITEM or length == UNDEFINED:
                raise refuse("The film's structure is damaged.", "bad_structure")
            self._counted()
            if place + length > end:
                break
            found.append(Fragment(place, length))
            place += length
        raise refuse("The film is cut off: its end is missing.", "truncated")


# ---------------------------------------------------------------- frames

_PLACE = struct.Struct("<QI")


def pack_fragments(fragments: list[Fragment]) -> bytes:
    """Places of fragments as the index keeps them: u64 start and u32 length each, little endian."""
    return b"".join(_PLACE.pack(start, length) for start, length in fragments)


def unpack_fragments(packed: bytes) -> list[Fragment]:
    """What `pack_fragments` packed."""
    return [Fragment(start, length) for start, length in _PLACE.iter_unpack(packed)]


def frame_fragments(fragments: list[Fragment], frames: int, offsets: list[int]) -> list[list[Fragment]]:
    """Which fragments make up each frame.

    Args:
        fragments: Without the basic offset table.
        frames: How many frames the film says it has.
        offsets: Values of the basic or the extended offset table; may be empty.

    Returns:
        For each frame its fragments, in order.

    Raises:
        FilmRefused: They cannot be told apart.

    Source: DICOM PS3.5 A.4.
    """
    if frames <= 1:
        return [fragments]
    if len(offsets) == frames:
        first = fragments[0].start - 8 if fragments else 0
        starts = {offset + first: number for number, offset in enumerate(offsets)}
        grouped: list[list[Fragment]] = [[] for _ in range(frames)]
        current = -1
        for fragment in fragments:
            current = starts.get(fragment.start - 8, current)
            if current >= 0:
                grouped[current].append(fragment)
        if all(grouped):
            return grouped
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    raise refuse("The frames of this film cannot be told apart.", "no_frame_offsets")
