from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import NotRenderable
from dicom_store.render.codestream import Claim, check, claim

GREY = np.arange(48 * 80, dtype=np.uint16).reshape(48, 80)
COLOUR = np.dstack([GREY.astype(np.uint8)] * 3)
STREAMS = {
    "jpeg": (imagecodecs.jpeg8_encode(COLOUR), Claim(48, 80, 3, 8)),
    "lossless": (imagecodecs.ljpeg_encode(GREY), Claim(48, 80, 1, 16)),
    "jpeg-ls": (imagecodecs.jpegls_encode(GREY), Claim(48, 80, 1, 16)),
    "jpeg 2000": (imagecodecs.jpeg2k_encode(GREY, codecformat="J2K", level=0), Claim(48, 80, 1, 16)),
    "jp2": (imagecodecs.jpeg2k_encode(GREY, codecformat="JP2", level=0), Claim(48, 80, 1, 16)),
    "htj2k": (imagecodecs.htj2k_encode(GREY), Claim(48, 80, 1, 16)),
    "signed": (
        imagecodecs.jpeg2k_encode(GREY.astype(np.int16), codecformat="J2K", level=0),
        Claim(48, 80, 1, 16, signed=True),
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_size_is_read_before_anything_is_decoded(name: str) -> None:
    stream, wanted = STREAMS[name]
    assert claim(bytes(stream)) == wanted
    check(bytes(stream), 48, 80, wanted.samples)
    for rows, columns, samples in ((49, 80, wanted.samples), (80, 48, wanted.samples), (48, 80, 4)):
        with pytest.raises(NotRenderable):
            check(bytes(stream), rows, columns, samples)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_without_its_end_is_refused(name: str) -> None:
    stream, wanted = bytes(STREAMS[name][0]), STREAMS[name][1]
    check(stream + b"\0" * 5, 48, 80, wanted.samples)
    for cut in (len(stream) // 2, len(stream) - 2):
        with pytest.raises(NotRenderable):
            check(stream[:cut], 48, 80, wanted.samples)


def test_other_data_claims_nothing() -> None:
    assert claim(b"") is None
    assert claim(b"\x02\0\0\0" + bytes(60)) is None


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_ends_early_is_refused(name: str) -> None:
    stream = bytes(STREAMS[name][0])
    for cut in range(8, 24):
        with pytest.raises(NotRenderable):
            claim(stream[:cut])


@given(
    st.sampled_from([b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\xd8\xff\xe0"]), st.binary(max_size=200)
)
def test_any_bytes_are_a_claim_or_refused(start: bytes, rest: bytes) -> None:
    with suppress(NotRenderable):
        claim(start + rest)
