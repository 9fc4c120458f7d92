"""What is lost is asked for as long as that helps, and never without bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.media.loss import LossWindow, Missing, Reporting, Told, Went


def test_a_gap_is_asked_for_and_its_repair_is_counted():
    missing = Missing()
    for seq in (10, 11, 14):
        missing.came(seq, 0.0)
    assert missing.due(0.0) == [12, 13]
    missing.came(12, 0.05)
    assert missing.repaired == 1
    assert missing.due(0.05) == []
    assert missing.due(1.0) == [13]


def test_a_packet_is_not_asked_for_more_often_than_it_can_come_back():
    missing = Missing()
    missing.came(1, 0.0)
    missing.came(3, 0.0)
    asked = sum(bool(missing.due(ms / 1000)) for ms in range(0, 400, 20))
    assert asked <= 5


def test_asking_ends_and_says_so():
    missing = Missing()
    missing.came(1, 0.0)
    missing.came(3, 0.0)
    for second in range(20):
        missing.due(float(second))
    assert missing.broken
    assert not missing.any


def test_a_jump_is_a_restart_and_not_a_thousand_lost_packets():
    missing = Missing()
    missing.came(1, 0.0)
    missing.came(5000, 0.0)
    assert not missing.any
    assert missing.broken


@given(st.lists(st.integers(0, 0xFFFF), max_size=400))
def test_what_is_kept_of_any_stream_is_bounded(seqs):
    missing = Missing()
    for at, seq in enumerate(seqs):
        missing.came(seq, at / 100)
        assert len(missing.due(at / 100)) <= 60


def test_loss_is_measured_at_first_sending():
    missing, window = Missing(), LossWindow()
    for seq in range(100):
        if seq % 10:
            missing.came(seq, 0.0)
    missing.came(99, 0.0) if missing.highest != 99 else None
    assert 0.08 < window.fraction(missing) < 0.12
    assert window.fraction(missing) == 0.0


def test_what_was_lost_in_a_cut_is_not_asked_for_but_a_key_frame_is():
    missing = Missing()
    missing.came(1, 0.0)
    missing.came(90, 3.0)
    assert missing.due(3.0) == []
    assert missing.broken
    missing.forget()
    assert not missing.broken


def test_more_open_questions_than_are_useful_end_in_one_wish():
    missing = Missing()
    for seq in range(0, 60_000, 150):
        missing.came(seq, 0.0)
        assert len(missing.due(0.0)) <= 60
    assert missing.broken


def test_voice_is_counted_and_not_asked_for():
    missing = Missing(repairs=False)
    missing.came(1, 0.0)
    missing.came(4, 0.0)
    assert missing.due(1.0) == []
    assert missing.expected == 4


def test_the_round_trip_is_learnt_even_when_questions_were_repeated_too_early():
    missing = Missing()
    missing.came(0, 0.0)
    now = 0.0
    for lost in range(1, 60, 2):
        now += 1.0
        missing.came(lost + 1, now)
        for step in range(15):
            missing.due(now + step * 0.02)
        missing.came(lost, now + 0.3)
    assert 0.2 < missing.round_trip_s < 0.45


def test_a_report_counts_circles():
    missing = Missing()
    for seq in (65_534, 65_535, 0, 1):
        missing.came(seq, 0.0)
    block = Reporting().block(7, missing, 0.0, 1.0)
    assert block[8:12] == (1 << 16 | 1).to_bytes(4, "big")


def test_reports_are_weighed_by_what_they_report_of():
    told = Told()
    told.hear(1, 0, 1000)
    told.hear(2, 7, 70_000)
    assert told.fraction() is None, "from where we came in"
    for lost, highest in ((1, 1003), (1, 1060), (2, 1063), (2, 1100)):  # one of three, and then of very many
        told.hear(1, lost, highest)
    told.hear(2, 7, 70_100)
    assert told.fraction() == 0.01
    told.hear(1, 5, 1103)
    assert told.fraction() is None, "three of three say nothing yet"
    told.hear(1, 5, 1130)
    assert told.fraction() == 0.1


def test_what_never_came_from_the_publisher_is_no_loss_of_the_viewers_link():
    told = Told()
    told.hear(1, 0, 0, went=Went(1, 65_500))
    told.hear(1, 70, 100, went=Went(26, 64))  # of a hundred numbers 75 were left out, 5 more are on their way
    told.hear(1, 75, 105, went=Went(31, 69))
    assert told.fraction() == 0.0
    told.hear(1, 85, 205, went=Went(131, 169))  # ten of a hundred are lost here
    assert told.fraction() == pytest.approx(0.1, abs=0.06)
    told.hear(1, 85, 305, went=Went(231, 269))
    assert told.fraction() == 0.0


def test_reports_that_bring_nothing_new_forget_nothing():
    told = Told()
    told.hear(1, 0, 0, went=Went(1, 0))
    for way in range(1, 31):
        told.hear(
            1, 0, 0, went=Went(1 + way, 2 * way)
        )  # every other number was left out; the browser has not seen it yet
    told.hear(1, 30, 60, went=Went(31, 60))
    assert told.fraction() == 0.0
    for way in range(1, 31):
        told.hear(1, 30 - way, 60, went=Went(31 + way, 60))  # and now they come late
    told.hear(1, 12, 100, went=Went(101, 100))
    assert told.fraction() == pytest.approx(12 / 70, abs=0.01)


def test_what_came_late_from_the_publisher_is_not_lost_either():
    told = Told()
    told.hear(1, 0, 0, went=Went(1, 0))
    told.hear(1, 20, 100, went=Went(81, 100))
    assert told.fraction() == 0.0
    told.hear(1, 0, 200, went=Went(201, 200))  # all twenty were repeated to us, and passed on
    assert told.fraction() == 0.0
    told.hear(1, 30, 300, went=Went(301, 300))
    assert told.fraction() == 0.3


def test_what_came_as_a_repeat_is_not_lacking():
    told = Told()
    told.hear(1, 0, 0)
    told.hear(2, 0, 0, repeats=True)
    told.hear(1, 10, 100)
    told.hear(2, 2, 8, repeats=True)  # eight repeats, two of them lost too
    assert told.fraction() == 0.04


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(-(2**23), 2**23 - 1), st.integers(0, 2**32 - 1))))
def test_any_reports_give_a_share(reports):
    told = Told()
    for report in reports:
        told.hear(*report)
    assert 0 <= (told.fraction() or 0) <= 1


def test_a_repeat_in_its_own_stream_mends_and_the_share_that_was_lost_stays_known():
    missing, window, reporting = Missing(apart=True), LossWindow(), Reporting()
    for seq in range(100):
        if seq % 10 != 5:
            missing.came(seq, 0.0)
    assert len(missing.due(0.0)) == 10
    assert all(missing.repeated(seq, 0.1) for seq in range(5, 100, 10))
    assert missing.due(5.0) == []
    assert not missing.broken
    lost = window.fraction(missing)
    assert 0.09 < lost < 0.11
    assert reporting.block(7, missing, lost, 1.0)[4:8] == bytes([int(lost * 255), 0, 0, 0]), "nothing is missing now"


def test_a_repeat_of_what_is_there_is_a_probe_and_counts_for_nothing():
    missing, window = Missing(apart=True), LossWindow()
    for seq in (1, 2, 3, 5):
        missing.came(seq, 0.0)
    assert not missing.repeated(2, 0.1)
    assert missing.repeated(4, 0.1)
    assert not missing.repeated(4, 0.2)
    assert round(window.fraction(missing), 9) == 0.2
    assert missing.never == 0


def test_what_comes_late_in_the_stream_itself_was_not_lost_where_repeats_come_apart():
    for apart, lost in ((True, 0.0), (False, 0.25)):
        missing, window = Missing(apart=apart), LossWindow()
        for seq in (1, 2, 4, 3):
            missing.came(seq, 0.0)
        assert window.fraction(missing) == lost
        assert missing.never == 0
