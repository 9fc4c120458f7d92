"""A narrow link is found within seconds and left with headroom; calm is believed only after a while."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from signaling.media.bandwidth import CEILING_BPS, SHOWS_VIDEO, Ladder, Pictures, Step, Uplink


def test_two_bad_seconds_bring_the_uplink_below_what_arrived():
    uplink = Uplink(1_500_000)
    uplink.update(0.3, 300_000, 10**7)
    assert uplink.update(0.3, 300_000, 10**7) <= 900_000
    for _ in range(6):
        allowed = uplink.update(0.3, 280_000, 10**7)
    assert allowed <= 300_000


def test_one_bad_second_changes_nothing():
    uplink = Uplink(1_000_000)
    assert uplink.update(0.5, 100_000, 10**7) == 1_000_000


def test_a_calm_link_grows_to_what_can_be_used():
    uplink = Uplink(300_000)
    for _ in range(60):
        allowed = uplink.update(0.0, uplink.allowed_bps, 900_000)
    assert allowed == 900_000


def test_loss_that_is_no_congestion_does_not_starve_the_video():
    uplink = Uplink(1_000_000)
    for _ in range(60):
        allowed = uplink.update(0.05, 900_000, 10**7)
    assert allowed >= 1_000_000


def test_the_ladder_goes_down_soon_and_up_one_step_after_calm():
    ladder = Ladder()
    assert ladder.decide(65_000, 0.0, 0.0) is Step.LOW
    assert ladder.decide(65_000, 0.0, 3.0) is Step.LOW
    assert ladder.decide(65_000, 0.0, 4.0) is Step.STILLS
    assert ladder.decide(2_000_000, 0.0, 5.0) is Step.STILLS
    assert ladder.decide(2_000_000, 0.0, 14.0) is Step.LOW
    assert ladder.decide(50_000, 0.0, 15.0) is Step.LOW
    assert ladder.decide(50_000, 0.0, 19.0) is Step.VOICE
    assert ladder.decide(10_000, 0.0, 20.0) is Step.TEXT


def test_a_short_shortage_does_not_take_the_pictures_away():
    ladder = Ladder()
    for second in range(60):
        enough = second % 4
        assert ladder.decide(300_000 if enough else 30_000, 0.0, float(second)) in SHOWS_VIDEO


def test_a_step_that_failed_is_tried_again_ever_later():
    ladder, tries, now, dark = Ladder(), [], 0.0, True
    while now < 600:
        step = ladder.decide(50_000 if step_has_pictures(ladder) else 900_000, 0.0, now)
        if dark and step in SHOWS_VIDEO:
            tries.append(now)
        dark = step not in SHOWS_VIDEO
        now += 1
    waits = [later - before for before, later in pairwise(tries[1:])]
    assert waits == sorted(waits)
    assert waits[-1] > 100


def step_has_pictures(ladder):
    return ladder.step in SHOWS_VIDEO


def test_a_queue_brings_the_uplink_below_what_arrives_at_once():
    uplink = Uplink(1_500_000)
    assert uplink.update(0.0, 280_000, 10**7, queue_s=0.3) < 280_000 * 0.8


def test_close_to_where_the_link_was_full_the_uplink_grows_slowly():
    uplink = Uplink(1_500_000)
    uplink.update(0.05, 300_000, 10**7, queue_s=0.4)
    for _ in range(20):
        allowed = uplink.update(0.05, uplink.allowed_bps, 10**7)
    assert allowed < 240_000


def test_a_queue_that_drains_does_not_bring_the_uplink_to_its_knees():
    uplink = Uplink(1_500_000)
    for received in (280_000, 200_000, 120_000, 90_000):
        allowed = uplink.update(0.1, received, 10**7, queue_s=0.3)
    assert allowed > 90_000


def test_what_is_not_used_teaches_nothing():
    uplink = Uplink(200_000)
    for _ in range(100):
        uplink.update(0.0, 60_000, 10**7)
    assert uplink.allowed_bps < 220_000


def test_a_viewer_whose_link_is_too_narrow_keeps_the_voices():
    pictures = Pictures()
    seen = [pictures.update(100_000, 0.2, 900_000, float(second)) for second in range(12)]
    assert seen[:2] == [True, True]
    assert seen[3:10] == [False] * 7
    assert pictures.update(100_000, 0.0, 40_000, 20.0)


def test_a_viewer_whose_link_suffices_keeps_the_pictures():
    pictures = Pictures()
    assert all(pictures.update(800_000, 0.05, 900_000, float(second)) for second in range(30))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**8), st.floats(0, 5)), max_size=60))
def test_whatever_is_measured_the_estimate_stays_in_its_bounds(seconds):
    uplink = Uplink(1_500_000)
    for loss, received, queue in seconds:
        assert 60_000 <= uplink.update(loss, received, 10**9, queue) <= CEILING_BPS


def test_a_choice_by_hand_holds():
    ladder = Ladder(forced=Step.VOICE)
    assert ladder.decide(5_000_000, 0.0, 0.0) is Step.VOICE
