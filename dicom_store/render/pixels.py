"""One frame of a film as an array: found, checked against its header, decoded. Runs in a worker.

Decodes by pydicom's plug-ins (GDCM, Pillow, pyjpegls, pylibjpeg's where installed) and `extra`; whatever they cannot
turn to stored values, indices or RGB for certain is refused.
"""

from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from dicom_store.errors import NotRenderable
from dicom_store.render import codestream, colour, extra, header, overlays
from dicom_store.render.grey import Array, Bytes, Shading, shade
from dicom_store.render.look import Look

_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """Values of one frame.

    Attributes:
        values: Shape (rows, columns) for grey and palette, (rows, columns, 3) for RGB.
        photometric: What they mean now: MONOCHROME1, MONOCHROME2, PALETTE COLOR or RGB.
    """

    values: Array
    photometric: str


def decode(film: Dataset, syntax: UID, frame: int, *, full_depth: bool = False) -> Decoded:
    """Decode one frame.

    Args:
        film: The data set, with pixel data.
        syntax: Transfer syntax of the pixel data.
        frame: From 1, of the frames in the pixel data.
        full_depth: Leave colours of more than eight bits as they are.

    Raises:
        NotRenderable: No decoder, broken data, or values that do not say what they mean.
    """
    header.check_limits(film, frame)
    photometric = str(film.get("PhotometricInterpretation", ""))
    if photometric not in _GREY | _COLOUR and photometric != "PALETTE COLOR":
        raise NotRenderable("This kind of colours ({kind}) cannot be shown.", code="photometric", kind=photometric[:16])
    if "PixelData" in film and (syntax == extra.DEFLATED_FRAMES or syntax.is_encapsulated):
        data = _frame_data(film, frame)
        codestream.check(data, int(film.Rows), int(film.Columns), int(film.SamplesPerPixel))
        if (decoded := extra.decode(film, syntax, data)) is not None:
            return _checked(film, *decoded, full_depth=full_depth)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        raise NotRenderable("This kind of compression cannot be shown.", code="no_decoder")
    try:
        values, facts = decoder.as_array(film, index=frame - 1)
    except (ValueError, RuntimeError, AttributeError, TypeError, NotImplementedError, OSError, KeyError) as error:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from error
    return _checked(film, values, str(facts["photometric_interpretation"]), full_depth=full_depth)


def _checked(film: Dataset, values: Array, photometric: str, *, full_depth: bool) -> Decoded:
    shape = (int(film.Rows), int(film.Columns))
    if photometric in ("YBR_ICT", "YBR_RCT"):
        # Decoders undo these two by themselves and say RGB; still said here means that nobody did.
        raise NotRenderable("The colours of this film cannot be shown for certain.", code="colour_space")
    wanted = shape if photometric in _GREY or photometric == "PALETTE COLOR" else (*shape, 3)
    if values.shape != wanted:
        raise NotRenderable("The picture's size differs from what the film says.", code="size_differs")
    if photometric == "RGB" and values.dtype != np.uint8 and not full_depth:
        values = _to_8_bits(values, int(film.BitsStored))
    elif photometric not in _GREY | {"RGB", "PALETTE COLOR"}:
        raise NotRenderable("The colours of this film cannot be shown for certain.", code="colour_space")
    return Decoded(values, photometric)


def _to_8_bits(values: Array, bits: int) -> Bytes:
    if not np.issubdtype(values.dtype, np.unsignedinteger) or not 8 <= bits <= 16:
        raise NotRenderable("The colours of this film cannot be shown for certain.", code="colour_space")
    return np.asarray(values >> (bits - 8), dtype=np.uint8)


def _frame_data(film: Dataset, frame: int) -> bytes:
    try:
        return get_frame(
            film.PixelData,
            frame - 1,
            number_of_frames=header.frame_count(film),
            extended_offsets=_extended_offsets(film),
        )
    except (ValueError, RuntimeError, TypeError, AttributeError, EOFError) as error:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from error


def _extended_offsets(film: Dataset) -> tuple[bytes, bytes] | None:
    offsets, lengths = film.get("ExtendedOffsetTable"), film.get("ExtendedOffsetTableLengths")
    return (offsets, lengths) if isinstance(offsets, bytes) and isinstance(lengths, bytes) else None


def to_display(film: Dataset, decoded: Decoded, frame: int, look: Look) -> Bytes:
    """Turn values into what a screen shows, with the film's overlays.

    Returns:
        Shape (rows, columns) for grey or (rows, columns, 3) for RGB, 8 bits.
    """
    return overlays.draw(film, decoded.values, _shown(film, decoded, frame, look), frame)


def _shown(film: Dataset, decoded: Decoded, frame: int, look: Look) -> Bytes:
    if decoded.photometric == "PALETTE COLOR":
        return colour.apply_palette(decoded.values, colour.palette(film))
    if decoded.photometric == "RGB":
        return np.asarray(decoded.values, dtype=np.uint8)
    steps = header.shading(film, frame)
    if look.window is not None:
        steps = replace(steps, voi=look.window)
    if str(film.get("PixelPresentation", "")) in ("COLOR", "MIXED"):
        return _with_colours(film, decoded.values, steps)
    return shade(decoded.values, steps)


def _with_colours(film: Dataset, values: Array, steps: Shading) -> Bytes:
    """Grey below the palette's first value, colours from there on (PS3.3 C.8.16.2.1.1.1)."""
    if "RedPaletteColorLookupTableDescriptor" not in film or "DataFrameAssignmentSequence" in film:
        raise NotRenderable("The colours of this film cannot be shown for certain.", code="colour_space")
    table = colour.palette(film)
    grey = values < table.first
    shown = np.zeros((*values.shape, 3), dtype=np.uint8)
    if grey.any():
        shown[grey] = shade(values[grey], steps)[:, np.newaxis]
    shown[~grey] = colour.apply_palette(values[~grey], table)
    return shown
