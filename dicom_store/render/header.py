"""What a film's header says about how to show it. Reads a pydicom data set; touches no pixels.

The rules of the standard about which attribute wins are here, and the limits on what a header may ask for.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_store.errors import NotRenderable
from dicom_store.render.grey import Array, Lut, Rescale, Shading
from dicom_store.render.limits import MAX_PIXEL_SHAPE, MAX_PIXELS
from dicom_store.render.look import Window, WindowFunction

MAX_FRAMES = 100_000
MAX_LUT_ENTRIES = 1 << 16

_WINDOW_FUNCTIONS = {
    "": WindowFunction.LINEAR,
    "LINEAR": WindowFunction.LINEAR,
    "LINEAR_EXACT": WindowFunction.LINEAR_EXACT,
    "SIGMOID": WindowFunction.SIGMOID,
}
# PS3.3 C.8.7.1.1.2: in these the modality LUT leads to linear values for measuring, not to what is shown, when the
# stored values are logarithmic or made for display.
_XA_XRF = frozenset({"1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.1.1"})
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def check_limits(film: Dataset, frame: int, *, has_pixels: bool = False) -> None:
    """Refuse headers that ask for too much or for nothing.

    Args:
        film: The data set.
        frame: From 1.
        has_pixels: Whether pixels are known to exist that are not part of `film`.

    Raises:
        NotRenderable: No pixels, too many, no such frame.
    """
    rows, columns, samples = (_number(film, name) for name in ("Rows", "Columns", "SamplesPerPixel"))
    frames = frame_count(film)
    if rows < 1 or columns < 1 or not (has_pixels or any(word in film for word in _PIXEL_WORDS)):
        raise NotRenderable("This film has no pixels.", code="no_pixels")
    if rows * columns > MAX_PIXELS or frames > MAX_FRAMES or samples not in (1, 3):
        raise NotRenderable("This film is too large to be shown as a picture.", code="too_large")
    if not 1 <= frame <= frames:
        raise NotRenderable("This film has {count} frames.", code="no_such_frame", count=frames)


_PIXEL_WORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def frame_count(film: Dataset) -> int:
    """How many frames the header claims; at least 1."""
    return max(1, _number(film, "NumberOfFrames", 1))


def shading(film: Dataset, frame: int) -> Shading:
    """Find the steps from stored values to grey for one frame.

    Args:
        film: The data set.
        frame: From 1.
    """
    return Shading(
        modality=_modality(film, frame),
        voi=_voi(film, frame),
        invert=(
            str(film.get("PhotometricInterpretation", "")) == "MONOCHROME1"
            or str(film.get("PresentationLUTShape", "")) == "INVERSE"
        ),
        padding=_padding(film),
    )


def pixel_height(film: Dataset, frame: int) -> float:
    """Height of a pixel in units of its width.

    Raises:
        NotRenderable: A shape that cannot be believed.

    Source: DICOM PS3.3 C.7.6.3.1.7, 10.7.1.3.
    """
    measures = _group(film, frame, "PixelMeasuresSequence")
    pair = _pair(measures, "PixelSpacing") if measures is not None else None
    for name in (*_SPACINGS, "PixelAspectRatio"):
        pair = pair or _pair(film, name)
    if pair is None:
        return 1.0
    shape = pair[0] / pair[1]
    if not 1 / MAX_PIXEL_SHAPE <= shape <= MAX_PIXEL_SHAPE:
        raise NotRenderable("The shape of this film's pixels cannot be right.", code="pixel_shape")
    return 1.0 if abs(shape - 1) < 1e-3 else shape


def _modality(film: Dataset, frame: int) -> Rescale | Lut | None:
    relation = str(film.get("PixelIntensityRelationship", ""))
    if str(film.get("SOPClassUID", "")) in _XA_XRF and relation in ("LOG", "DISP"):
        return None
    group = _group(film, frame, "PixelValueTransformationSequence")
    if group is None and (item := _first(film, "ModalityLUTSequence")) is not None:
        return lut(item, signed=_number(film, "PixelRepresentation") == 1)
    source = group if group is not None else film
    slope, intercept = _floats(source, "RescaleSlope"), _floats(source, "RescaleIntercept")
    if not slope and not intercept:
        return None
    found = Rescale((slope or (1.0,))[0], (intercept or (0.0,))[0])
    # A slope of 0 (or none at all) is a device's mistake: it would show one flat grey.
    return None if found.slope == 0 or not np.isfinite(found.slope + found.intercept) else found


def _voi(film: Dataset, frame: int) -> Window | Lut | None:
    group = _group(film, frame, "FrameVOILUTSequence")
    source = group if group is not None else film
    if (item := _first(source, "VOILUTSequence")) is not None:
        # After a modality LUT values are unsigned; after a rescale they may be negative, PS3.3 C.11.2.1.1.
        negative = _number(film, "PixelRepresentation") == 1 or any(x < 0 for x in _floats(film, "RescaleIntercept"))
        return lut(item, signed=negative and "ModalityLUTSequence" not in film)
    centres, widths = _floats(source, "WindowCenter"), _floats(source, "WindowWidth")
    if not centres or not widths:
        return _as_they_are(film)
    function = _WINDOW_FUNCTIONS.get(str(source.get("VOILUTFunction", "") or ""))
    if function is None:
        raise NotRenderable("This film asks for an unknown way to show it.", code="voi_function")
    found = Window(centres[0], widths[0], function)
    return found if found.usable() else None


def _as_they_are(film: Dataset) -> Window | None:
    """Eight bits without any window are brightness already (photos, scans): stretching would change the picture."""
    plain = _number(film, "BitsStored") == 8 and _number(film, "PixelRepresentation") == 0
    return Window(127.5, 255, WindowFunction.LINEAR_EXACT) if plain and not _floats(film, "RescaleSlope") else None


def lut(item: Dataset, *, signed: bool) -> Lut:
    """Read a LUT from its sequence item.

    Args:
        item: Item of a Modality or VOI LUT Sequence.
        signed: Whether the first mapped value is.

    Raises:
        NotRenderable: Its parts do not fit together.
    """
    descriptor, data = item.get("LUTDescriptor"), item.get("LUTData")
    if not isinstance(descriptor, MultiValue | list) or len(descriptor) != 3 or data is None:
        raise NotRenderable("A table in this film is broken.", code="lut")
    entries, first, bits = (int(str(number)) for number in descriptor)
    entries = (entries & 0xFFFF) or MAX_LUT_ENTRIES  # 0 says 65536; a VR of SS makes large counts negative
    first &= 0xFFFF
    if signed and first >= 0x8000:
        first -= 0x10000
    table = table_of(data, entries, little=item.original_encoding[1] is not False)
    if not 8 <= bits <= 16 or len(table) == 0:
        raise NotRenderable("A table in this film is broken.", code="lut")
    if int(table.max()) >= 1 << bits:  # some devices write 8 or 10 bits for 16-bit entries
        bits = int(table.max()).bit_length()
    return Lut(first, table, bits)


def table_of(data: object, entries: int, *, little: bool = True) -> Array:
    """Unpack a table's entries, from words or from packed bytes.

    Args:
        data: What pydicom made of the element: bytes (OW) or numbers (US).
        entries: How many there are to be.
        little: Byte order of OW.

    Raises:
        NotRenderable: Fewer entries than said.
    """
    table: Array
    if isinstance(data, bytes):
        table = np.frombuffer(data, dtype=("<u2" if little else ">u2") if len(data) >= 2 * entries else "u1")
    else:
        numbers = cast("Sequence[Any]", data if isinstance(data, MultiValue | list) else [data])
        table = np.asarray([int(number) & 0xFFFF for number in numbers[: 2 * MAX_LUT_ENTRIES]], dtype=np.uint16)
        if len(table) < entries <= 2 * len(table):  # two 8-bit entries packed into a word
            table = table.astype("<u2").view(np.uint8)
    if len(table) < entries:
        raise NotRenderable("A table in this film is broken.", code="lut")
    return table[:entries]


def _padding(film: Dataset) -> tuple[int, int] | None:
    value = film.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = film.get("PixelPaddingRangeLimit")
    other = limit if isinstance(limit, int) else value
    return min(value, other), max(value, other)


def _group(film: Dataset, frame: int, name: str) -> Dataset | None:
    """The functional group of one frame, or the one all frames share (PS3.3 C.7.6.16)."""
    each = film.get("PerFrameFunctionalGroupsSequence")
    if each is not None and len(each) >= frame and (found := _first(each[frame - 1], name)) is not None:
        return found
    shared = _first(film, "SharedFunctionalGroupsSequence")
    return None if shared is None else _first(shared, name)


def _first(source: Dataset, name: str) -> Dataset | None:
    items = source.get(name)
    return cast(Dataset, items[0]) if items else None


def _pair(source: Dataset, name: str) -> tuple[float, float] | None:
    numbers = _floats(source, name)
    if len(numbers) < 2 or not all(np.isfinite(n) and n > 0 for n in numbers[:2]):
        return None
    return numbers[0], numbers[1]


def _floats(source: Dataset, name: str) -> tuple[float, ...]:
    value = source.get(name)
    if value is None or value == "":
        return ()
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    try:
        return tuple(float(number) for number in values)
    except (TypeError, ValueError):
        return ()


def _number(film: Dataset, name: str, default: int = 0) -> int:
    value = film.get(name, default)
    if value is None or value == "":
        return default
    try:
        return int(str(value))
    except (TypeError, ValueError):
        raise NotRenderable("This film's header is broken.", code="header") from None
