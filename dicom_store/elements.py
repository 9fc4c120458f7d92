"""Reads one run of elements, explicit or implicit, of either byte order: where each value lies. Bounded. Pure.

It knows sequences, items and fragments, but not what a film begins with; that is `tagwalk`'s.

Source: DICOM PS3.5 chapter 7 and annex A.
"""

import mmap
import struct
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from dicom_store import dictionary
from dicom_store.errors import FilmRefused
from dicom_store.fragments import Fragment

MAX_DEPTH = 64
MAX_ELEMENTS = 2_000_000
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010

_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_LONG_FORM = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV"}
_SHORT_FORM = {
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
}  # fmt: skip
VRS = {vr: vr.decode() for vr in _LONG_FORM | _SHORT_FORM}
_SHORT = {vr: vr.decode() for vr in _SHORT_FORM}

Buffer: TypeAlias = bytes | memoryview | mmap.mmap


class Element(NamedTuple):
    """One element: where its value lies, or its items.

    Attributes:
        tag: 0xGGGGEEEE.
        vr: Two letters; for implicit syntaxes from the dictionary, where several are possible as there ("US or SS").
        start: Byte of the buffer at which the value starts.
        length: Bytes of the value; for sequences and encapsulated pixel data up to the end of the last item.
        items: The items of a sequence, else None.
    """

    tag: int
    vr: str
    start: int
    length: int
    items: "list[list[Element]] | None"


def refuse(message: str, code: str) -> FilmRefused:
    """A refusal because the film cannot be understood."""
    return FilmRefused(message, failure_reason=0xC000, code=code)


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


class Reader:
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
            if not implicit:
                place = self._short_ones(place, end, found)
            if end - place < 8:
                if place == end:
                    break
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

    def _short_ones(self, place: int, end: int, found: list[Element]) -> int:
        """Append the elements from `place` on that are explicit and of the short form: nearly all, and they are quick.

        Returns:
            Where the first of another kind starts.
        """
        data, explicit, first = self._data, self._explicit, len(found)
        for _ in range(MAX_ELEMENTS - self._count + 1):
            if end - place < 8:
                break
            group, number, letters, length = explicit(data, place)
            vr = _SHORT.get(letters)
            start = place + 8
            if vr is None or length > end - start:
                break
            found.append(Element(group << 16 | number, vr, start, length, None))
            place = start + length
        self._counted(len(found) - first)
        return place

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
            known = VRS.get(letters)
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

    def _counted(self, more: int = 1) -> None:
        self._count += more
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
