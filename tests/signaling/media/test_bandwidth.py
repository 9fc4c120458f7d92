"""A narrow link is found within seconds and left with headroom; calm is believed only after a while."""

from signaling.media.bandwidth import Ladder, Step, Uplink


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


def test_the_ladder_goes_down_at_once_and_up_one_step_after_calm():
    ladder = Ladder()
    assert ladder.decide(100_000, 0.0, 0.0) is Step.STILLS
    assert ladder.decide(2_000_000, 0.0, 1.0) is Step.STILLS
    assert ladder.decide(2_000_000, 0.0, 10.0) is Step.LOW
    assert ladder.decide(50_000, 0.0, 11.0) is Step.VOICE
    assert ladder.decide(10_000, 0.0, 12.0) is Step.TEXT


def test_a_choice_by_hand_holds():
    ladder = Ladder(forced=Step.VOICE)
    assert ladder.decide(5_000_000, 0.0, 0.0) is Step.VOICE
