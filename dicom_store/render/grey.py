"""From stored values to shades of grey: modality LUT, VOI LUT, windows. Pure numpy; knows no files and no pydicom."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_store.errors import NotRenderable
from dicom_store.render.look import Window, WindowFunction

Array = NDArray[Any]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rescale:
    """A straight line: output = stored * slope + intercept."""

    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Lut:
    """A table: value `first + i` becomes `table[i]`; values beyond an end take that end's.

    Attributes:
        first: The first value that is mapped.
        table: Shape (entries,), unsigned.
        bits: Bits of an entry, 8 to 16: white is `2**bits - 1`.
    """

    first: int
    table: Array
    bits: int


def apply_rescale(stored: Array, rescale: Rescale) -> NDArray[np.float64]:
    """Map stored values to output units (HU for CT).

    Source: DICOM PS3.3 C.11.1.1.2.
    """
    return np.asarray(stored, dtype=np.float64) * rescale.slope + rescale.intercept


def apply_lut(values: Array, lut: Lut) -> Array:
    """Look values up in a table.

    Source: DICOM PS3.3 C.11.1.1, C.11.2.1.1.
    """
    index = np.clip(np.round(values).astype(np.int64) - lut.first, 0, len(lut.table) - 1)
    return lut.table[index]


def apply_modality(stored: Array, modality: Rescale | Lut | None) -> Array:
    """Map stored values to output units; None leaves them."""
    if modality is None:
        return stored
    return apply_lut(stored, modality) if isinstance(modality, Lut) else apply_rescale(stored, modality)


def apply_window(values: Array, window: Window) -> Bytes:
    """Map values to display brightness.

    Args:
        values: Any shape, after the modality LUT, in output units (HU for CT).
        window: Centre and width in the same units.

    Returns:
        The same shape, 0 black to 255 white.

    Raises:
        NotRenderable: The window's width is too small for its function.

    Source: DICOM PS3.3 C.11.2.1.2, C.11.2.1.3.
    """
    if not window.usable():
        raise NotRenderable("The window's width is too small.", code="window")
    x = np.asarray(values, dtype=np.float64)
    if window.function is WindowFunction.SIGMOID:
        power = np.clip(-4.0 * (x - window.centre) / window.width, -700, 700)  # exp(700) is near the largest float
        bright = 1.0 / (1.0 + np.exp(power))
    elif window.function is WindowFunction.LINEAR_EXACT:
        bright = (x - window.centre) / window.width + 0.5
    elif window.width == 1:
        bright = (x > window.centre - 0.5).astype(np.float64)
    else:
        bright = (x - (window.centre - 0.5)) / (window.width - 1.0) + 0.5
    return _to_bytes(bright)


def apply_voi_lut(values: Array, lut: Lut) -> Bytes:
    """Map values to display brightness by a table.

    Source: DICOM PS3.3 C.11.2.1.1.
    """
    return _to_bytes(apply_lut(values, lut) / float((1 << lut.bits) - 1))


def full_range(values: Array) -> Window:
    """The window that shows every value there is: the smallest black, the largest white."""
    finite = values[np.isfinite(values)] if np.issubdtype(values.dtype, np.floating) else values
    if finite.size == 0:
        return Window(0.0, 1.0, WindowFunction.LINEAR_EXACT)
    low, high = float(finite.min()), float(finite.max())
    return Window((low + high) / 2, max(high - low, 1e-9), WindowFunction.LINEAR_EXACT)


def _to_bytes(bright: NDArray[np.float64]) -> Bytes:
    shown = np.nan_to_num(bright, nan=0.0, posinf=1.0, neginf=0.0)
    return np.asarray(np.clip(shown, 0.0, 1.0) * 255.0 + 0.5, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Shading:
    """How one frame's stored values become grey.

    Attributes:
        modality: First step; None leaves the values.
        voi: Second step; None shows the full range.
        invert: Whether the smallest value is white (MONOCHROME1).
        padding: Stored values (low, high) outside of the picture, left out of the full range.
    """

    modality: Rescale | Lut | None = None
    voi: Window | Lut | None = None
    invert: bool = False
    padding: tuple[int, int] | None = None


def shade(stored: Array, shading: Shading, span: tuple[int, int] | None = None) -> Bytes:
    """Turn a frame of stored values into shades of grey.

    Whole numbers go by a table with one entry for each value that may occur, which is exact and faster than computing
    every pixel.

    Args:
        stored: Shape (rows, columns).
        shading: The steps.
        span: The least and the greatest value that may occur, for whole numbers; None looks for them. Films of a series
            share it, and with it their table.

    Returns:
        Shape (rows, columns), 0 black to 255 white.
    """
    if stored.size == 0:
        raise NotRenderable("This film has no pixels.", code="no_pixels")
    if not np.issubdtype(stored.dtype, np.integer):
        return _steps(stored, shading, _voi(stored, shading))
    low, high = span if span is not None else (int(stored.min()), int(stored.max()))
    if high - low >= max(stored.size, 1 << 16):
        return _steps(stored, shading, _voi(stored, shading))
    if low >= -(1 << 15) and high < 1 << 16:
        low, high = min(low, 0), max(high, 0)
    if isinstance(shading.voi, Window) and not isinstance(shading.modality, Lut):
        table = _shared_table(shading, shading.voi, low, high)
    else:
        table = _table(shading, _voi(stored, shading), low, high)
    # Every value has its entry: the mode only spares a check.
    if low == 0:
        return table.take(stored, mode="clip")
    if _is_short(low, high):
        return table.take(stored.astype(np.int16, copy=False).view(np.uint16), mode="clip")
    return table.take(stored.astype(np.int64) - low)


def _voi(stored: Array, shading: Shading) -> Window | Lut:
    return shading.voi if shading.voi is not None else full_range(_inside(stored, shading))


def _table(shading: Shading, voi: Window | Lut, low: int, high: int) -> Bytes:
    """The shade of each value from `low` to `high`, in this order.

    Where some are negative and all fit into 16 bits they stand where the same bits read as positive numbers lead to.
    """
    shades = _steps(np.arange(low, high + 1, dtype=np.int64), shading, voi)
    if low == 0 or not _is_short(low, high):
        return shades
    by_bits = np.zeros(1 << 16, dtype=np.uint8)
    by_bits[low:], by_bits[: high + 1] = shades[:-low], shades[-low:]
    return by_bits


_shared_table = lru_cache(maxsize=32)(_table)
"""Made once for a series: other threads get a turn at each of its many small steps."""


def _is_short(low: int, high: int) -> bool:
    return low >= -(1 << 15) and high < 1 << 15


def _steps(stored: Array, shading: Shading, voi: Window | Lut) -> Bytes:
    values = apply_modality(stored, shading.modality)
    grey = apply_voi_lut(values, voi) if isinstance(voi, Lut) else apply_window(values, voi)
    return 255 - grey if shading.invert else grey


def _inside(stored: Array, shading: Shading) -> Array:
    inside = stored
    if shading.padding is not None:
        low, high = shading.padding
        inside = stored[(stored < low) | (stored > high)]
    if inside.size == 0:
        inside = stored.ravel()
    ends = np.array([inside.min(), inside.max()]) if isinstance(shading.modality, Rescale) else inside
    return apply_modality(ends, shading.modality)
