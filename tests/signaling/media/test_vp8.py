"""A decoder sees one row of pictures, whichever layers they came from."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.media import vp8

pictures, bases = st.integers(0, 0x7FFF), st.integers(0, 255)


def payload(picture, base, *, wide=True, rest=b"frame"):
    """A first packet with both numbers."""
    number = (0x8000 | picture).to_bytes(2) if wide else bytes([picture & 0x7F])
    return b"\x90\xe0" + number + bytes([base, 0]) + rest


@given(pictures, bases)
def test_numbers_are_read(picture, base):
    assert vp8.numbers(payload(picture, base)) == vp8.Numbers(picture, base)
    assert vp8.numbers(payload(picture, base, wide=False)) == vp8.Numbers(picture & 0x7F, base)


@given(pictures, bases, pictures, bases)
def test_the_key_frame_of_another_layer_follows_what_was_sent_last(last, last_base, first, first_base):
    sent, other = payload(last, last_base), payload(first, first_base)
    shift = vp8.following(vp8.numbers(sent), vp8.numbers(other))
    now = vp8.numbers(vp8.shifted(other, shift)) if shift else vp8.numbers(other)
    assert now == vp8.Numbers((last + 1) & 0x7FFF, (last_base + 1) & 0xFF)
    assert vp8.moved(vp8.numbers(other), shift) == now


@given(pictures, bases, pictures)
def test_nothing_but_the_numbers_changes(picture, base, by):
    was = payload(picture, base)
    now = vp8.shifted(was, (by, 7))
    assert (now[:2], now[5:], len(now)) == (was[:2], was[5:], len(was))


def test_what_follows_by_itself_or_has_no_numbers_is_left_alone():
    assert vp8.following(vp8.Numbers(7, 3), vp8.Numbers(8, 4)) is None
    assert vp8.following(vp8.Numbers(), vp8.Numbers(8, 4)) is None
    assert vp8.following(vp8.Numbers(7, 3), vp8.Numbers()) is None
    assert vp8.shifted(b"\x10frame", (1, 1)) == b"\x10frame"


@given(st.binary(max_size=12), pictures, bases)
def test_any_bytes_keep_their_length(data, picture, base):
    vp8.numbers(data)
    assert len(vp8.shifted(data, (picture, base))) == len(data)
