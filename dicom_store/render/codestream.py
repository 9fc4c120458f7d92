"""What a compressed frame says about itself: its size, before anything decodes it. Pure bytes.

A decoder believes the codestream, the rest of the house believes the film's header. Where the two differ the picture
would be wrong, or the decoder would be made to fill the memory: such a frame is refused.
"""

import struct
from dataclasses import dataclass
from typing import NoReturn

from dicom_store.errors import NotRenderable

_END = b"\xff\xd9"
_PADDING_BYTES = 16
"""Devices pad frames with zeros, and some with a few other bytes, after their end."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a codestream claims."""

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool = False


def claim(frame: bytes) -> Claim | None:
    """Read the size a JPEG, JPEG-LS or JPEG 2000 codestream claims.

    Returns:
        The claim, or None for data of another kind (RLE, raw).

    Raises:
        NotRenderable: It begins as one of those and is broken before it says its size.

    Source: ITU-T T.81 B.2.2; T.87 C.2.2; T.800 A.5.1.
    """
    try:
        if frame[:4] == b"\xff\x4f\xff\x51":
            return _jpeg_2000(frame, 4)
        if frame[4:8] == b"jP  ":  # a JP2 file where a bare codestream should be; decoders take it
            start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
            if start < 0:
                _broken()
            return _jpeg_2000(frame, start + 4)
        if frame[:2] == b"\xff\xd8":
            return _jpeg(frame)
    except (struct.error, IndexError):
        _broken()
    return None


def _jpeg_2000(frame: bytes, at: int) -> Claim:
    _, _, x1, y1, x0, y0 = struct.unpack_from(">HHIIII", frame, at)
    (samples,) = struct.unpack_from(">H", frame, at + 36)
    (depth,) = struct.unpack_from(">B", frame, at + 38)
    return Claim(rows=y1 - y0, columns=x1 - x0, samples=samples, bits=(depth & 0x7F) + 1, signed=depth >= 0x80)


def _jpeg(frame: bytes) -> Claim:
    at = 2
    while True:  # every round goes on by two bytes or more, and the frame ends
        while frame[at] == 0xFF and frame[at + 1] == 0xFF:
            at += 1
        if frame[at] != 0xFF:
            _broken()
        marker = frame[at + 1]
        # SOF0 to SOF15 but DHT (C4), JPG (C8), DAC (CC); SOF55 (F7) is JPEG-LS.
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return Claim(rows=rows, columns=columns, samples=samples, bits=bits)
        at += 2 + struct.unpack_from(">H", frame, at + 2)[0]


def _broken() -> NoReturn:
    raise NotRenderable("The picture's compressed data is broken.", code="broken_frame")


def check(frame: bytes, rows: int, columns: int, samples: int) -> None:
    """Refuse a frame whose codestream claims another size than the film's header, or was cut off.

    Decoders make up the rest of a frame that ends early, without a word.

    Raises:
        NotRenderable: They differ, or the codestream is broken.
    """
    said = claim(frame)
    if said is not None and _END not in frame.rstrip(b"\0")[-_PADDING_BYTES:]:
        _broken()
    if said is not None and (said.rows, said.columns, said.samples) != (rows, columns, samples):
        raise NotRenderable("The picture's size differs from what the film says.", code="size_differs")
