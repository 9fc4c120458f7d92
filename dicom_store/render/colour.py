"""From palette indices to colours. Pure numpy beside one reader of the palette's attributes.

Luminance and chrominance (YBR) are turned to RGB by pydicom's decoders; what they cannot turn is refused in `pixels`.
"""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_store.errors import NotRenderable
from dicom_store.render.grey import Array, Bytes
from dicom_store.render.header import MAX_LUT_ENTRIES, table_of

_COLOURS = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True)
class Palette:
    """Three tables: index `first + i` has the colour `rgb[i]`.

    Attributes:
        first: The first index that is mapped; those below take its colour.
        rgb: Shape (entries, 3).
    """

    first: int
    rgb: Bytes


def apply_palette(indices: Array, palette: Palette) -> Bytes:
    """Look colours up.

    Args:
        indices: Shape (rows, columns).
        palette: The tables.

    Returns:
        Shape (rows, columns, 3).

    Source: DICOM PS3.3 C.7.6.3.1.5.
    """
    return palette.rgb[np.clip(indices.astype(np.int64) - palette.first, 0, len(palette.rgb) - 1)]


def palette(film: Dataset) -> Palette:
    """Read a film's palette.

    Raises:
        NotRenderable: Tables missing, broken, or of different lengths.
    """
    first, columns = 0, []
    for colour in _COLOURS:
        descriptor = film.get(f"{colour}PaletteColorLookupTableDescriptor")
        if not isinstance(descriptor, MultiValue | list) or len(descriptor) != 3:
            _refuse()
        entries, first, bits = (int(number) & 0xFFFF for number in descriptor)
        table = _table(film, colour, entries or MAX_LUT_ENTRIES, bits)
        # 16-bit entries carry 8 bits of colour in some films: look at what is there, not at what is said.
        columns.append((table >> 8 if int(table.max()) > 0xFF else table).astype(np.uint8))
    if bool(film.get("PixelRepresentation")) and first >= 0x8000:
        first -= 0x10000
    if len({len(column) for column in columns}) != 1:
        _refuse()
    return Palette(first, np.stack(columns, axis=1))


def _table(film: Dataset, colour: str, entries: int, bits: int) -> NDArray[np.uint16]:
    little = film.original_encoding[1] is not False
    data = film.get(f"{colour}PaletteColorLookupTableData")
    if data is not None:
        return table_of(data, entries, little=little).astype(np.uint16)
    segmented = film.get(f"Segmented{colour}PaletteColorLookupTableData")
    if not isinstance(segmented, bytes) or len(segmented) > 4 * MAX_LUT_ENTRIES:
        _refuse()
    kind = ("<u2" if little else ">u2") if bits == 16 else "u1"
    words = [int(word) for word in np.frombuffer(segmented[: len(segmented) // 2 * 2], dtype=kind)]
    table = expand_segments(words, wide=bits == 16)
    if len(table) < entries:
        _refuse()
    return np.asarray(table[:entries], dtype=np.uint16)


def expand_segments(words: list[int], *, wide: bool) -> list[int]:
    """Expand a segmented table: runs given entry by entry, straight lines, and repeats of earlier segments.

    Args:
        words: The segments; a trailing zero may pad them.
        wide: Whether words have 16 bits.

    Returns:
        The entries, at most 65536.

    Raises:
        NotRenderable: Broken, or longer than a table may be.

    Source: DICOM PS3.3 C.7.9.2.
    """
    table: list[int] = []
    at = 0
    while at + 1 < len(words):
        if words[at] != 2:
            at = _expand_one(words, at, table)
            continue
        count = words[at + 1]
        pointer = words[at + 2 : at + (4 if wide else 6)]
        # Two words, or four bytes as two words: the least significant first. The offset counts bytes of the table.
        back = sum(word << ((16 if wide else 8) * place) for place, word in enumerate(pointer)) // (2 if wide else 1)
        at += 2 + len(pointer)
        for _ in range(count):
            if back + 1 >= len(words) or words[back] == 2:  # a repeat of a repeat is forbidden, and would never end
                _refuse()
            back = _expand_one(words, back, table)
    return table


def _expand_one(words: list[int], at: int, table: list[int]) -> int:
    """Append one discrete or linear segment; return where the next one begins."""
    kind, length = words[at], words[at + 1]
    if kind not in (0, 1) or length == 0 or len(table) + length > MAX_LUT_ENTRIES:
        _refuse()
    if kind == 0:
        table.extend(words[at + 2 : at + 2 + length])
        return at + 2 + length
    if not table or at + 2 >= len(words):
        _refuse()
    start, end = table[-1], words[at + 2]
    table.extend(round(start + (end - start) * step / length) for step in range(1, length + 1))
    return at + 3


def _refuse() -> NoReturn:
    raise NotRenderable("The colour table of this film is broken.", code="palette")
