"""Overlays: drawings of one bit a pixel that lie on a film's frames. Reads a pydicom data set and draws with numpy.

They are drawn white, as screens of the field do. An overlay that cannot be read is left out: it is a remark about the
picture and not the picture.

Source: DICOM PS3.3 C.9.2, PS3.5 8.1.2.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_store.errors import NotRenderable
from dicom_store.render.grey import Array, Bytes

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME, _ALLOCATED, _POSITION, _DATA = (
    0x0010, 0x0011, 0x0015, 0x0050, 0x0051, 0x0100, 0x0102, 0x3000
)  # fmt: skip
Mask = NDArray[np.bool_]


def draw(film: Dataset, stored: Array, shown: Bytes, frame: int) -> Bytes:
    """Draw a film's overlays.

    Args:
        film: The data set.
        stored: The frame's stored values, shape (rows, columns) or (rows, columns, 3).
        shown: What is shown, of the same rows and columns; is not changed.
        frame: From 1.

    Returns:
        `shown` itself where there are none.
    """
    groups = {tag >> 16 for tag in film.keys() if 0x6000 <= tag >> 16 < 0x6020} & set(_GROUPS)  # noqa: SIM118  (tags)
    if not groups:
        return shown
    drawn = shown.copy()
    for group in sorted(groups):
        try:
            place = _plane(film, group, stored, frame)
        except (TypeError, ValueError, IndexError, AttributeError, NotRenderable):
            continue
        if place is not None:
            _put(drawn, *place)
    return drawn


def _plane(film: Dataset, group: int, stored: Array, frame: int) -> tuple[Mask, int, int] | None:
    """One overlay and where its upper left pixel lies; None where it has nothing on this frame."""
    rows, columns = (int(_value(film, group, word, 0)) for word in (_ROWS, _COLUMNS))
    if not (0 < rows <= 0xFFFF and 0 < columns <= 0xFFFF):
        return None
    origin = _value(film, group, _ORIGIN, [1, 1])
    top, left = int(origin[0]) - 1, int(origin[1]) - 1
    data = _value(film, group, _DATA, None)
    if data is None:
        return _within_pixels(film, group, stored, top, left)
    number = frame - int(_value(film, group, _FIRST_FRAME, 1))
    frames = int(_value(film, group, _FRAMES, 1))
    if frames == 1 and _FIRST_FRAME not in {tag & 0xFFFF for tag in film.keys() if tag >> 16 == group}:  # noqa: SIM118
        number = 0  # one drawing that says nothing of frames lies on all of them
    bits = rows * columns
    if not 0 <= number < frames or len(data) * 8 < bits * (number + 1):
        return None
    packed = np.frombuffer(data, np.uint8)
    if film.original_encoding[1] is False and len(data) % 2 == 0:
        packed = packed.view(">u2").astype("<u2").view(np.uint8)
    first = bits * number
    window = packed[first // 8 : -(-(first + bits) // 8)]
    plane = np.unpackbits(window, bitorder="little")[first % 8 : first % 8 + bits]
    return plane.reshape(rows, columns).astype(bool), top, left


def _within_pixels(
    film: Dataset, group: int, stored: Array, top: int, left: int
) -> tuple[Mask, int, int] | None:  # fmt: skip
    """An overlay in a bit of the pixels that holds no value, as films of before 2004 have it."""
    position = int(_value(film, group, _POSITION, -1))
    if stored.ndim != 2 or int(_value(film, group, _ALLOCATED, 1)) != int(film.BitsAllocated):
        return None
    if not int(film.HighBit) < position < int(film.BitsAllocated) or not np.issubdtype(stored.dtype, np.integer):
        return None
    return (stored.astype(np.int64) >> position & 1).astype(bool), top, left


def _value(film: Dataset, group: int, word: int, default: Any) -> Any:
    element = film.get((group, word))
    return default if element is None or element.value is None or element.value == "" else element.value


def _put(shown: Bytes, mask: Mask, top: int, left: int) -> None:
    """Draw white, cut to the picture."""
    rows, columns = shown.shape[:2]
    mask = mask[max(0, -top) :, max(0, -left) :][: max(0, rows - max(0, top)), : max(0, columns - max(0, left))]
    part = shown[max(0, top) :, max(0, left) :]
    part[: mask.shape[0], : mask.shape[1]][mask] = 255
