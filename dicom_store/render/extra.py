"""Decoders for what pydicom's plug-ins leave out: HTJ2K, 12-bit JPEG, deflated frames. Runs in a worker."""

import sys
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import HTJ2K, UID, HTJ2KLossless, HTJ2KLosslessRPCL, JPEGExtended12Bit

from dicom_store.errors import NotRenderable
from dicom_store.render import codestream
from dicom_store.render.grey import Array

DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
"""Deflated Image Frame Compression, newer than pydicom's dictionary."""

RETIRED_JPEG = frozenset({UID("1.2.840.10008.1.2.4.53"), UID("1.2.840.10008.1.2.4.55")})
"""Spectral selection and full progression: gone from the standard in 1998, not from the archives of old machines."""
_HTJ2K = frozenset({HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL})
BEYOND_PYDICOM = RETIRED_JPEG | {DEFLATED_FRAMES}


def decodes(syntax: UID) -> bool:
    """Whether frames of this transfer syntax are decoded here, all or some of them."""
    return syntax in BEYOND_PYDICOM | _HTJ2K | {JPEGExtended12Bit}


def decode(film: Dataset, syntax: UID, data: bytes) -> tuple[Array, str] | None:
    """Decode one frame where pydicom would not.

    Args:
        film: The data set; its size has been checked against the codestream.
        syntax: Transfer syntax.
        data: The frame's compressed bytes.

    Returns:
        Values and their photometric interpretation, or None where pydicom decodes.

    Raises:
        NotRenderable: Broken, or of a kind that cannot be told for certain.
    """
    if syntax == DEFLATED_FRAMES:
        return _inflate(film, data)
    try:
        # OpenJPEG: the other decoder at hand, OpenJPH, turned white to black where lossy values overflowed.
        if syntax in _HTJ2K:
            return _meaning(film, data, _strictly(imagecodecs.jpeg2k_decode, data))
        extended = syntax == JPEGExtended12Bit and (said := codestream.claim(data)) is not None and said.bits > 8
        if extended or syntax in RETIRED_JPEG:
            return _meaning(film, data, _strictly(imagecodecs.jpeg8_decode, data))
    except (imagecodecs.Jpeg2kError, imagecodecs.Jpeg8Error, RuntimeError, ValueError) as error:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from error
    return None


def _strictly(decoder: Callable[[bytes], Array], data: bytes) -> Array:
    """Decode, and believe nothing that came with an error.

    imagecodecs loses some errors of its C parts: they are printed, and half a picture is returned.
    """
    lost: list[object] = []
    before, sys.unraisablehook = sys.unraisablehook, lost.append
    try:
        values = decoder(data)
    finally:
        sys.unraisablehook = before
    if lost:
        raise ValueError
    return values


def _meaning(film: Dataset, data: bytes, values: Array) -> tuple[Array, str]:
    photometric = str(film.PhotometricInterpretation)
    if photometric in ("YBR_ICT", "YBR_RCT"):
        return values, "RGB"  # the decoder undid it
    if photometric == "YBR_FULL":
        return convert_color_space(values, "YBR_FULL", "RGB"), "RGB"
    said = codestream.claim(data)
    signed = int(film.get("PixelRepresentation") or 0) == 1
    if said is not None and said.signed and not signed:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame")
    if said is not None and signed and not said.signed:
        # Stored as two's complement in an unsigned codestream: bring the sign bit back to the top.
        unused = 32 - said.bits
        values = np.left_shift(values.astype(np.int32), unused) >> unused
    return values, photometric


def _inflate(film: Dataset, data: bytes) -> tuple[Array, str]:
    rows, columns, bits = int(film.Rows), int(film.Columns), int(film.BitsAllocated)
    if int(film.SamplesPerPixel) != 1 or bits not in (1, 8, 16):
        raise NotRenderable("This kind of compression cannot be shown.", code="no_decoder")
    size = (rows * columns * bits + 7) // 8
    try:
        raw = zlib.decompressobj(wbits=-15).decompress(data, size)
    except zlib.error as error:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from error
    if len(raw) != size:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame")
    if bits == 1:
        values: Array = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=rows * columns, bitorder="little")
    else:
        sign = "i" if int(film.get("PixelRepresentation") or 0) == 1 else "u"
        values = np.frombuffer(raw, dtype=f"<{sign}{bits // 8}")
    return values.reshape(rows, columns), str(film.PhotometricInterpretation)
