"""A queue is told from what never passes without waiting."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.media.arrival import Lateness


def second(lateness, at, wait, packets=50):
    for number in range(packets):
        made = at + number / packets
        lateness.came(round(made * 48_000) % 2**32, made + wait(number))
    return lateness.look()


def test_a_queue_that_stands_is_seen_and_a_burst_is_not():
    lateness = Lateness(48_000)
    assert second(lateness, 0, lambda _: 0.02) == 0
    assert second(lateness, 1, lambda number: 0.3 if number % 2 else 0.02) < 0.01
    assert 0.25 < second(lateness, 2, lambda _: 0.3) < 0.3


def test_a_longer_way_is_believed_after_a_while():
    lateness = Lateness(48_000)
    second(lateness, 0, lambda _: 0.0)
    seen = [second(lateness, at, lambda _: 0.5) for at in range(1, 15)]
    assert seen[0] > 0.4
    assert seen[-1] < 0.01


def test_too_little_says_nothing():
    assert Lateness(48_000).look() is None


def test_time_stamps_go_round():
    lateness = Lateness(90_000)
    start = 2**32 - 45_000
    for number in range(100):
        lateness.came((start + number * 900) % 2**32, number / 100)
    assert lateness.look() == 0


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 1e6)), max_size=200))
def test_any_stamps_are_taken(packets):
    lateness = Lateness(90_000)
    for ts, at in packets:
        lateness.came(ts, at)
    assert (lateness.look() or 0) >= 0
