"""Recent packets are found by their numbers, and only recent ones are kept."""

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signaling.media.flows import CompiledHistory
from signaling.media.history import KEPT_S, MOST, PlainHistory


def packet(seq, at_s=0.0, rest=b"rest"):
    return seq, 0x80, 0x80, 7, rest, at_s


@pytest.fixture(params=["plain", "compiled"])
def history_of(request):
    """Makes an empty one, in Python or in C's memory."""
    if request.param == "plain":
        return PlainHistory
    return partial(CompiledHistory, request.getfixturevalue("fanout"))


@pytest.fixture
def history(history_of):
    return history_of()


def held(history):
    return [seq for seq in range(1 << 16) if history.find(seq) is not None]


def test_a_packet_is_found_by_its_number_alone(history):
    history.keep(packet(5))
    assert history.find(5) == packet(5)
    assert history.find(5 + MOST) is None
    assert history.find(6) is None


def test_the_newest_thousand_are_kept_over_the_end_of_the_numbers(history):
    for number in range(65_000, 65_000 + 2 * MOST):
        history.keep(packet(number & 0xFFFF))
    assert sorted(held(history)) == sorted(number & 0xFFFF for number in range(65_000 + MOST, 65_000 + 2 * MOST))


def test_what_is_too_old_goes_with_the_next(history):
    for number in range(300):
        history.keep(packet(number, number / 100))
    history.keep(packet(300, 2.99 + KEPT_S))
    assert held(history) == [299, 300]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 2 * KEPT_S), st.binary(max_size=9)), max_size=60))
def test_whatever_comes_only_what_was_kept_last_is_found(history_of, packets):
    history, last, now_s = history_of(), {}, 0.0
    for seq, later_s, rest in packets:
        now_s += later_s
        last[seq] = packet(seq, now_s, rest)
        history.keep(last[seq])
    if packets:
        assert history.find(packets[-1][0]) == last[packets[-1][0]]
    for seq, kept in last.items():
        assert history.find(seq) in (None, kept)
