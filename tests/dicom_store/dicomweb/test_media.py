"""What pixels say of themselves is believed where it is whole, and refused where it is not."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dicom_store.dicomweb import media
from dicom_store.errors import FilmRefused

GREY = np.arange(600, dtype=np.uint16).reshape(20, 30)
COLOUR = np.stack([GREY.astype(np.uint8)] * 3, axis=2)


def jpeg(**options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(COLOUR).save(out, "JPEG", **options)
    return out.getvalue()


J2K = bytes(imagecodecs.jpeg2k_encode(COLOUR, level=0, codecformat="J2K", reversible=True, mct=True))
JLS = bytes(imagecodecs.jpegls_encode(GREY))


@pytest.mark.parametrize(
    ("kind", "said", "frame", "syntax"),
    [
        ("image/jpeg", "", jpeg(), "1.2.840.10008.1.2.4.50"),
        ("image/jpeg", "1.2.840.10008.1.2.4.70", jpeg(), "1.2.840.10008.1.2.4.70"),
        ("image/jpeg", "1.2.840.10008.1.2.1", jpeg(), "1.2.840.10008.1.2.4.50"),
        ("image/jp2", "", J2K, "1.2.840.10008.1.2.4.90"),
        ("image/jls", "", JLS, "1.2.840.10008.1.2.4.80"),
        ("video/mp4", "", b"..hvc1..", "1.2.840.10008.1.2.4.107"),
        ("application/octet-stream", "", b"", None),
        ("application/octet-stream", "1.2.840.10008.1.2.4.90", J2K, "1.2.840.10008.1.2.4.90"),
    ],
)
def test_transfer_syntaxes_of_media(kind: str, said: str, frame: bytes, syntax: str | None) -> None:
    assert media.syntax_of(kind, said, frame) == syntax


@pytest.mark.parametrize(("kind", "frame"), [("image/heic", b""), ("image/jpeg", jpeg(progressive=True)), ("", b"")])
def test_media_that_are_not_kept(kind: str, frame: bytes) -> None:
    if not kind:
        assert media.syntax_of(kind, "", frame) is None
        return
    with pytest.raises(FilmRefused) as refused:
        media.syntax_of(kind, "", frame)
    assert refused.value.failure_reason == 0x0122


@pytest.mark.parametrize(
    ("frame", "syntax", "samples", "bits", "photometric"),
    [
        (jpeg(), "1.2.840.10008.1.2.4.50", 3, 8, "YBR_FULL_422"),
        (jpeg(keep_rgb=True), "1.2.840.10008.1.2.4.50", 3, 8, "RGB"),
        (J2K, "1.2.840.10008.1.2.4.90", 3, 8, "YBR_RCT"),
        (JLS, "1.2.840.10008.1.2.4.80", 1, 16, "MONOCHROME2"),
    ],
)
def test_shapes_are_read(frame: bytes, syntax: str, samples: int, bits: int, photometric: str) -> None:
    found: dict[str, Any] = {}
    media.complete(found, syntax, [frame, frame])
    values = {tag: one["Value"][0] for tag, one in found.items()}
    assert (values["00280010"], values["00280011"], values["00280002"]) == (20, 30, samples)
    assert values["00280004"] == photometric
    assert values["00280101"] <= bits
    assert values["00280008"] == 2


def test_what_the_metadata_say_stays() -> None:
    given_values = {"00280004": {"vr": "CS", "Value": ["RGB"]}, "00280010": {"vr": "US", "Value": [20]}}
    found: dict[str, Any] = dict(given_values)
    media.complete(found, "1.2.840.10008.1.2.4.50", [jpeg()])
    assert found["00280004"]["Value"] == ["RGB"]
    with pytest.raises(FilmRefused):
        media.complete({"00280010": {"vr": "US", "Value": [21]}}, "1.2.840.10008.1.2.4.50", [jpeg()])


HEADS = st.sampled_from([jpeg(), J2K, JLS, b"\xff\xd8", b"stsd....avc1", b"stsd" + b"avc1" * 9 + b"stsz" + bytes(20)])


@given(HEADS, st.integers(0, 400), st.binary(max_size=40), st.sampled_from(["image/jpeg", "image/jp2", "video/mp4"]))
def test_damaged_media_are_refused_or_described(head: bytes, cut: int, tail: bytes, kind: str) -> None:
    frame = head[:cut] + tail
    try:
        syntax = media.syntax_of(kind, "", frame)
        assert syntax is not None
        found: dict[str, Any] = {}
        media.complete(found, syntax, [frame])
    except FilmRefused as refused:
        assert refused.failure_reason in {0xC000, 0x0122}
    else:
        assert all(one["vr"] in {"US", "CS", "IS"} for one in found.values())
