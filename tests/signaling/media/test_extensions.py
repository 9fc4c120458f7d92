"""Elements of header extensions are found where they lie, and lies are found nowhere."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.media import extensions

ONE = b"\xbe\xde\x00\x02" + b"\x10\xff" + b"\x00" + b"\x32abc" + b"\x00"
TWO = b"\x10\x00\x00\x02" + b"\x01\x01\x7f" + b"\x03\x03mid"


def test_both_forms_are_read():
    for whole in (ONE, TWO):
        data = b"before" + whole + b"after"
        assert extensions.byte(data, 6, 6 + len(whole), 1) in (0xFF, 0x7F)
        assert extensions.text(data, 6, 6 + len(whole), 3) in ("abc", "mid")
        assert extensions.byte(data, 6, 6 + len(whole), 2) is None


def test_what_was_not_agreed_is_not_there():
    assert extensions.byte(ONE, 0, len(ONE), 0) is None
    assert extensions.text(b"\xbe\xde", 0, 2, 1) == ""


def test_an_element_longer_than_the_extension_is_not_there():
    assert extensions.byte(b"\xbe\xde\x00\x01\x1f\x00\x00\x00", 0, 8, 1) is None


@given(st.binary(max_size=80), st.integers(0, 100), st.integers(0, 200), st.integers(0, 255))
def test_any_bytes_are_searched_within_their_bounds(data, at, end, wanted):
    found = extensions.find(bytearray(data), at, end, wanted)
    assert found is None or found[0] + found[1] <= min(end, len(data))
