"""What flows back: exact bytes, bounded work, no exception for any input."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from signaling.media import feedback


@given(st.sets(st.integers(0, 60_000), min_size=1, max_size=60), st.integers(1, 0xFFFFFFFF))
def test_a_nack_is_read_back_as_it_was_meant(seqs, ssrc):
    asked = sorted(seqs)
    (said,) = feedback.parse(feedback.nack(ssrc, asked))
    assert said == feedback.Nack(ssrc, tuple(asked))


@given(st.integers(1, 10**8))
def test_an_estimate_survives_its_packing(bitrate):
    said = [one for one in feedback.parse(feedback.remb(bitrate, [7])) if isinstance(one, feedback.Estimate)]
    assert bitrate * 0.99 <= said[0].bitrate_bps <= bitrate


def test_a_sender_report_is_read():
    (said,) = feedback.parse(feedback.sender_report(9, 1 << 40, 77, 3, 400))
    assert said == feedback.SenderReport(9, 1 << 40, 77)


def test_what_the_other_side_received_is_read():
    block = struct.pack("!IB3sIIII", 9, 128, (-2).to_bytes(3, "big", signed=True), 1 << 16 | 5, 0, 77, 1 << 15)
    (said,) = feedback.parse(feedback.receiver_report([block]))
    assert said == feedback.Reception(9, -2, 65_541, 77, 0.5)


def test_pli_and_fir_are_wishes():
    assert list(feedback.parse(feedback.pli(5))) == [feedback.KeyFrameWish(5)]
    fir = struct.pack("!BBHIIIB3x", 0x84, 206, 4, 1, 0, 6, 1)
    assert list(feedback.parse(fir)) == [feedback.KeyFrameWish(6)]


@given(st.binary(max_size=1500))
def test_any_bytes_are_read_without_an_error(data):
    assert len(list(feedback.parse(data))) < 5000


@given(st.integers(200, 207), st.integers(0, 31), st.binary(max_size=600))
def test_any_rtcp_like_bytes_are_read_without_an_error(kind, fmt, body):
    body += bytes(-len(body) % 4)
    list(feedback.parse(struct.pack("!BBH", 0x80 | fmt, kind, len(body) // 4) + body))
