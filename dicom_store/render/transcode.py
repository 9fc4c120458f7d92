"""A film, or one frame of it, in another transfer syntax. Runs in a worker.

The values stay what they are: native pixels are only laid out anew, compressed ones are decoded, and HTJ2K is written
without loss. What cannot be decoded for certain is refused.

Source: DICOM PS3.5 8.2.14 and annex A.
"""

import io

import imagecodecs
import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    MPEGTransferSyntaxes,
)

from dicom_store.errors import NotRenderable
from dicom_store.render import header, pixels, work
from dicom_store.render.grey import Array

MAX_VALUES_BYTES = 512 << 20
"""Decoded pixels of one film."""


def film(data: bytes, target: str, syntax: str = "") -> bytes:
    """Transcode a whole film.

    Args:
        data: The film.
        target: Explicit VR little endian or lossless HTJ2K.
        syntax: Transfer syntax of a film without file meta; "" guesses.

    Returns:
        A film with the same UIDs.

    Raises:
        NotRenderable: It cannot be decoded for certain.
    """
    parsed, source = work.parse(data, syntax)
    if source in MPEGTransferSyntaxes:
        raise NotRenderable("This kind of compression cannot be shown.", code="no_decoder")
    if "PixelData" in parsed:
        _pixels(parsed, source, UID(target))
    elif target != ExplicitVRLittleEndian:
        raise NotRenderable("This film has no pixels.", code="no_pixels")
    meta = getattr(parsed, "file_meta", None) or FileMetaDataset()
    meta.TransferSyntaxUID = UID(target)
    parsed.file_meta = meta
    out = io.BytesIO()
    try:
        dcmwrite(out, parsed, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OSError) as error:
        raise NotRenderable("This film cannot be sent in another form.", code="not_transcodable") from error
    return out.getvalue()


def frame(data: bytes, target: str, number: int, syntax: str = "", stored: bytes | None = None) -> bytes:
    """Transcode one frame.

    Args:
        data: The whole film; or its header, when `stored` is given.
        target: As for `film`.
        number: From 1.
        syntax: As for `film`.
        stored: The frame, as it is stored.

    Returns:
        Little endian values, or a codestream.

    Raises:
        NotRenderable: It cannot be decoded for certain.
    """
    parsed, source = work.parse(data, syntax, header_only=stored is not None)
    header.check_limits(parsed, number, has_pixels=stored is not None)
    if source in MPEGTransferSyntaxes:
        raise NotRenderable("This kind of compression cannot be shown.", code="no_decoder")
    index = work.put_frame(parsed, source, stored) if stored is not None else number
    values, _ = _values(parsed, source, index)
    return _codestream(values) if target == HTJ2KLossless else _little(values)


def _pixels(parsed: Dataset, source: UID, target: UID) -> None:
    """Put a data set's pixels into another transfer syntax."""
    if target == ExplicitVRLittleEndian and not source.is_encapsulated and source != "1.2.840.10008.1.2.8.1":
        if source == ExplicitVRBigEndian:
            parsed.PixelData = _swapped(parsed)
        parsed["PixelData"].VR = "OW" if int(parsed.get("BitsAllocated") or 8) > 8 else "OB"
        parsed["PixelData"].is_undefined_length = False
        return
    count = header.frame_count(parsed)
    size = int(parsed.get("Rows") or 0) * int(parsed.get("Columns") or 0) * int(parsed.get("SamplesPerPixel") or 1)
    if count * size * max(1, int(parsed.get("BitsAllocated") or 8) // 8) > MAX_VALUES_BYTES:
        raise NotRenderable("This film is too large to be shown as a picture.", code="too_large")
    frames, photometric = [], ""
    for number in range(1, count + 1):
        values, photometric = _values(parsed, source, number)
        frames.append(_codestream(values) if target == HTJ2KLossless else _little(values))
        bits = 8 * values.dtype.itemsize
    _describe(parsed, photometric, bits, target)
    for table in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        parsed.pop(table, None)
    if target == ExplicitVRLittleEndian:
        joined = b"".join(frames)
        parsed.PixelData = joined + b"\0" * (len(joined) % 2)
        parsed["PixelData"].VR = "OW" if bits > 8 else "OB"
        parsed["PixelData"].is_undefined_length = False
    else:
        parsed.PixelData = encapsulate(frames)
        parsed["PixelData"].VR = "OB"
        parsed["PixelData"].is_undefined_length = True


def _values(parsed: Dataset, source: UID, number: int) -> tuple[Array, str]:
    """Stored values of a frame, in the smallest type that its header allows."""
    decoded = pixels.decode(parsed, source, number, full_depth=True)
    values = decoded.values
    if not np.issubdtype(values.dtype, np.integer) or values.dtype.itemsize > 2:
        wanted = int(parsed.get("BitsAllocated") or 0)
        kind = np.dtype(f"{'i' if int(parsed.get('PixelRepresentation') or 0) else 'u'}{max(1, min(wanted, 32) // 8)}")
        if not np.issubdtype(values.dtype, np.integer):
            raise NotRenderable("This film cannot be sent in another form.", code="not_transcodable")
        values = values.astype(kind)
    return values, decoded.photometric


def _describe(parsed: Dataset, photometric: str, bits: int, target: UID) -> None:
    """Say what the pixels are now."""
    if photometric == "RGB":
        parsed.PhotometricInterpretation = "YBR_RCT" if target == HTJ2KLossless else "RGB"
        parsed.PlanarConfiguration = 0
    if int(parsed.get("BitsAllocated") or 0) != bits:
        if int(parsed.get("BitsStored") or 0) > bits or int(parsed.get("BitsAllocated") or 0) == 1:
            parsed.BitsStored, parsed.HighBit = bits, bits - 1
        parsed.BitsAllocated = bits


def _little(values: Array) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _codestream(values: Array) -> bytes:
    if values.dtype.itemsize > 2:
        raise NotRenderable("This film cannot be sent in another form.", code="not_transcodable")
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))  # the encoder reads words as they lie
    return bytes(imagecodecs.htj2k_encode(little, reversible=True))


def _swapped(parsed: Dataset) -> bytes:
    """Big endian words as little endian; bytes that were packed into words as well."""
    data, bits = bytes(parsed.PixelData), int(parsed.get("BitsAllocated") or 8)
    if bits == 32:
        return np.frombuffer(data[: len(data) // 4 * 4], ">u4").astype("<u4").tobytes()
    if bits > 8 or parsed["PixelData"].VR == "OW":
        return np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    return data
