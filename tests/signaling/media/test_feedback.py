"""What flows back: exact bytes, bounded work, no exception for any input."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from signaling.media import feedback


def test_a_gap_is_asked_for_and_its_repair_is_counted():
    missing = feedback.Missing()
    for seq in (10, 11, 14):
        missing.came(seq, 0.0)
    assert missing.due(0.0) == [12, 13]
    missing.came(12, 0.05)
    assert missing.repaired == 1
    assert missing.due(0.05) == []
    assert missing.due(1.0) == [13]


def test_a_packet_is_not_asked_for_more_often_than_it_can_come_back():
    missing = feedback.Missing()
    missing.came(1, 0.0)
    missing.came(3, 0.0)
    asked = sum(bool(missing.due(ms / 1000)) for ms in range(0, 400, 20))
    assert asked <= 5


def test_asking_ends_and_says_so():
    missing = feedback.Missing()
    missing.came(1, 0.0)
    missing.came(3, 0.0)
    for second in range(20):
        missing.due(float(second))
    assert missing.gave_up == 1
    assert not missing.any


def test_a_jump_is_a_restart_and_not_a_thousand_lost_packets():
    missing = feedback.Missing()
    missing.came(1, 0.0)
    missing.came(5000, 0.0)
    assert not missing.any


@given(st.lists(st.integers(0, 0xFFFF), max_size=400))
def test_what_is_kept_of_any_stream_is_bounded(seqs):
    missing = feedback.Missing()
    for at, seq in enumerate(seqs):
        missing.came(seq, at / 100)
        assert len(missing.due(at / 100)) <= 60


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


def test_loss_is_measured_at_first_sending():
    missing, window = feedback.Missing(), feedback.LossWindow()
    for seq in range(100):
        if seq % 10:
            missing.came(seq, 0.0)
    missing.came(99, 0.0) if missing.highest != 99 else None
    assert 0.08 < window.fraction(missing) < 0.12
    assert window.fraction(missing) == 0.0
