"""A subscriber sees one unbroken stream, whatever happens at the other end."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.media.forward import Heard, Numbering, newer

seqs = st.integers(0, 0xFFFF)
stamps = st.integers(0, 0xFFFFFFFF)


def test_newer_knows_the_circle():
    assert newer(1, 0)
    assert newer(0, 0xFFFF)
    assert not newer(0xFFFF, 0)
    assert not newer(5, 5)


@given(seqs, stamps, seqs, stamps, seqs, stamps, st.floats(0.001, 60))
def test_a_switch_leaves_no_gap_and_time_goes_on(off, ts_off, last_seq, last_ts, first_seq, first_ts, pause):
    lane = Numbering(1, 96, off, ts_off)
    before = (last_seq + lane.seq_off) & 0xFFFF
    stamp_before = (last_ts + lane.ts_off) & 0xFFFFFFFF
    lane.begin(Heard(first_seq, first_ts, pause), Heard(last_seq, last_ts, 0.0), 90_000)
    assert (first_seq + lane.seq_off) & 0xFFFF == (before + 1) & 0xFFFF
    moved = ((first_ts + lane.ts_off) - stamp_before) & 0xFFFFFFFF
    assert moved == max(1, round(pause * 90_000))


@given(seqs, seqs)
def test_a_late_packet_from_before_the_switch_is_not_taken(last_seq, first_seq):
    lane = Numbering(1, 96, 0, 0)
    lane.begin(Heard(first_seq, 0, 1.0), Heard(last_seq, 0, 0.0), 90_000)
    assert lane.takes(first_seq)
    assert lane.takes((first_seq + 1) & 0xFFFF)
    assert not lane.takes((first_seq - 1) & 0xFFFF)


@given(seqs, seqs)
def test_a_repeat_is_looked_up_under_the_sources_number(off, seq):
    lane = Numbering(1, 96, off, 0)
    assert lane.source_seq((seq + off) & 0xFFFF) == seq


@given(seqs, seqs)
def test_what_was_before_a_beginning_is_not_repeated_under_a_new_number(off, first_seq):
    lane = Numbering(1, 96, off, 0)
    lane.wait()
    assert lane.source_seq(off) is None
    lane.begin(Heard(first_seq, 0, 1.0), None, 90_000)
    assert lane.source_seq((first_seq + lane.seq_off) & 0xFFFF) == first_seq
    assert lane.source_seq((first_seq - 1 + lane.seq_off) & 0xFFFF) is None
