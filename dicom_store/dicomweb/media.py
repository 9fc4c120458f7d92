"""What pixels that are sent beside metadata say of themselves: their transfer syntax and the attributes of their shape.

Clients may leave these attributes out of the metadata of a photo or a video; what they do say is left as it is. Pure.

Source: DICOM PS3.18 10.5.1 and 8.7.3.3, PS3.3 C.7.6.3.
"""

import struct
from typing import Any

from dicom_store.errors import FilmRefused, NotRenderable
from dicom_store.render.codestream import claim
from dicom_store.wrapdataset import EXPLICIT_LITTLE, DataSet, refuse, text_of

_NATIVE_TYPES = {"application/octet-stream", "image/dicom+raw", ""}
_SYNTAXES = {
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "video/mpeg": "1.2.840.10008.1.2.4.100",
    "video/mpeg2": "1.2.840.10008.1.2.4.100",
    "video/mp4": "1.2.840.10008.1.2.4.102",
    "video/h265": "1.2.840.10008.1.2.4.107",
}
_NATIVE_SYNTAXES = {"1.2.840.10008.1.2", EXPLICIT_LITTLE, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}
TYPES = frozenset(_SYNTAXES)
"""Media types of pixels beside JPEG and plain ones."""
_JPEG_SYNTAXES = {
    0xC0: "1.2.840.10008.1.2.4.50",
    0xC1: "1.2.840.10008.1.2.4.51",
    0xC3: "1.2.840.10008.1.2.4.70",
}
_SCAN_BYTES = 1 << 20


def syntax_of(media_type: str, said: str, frame: bytes) -> str | None:
    """The transfer syntax of pixels.

    Args:
        media_type: Of the part that brought them.
        said: What the part or the metadata say, or "".
        frame: The first frame.

    Returns:
        A UID, or None for native little endian pixels.

    Raises:
        FilmRefused: Of a kind that is not kept.
    """
    if media_type in _NATIVE_TYPES and (not said or said in _NATIVE_SYNTAXES):
        return None
    if said and said not in _NATIVE_SYNTAXES:
        return said
    if media_type == "image/jpeg" and (found := _JPEG_SYNTAXES.get(_jpeg_process(frame))):
        return found
    if media_type == "video/mp4" and any(word in frame for word in (b"hvc1", b"hev1")):
        return _SYNTAXES["video/h265"]
    if media_type in _SYNTAXES:
        return _SYNTAXES[media_type]
    raise FilmRefused(
        "Bulk data of the type {kind} are not taken.", failure_reason=0x0122, code="bulk_type", kind=media_type[:64]
    )


def complete(data_set: DataSet, syntax: str, frames: list[bytes]) -> None:
    """Add the attributes of the pixels' shape that the metadata leave out.

    Raises:
        FilmRefused: Broken pixels, or of another size than the metadata say.
    """
    shape = _video(frames[0]) if syntax.startswith("1.2.840.10008.1.2.4.10") else _still(syntax, frames[0])
    if shape is None:
        return
    for word in ("00280010", "00280011"):
        if text_of(data_set, word) not in {"", str(shape[word][1])}:
            raise refuse(word)
    if len(frames) > 1:
        shape["00280008"] = ("IS", len(frames))
    for word, (vr, value) in shape.items():
        if word not in data_set:
            data_set[word] = {"vr": vr, "Value": [value]}


_Shape = dict[str, tuple[str, Any]]


def _still(syntax: str, frame: bytes) -> _Shape | None:
    try:
        said = claim(frame)
    except NotRenderable as error:
        raise FilmRefused(error.message, failure_reason=0xC000, code="metadata") from error
    if said is None:
        return None
    grey = said.samples == 1
    return _shape(
        said.rows, said.columns, said.samples, said.bits, "MONOCHROME2" if grey else _colours(syntax, frame)
    ) | {"00280103": ("US", int(said.signed))}


def _shape(rows: int, columns: int, samples: int, bits: int, photometric: str) -> _Shape:
    shape: _Shape = {
        "00280002": ("US", samples),
        "00280004": ("CS", photometric),
        "00280010": ("US", rows),
        "00280011": ("US", columns),
        "00280100": ("US", 8 if bits <= 8 else 16),
        "00280101": ("US", bits),
        "00280102": ("US", bits - 1),
        "00280103": ("US", 0),
    }
    if samples > 1:
        shape["00280006"] = ("US", 0)
    return shape


def _colours(syntax: str, frame: bytes) -> str:
    if syntax in {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.70"}:
        return "RGB"
    if frame[:2] == b"\xff\xd8":
        adobe = frame.find(b"\xff\xee\x00\x0eAdobe", 0, _SCAN_BYTES)
        return "RGB" if adobe >= 0 and frame[adobe + 15 : adobe + 16] == b"\0" else "YBR_FULL_422"
    cod = frame.find(b"\xff\x52", 0, _SCAN_BYTES)
    # Marker, length, Scod, progression, layers (2), multiple component transform, levels, two sizes, style, wavelet.
    if cod < 0 or len(frame) < cod + 14 or frame[cod + 8] == 0:
        return "RGB"
    return "YBR_RCT" if frame[cod + 13] == 1 else "YBR_ICT"


def _jpeg_process(frame: bytes) -> int:
    """The SOF marker of a JPEG, 0 if there is none."""
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        else:
            at += 2 + max(2, struct.unpack_from(">H", frame, at + 2)[0])
    return 0


def _video(stream: bytes) -> _Shape | None:
    """Size and frames of an MP4's picture track. Source: ISO/IEC 14496-12 8.5.2, 12.1.3, 8.7.3.2; None if not found."""
    # "avc1" may stand among the file's brands too: the sample entry follows `stsd`.
    table = stream.find(b"stsd")
    words = (b"avc1", b"hvc1", b"hev1")
    entry = next((at for word in words if table >= 0 and (at := stream.find(word, table)) >= 0), -1)
    sizes = stream.find(b"stsz", entry) if entry >= 0 else -1
    if entry < 0 or sizes < 0 or len(stream) < max(entry + 32, sizes + 16):
        return None
    columns, rows = struct.unpack_from(">HH", stream, entry + 28)
    (frames,) = struct.unpack_from(">I", stream, sizes + 12)
    if not rows or not columns or not 0 < frames < 1 << 31:
        return None
    return _shape(rows, columns, 3, 8, "YBR_PARTIAL_420") | {"00280008": ("IS", frames)}
