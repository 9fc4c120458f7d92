"""Where a picture can begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.media.keyframes import begins_key_frame


@pytest.mark.parametrize(
    ("codec", "payload", "begins"),
    [
        ("VP8", b"\x10\x10\x02\x00\x9d\x01\x2a", True),
        ("VP8", b"\x10\x11\x02\x00", False),
        ("VP8", b"\x90\x80\x85\x01\x10\x02", True),
        ("VP8", b"\x90\x80\x05\x11\x02", False),
        ("VP8", b"\x90\xe0\x05\x00\x00\x10", True),
        ("VP8", b"\x00\x10\x02", False),
        ("H264", b"\x67\x42\xe0", True),
        ("H264", b"\x65\x88", True),
        ("H264", b"\x41\x9a", False),
        ("H264", b"\x18\x00\x02\x67\x42\x00\x02\x68\xce", True),
        ("H264", b"\x7c\x85", True),
        ("H264", b"\x7c\x05", False),
        ("opus", b"\x10\x10\x10", False),
    ],
)
def test_a_key_frame_is_recognised(codec, payload, begins):
    assert begins_key_frame(codec, payload) is begins


@given(st.sampled_from(["VP8", "H264"]), st.binary(max_size=60))
def test_any_payload_is_looked_at(codec, payload):
    begins_key_frame(codec, memoryview(payload))
