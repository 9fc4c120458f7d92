"""The short way to a picture for the most common film there is: one frame of grey in plain bytes, a window, no tables.

It takes nothing for granted: a film with anything else in its header goes the long way (`work`), and a test compares
the two on every film. Reads the header by the tag walk, which costs a twentieth of a full reading. No decoder
and no pydicom: it runs in a worker, or near (`near`).
"""

import struct

import numpy as np

from dicom_store import tagwalk
from dicom_store.elements import PIXEL_DATA
from dicom_store.errors import FilmRefused
from dicom_store.render import grey
from dicom_store.render.grey import Bytes, Rescale, Shading
from dicom_store.render.limits import MAX_PIXEL_SHAPE, MAX_PIXELS
from dicom_store.render.look import Window, WindowFunction
from dicom_store.tagwalk import Walk

_ROWS, _COLUMNS, _ALLOCATED, _STORED, _HIGH, _SIGNED = (
    0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103
)  # fmt: skip
_SAMPLES, _PHOTOMETRIC, _FRAMES = 0x00280002, 0x00280004, 0x00280008
_CENTRE, _WIDTH, _INTERCEPT, _SLOPE = 0x00281050, 0x00281051, 0x00281052, 0x00281053
_SPACINGS = (0x00280030, 0x00181164, 0x00182010, 0x00280034)
_LONG_WAY = {
    0x00089205,  # Pixel Presentation
    0x00281056,  # VOI LUT Function
    0x00283000,  # Modality LUT Sequence
    0x00283010,  # VOI LUT Sequence
    0x00281040,  # Pixel Intensity Relationship
    0x20500020,  # Presentation LUT Shape
    0x52009229,  # Shared Functional Groups Sequence
    0x52009230,  # Per-frame Functional Groups Sequence
}
_Numbers = dict[int, tuple[float, ...]]


def show(film: bytes, window: Window | None) -> tuple[Bytes, float] | None:
    """Turn a film into shades of grey.

    Args:
        film: The whole film.
        window: The caller's window; None takes the film's.

    Returns:
        Shape (rows, columns) and the height of a pixel in units of its width; None where the long way must be gone.
    """
    try:
        walk = tagwalk.walk(film)
    except FilmRefused:
        return None
    if walk.transfer_syntax not in tagwalk.PLAIN or not walk.labelled or walk.fragments is not None or walk.big:
        return None
    try:
        numbers = _numbers(walk)
        stored = _stored(walk, numbers) if numbers is not None else None
    except (ValueError, struct.error, UnicodeDecodeError):
        return None
    if numbers is None or stored is None:
        return None
    shading = _shading(walk, numbers, window)
    height = _pixel_height(numbers)
    return None if shading is None or height is None else (grey.shade(stored[0], shading, stored[1]), height)


def _numbers(walk: Walk) -> _Numbers | None:
    """The numbers that decide how the film is shown; None where something else decides too."""
    found: _Numbers = {}
    for element in walk.elements:
        tag = element.tag
        if (
            tag in _LONG_WAY
            or 0x6000 <= tag >> 16 <= 0x60FF
            or (tag >> 16 == 0x0028 and 0x1101 <= tag & 0xFFFF < 0x1300)
        ):
            return None
        if tag >> 16 == 0x0028 or tag in _SPACINGS:
            if element.vr == "US" and element.length >= 2:
                found[tag] = struct.unpack_from("<H", walk.data, element.start)
            elif element.vr in {"DS", "IS"} and element.length:
                words = walk.value(element).decode("ascii").split("\\")
                found[tag] = tuple(float(word.strip(" \0")) for word in words)
    return found


def _text(walk: Walk, tag: int) -> str:
    element = walk.find(tag)
    return walk.value(element).decode("ascii").strip(" \0") if element is not None else ""


def _stored(walk: Walk, numbers: _Numbers) -> tuple[grey.Array, tuple[int, int]] | None:
    """The stored values, and between which two they are; None where they are not plain."""
    rows, columns, bits, stored, high, signed, samples = (
        int(numbers.get(tag, (0,))[0]) for tag in (_ROWS, _COLUMNS, _ALLOCATED, _STORED, _HIGH, _SIGNED, _SAMPLES)
    )
    pixels = walk.find(PIXEL_DATA)
    if _text(walk, _PHOTOMETRIC) not in {"MONOCHROME1", "MONOCHROME2"} or samples != 1 or bits not in (8, 16):
        return None
    if pixels is None or not 0 < stored <= bits or high != stored - 1 or signed not in (0, 1):
        return None
    count = rows * columns
    if not 0 < count <= MAX_PIXELS or numbers.get(_FRAMES, (1.0,))[0] != 1:
        return None
    size = count * bits // 8
    if pixels.length != size + size % 2:
        return None
    kind = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
    values = np.frombuffer(walk.data, kind, count, pixels.start).reshape(rows, columns)
    least, most = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    if stored < bits and (values.max() > most or (signed and values.min() < least)):
        return None
    return values, (least, most)


def _shading(walk: Walk, numbers: _Numbers, window: Window | None) -> Shading | None:
    invert = _text(walk, _PHOTOMETRIC) == "MONOCHROME1"
    slope, intercept = numbers.get(_SLOPE, (1.0,))[0], numbers.get(_INTERCEPT, (0.0,))[0]
    if slope == 0 or not np.isfinite(slope + intercept):
        return None
    modality = Rescale(slope, intercept) if _SLOPE in numbers or _INTERCEPT in numbers else None
    if window is None:
        if _CENTRE not in numbers or _WIDTH not in numbers:
            return None
        window = Window(numbers[_CENTRE][0], numbers[_WIDTH][0], WindowFunction.LINEAR)
    return Shading(modality, window, invert) if window.usable() else None


def _pixel_height(numbers: _Numbers) -> float | None:
    for tag in _SPACINGS:
        pair = numbers.get(tag)
        if pair is None:
            continue
        if len(pair) < 2 or not all(np.isfinite(one) and one > 0 for one in pair[:2]):
            return None
        shape = pair[0] / pair[1]
        if abs(shape - 1) < 1e-3:
            return 1.0
        return shape if 1 / MAX_PIXEL_SHAPE <= shape <= MAX_PIXEL_SHAPE else None
    return 1.0
