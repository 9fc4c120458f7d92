"""A busy computer is not taken for a weak line, and a weak line not for a busy computer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.media.strain import Culprit, Relief, Signs, culprit


@pytest.mark.parametrize(
    ("signs", "who"),
    [
        (Signs(), Culprit.NOBODY),
        (Signs(queue_s=0.3), Culprit.LINE),
        (Signs(queue_s=0.3, rise_s=0.28, busy=True), Culprit.LINE),
        (Signs(queue_s=0.3, rise_s=0.01, busy=True), Culprit.COMPUTER),
        (Signs(queue_s=0.3, busy=True), Culprit.COMPUTER),
        (Signs(busy=True), Culprit.COMPUTER),
        (Signs(queue_s=0.3, lost=0.2, busy=True), Culprit.LINE),
        (Signs(lost=0.05, busy=True), Culprit.COMPUTER),
        (Signs(queue_s=0.3, rise_s=0.3, late_s=0.25), Culprit.HOUSE),
        (Signs(queue_s=0.3, rise_s=0.3, late_s=0.02), Culprit.LINE),
        (Signs(queue_s=0.02, late_s=5.0), Culprit.NOBODY),
    ],
)
def test_the_line_and_the_processors_are_told_apart(signs, who):
    assert culprit(signs) is who


@given(st.floats(0, 1), st.floats(0.11, 1), st.floats(0, 1) | st.none(), st.booleans(), st.floats(0, 1))
def test_what_is_lost_on_the_way_is_the_lines(queue_s, lost, rise_s, busy, late_s):
    assert culprit(Signs(queue_s, lost, rise_s, busy, late_s)) is Culprit.LINE


def seconds_of(relief, begin, count, who):
    return [relief.decide(who, float(begin + second)) for second in range(count)]


def test_relief_is_given_after_some_seconds_and_taken_back_after_calm():
    relief = Relief()
    assert seconds_of(relief, 0, 3, Culprit.COMPUTER) == [False] * 3
    assert seconds_of(relief, 3, 5, Culprit.COMPUTER) == [True] * 5
    assert seconds_of(relief, 8, 60, Culprit.NOBODY).index(False) in (29, 30)


def test_who_is_busy_again_is_spared_longer():
    relief, now, lasted = Relief(), 0, []
    for _ in range(5):
        assert seconds_of(relief, now, 5, Culprit.COMPUTER)[-1]
        now += 5
        begun = now
        while relief.decide(Culprit.LINE, float(now)):
            now += 1
        lasted.append(now - begun)
    assert lasted == sorted(lasted)
    assert lasted[-1] <= 241


def test_one_busy_second_is_nothing():
    relief = Relief()
    for second in range(40):
        assert not relief.decide(Culprit.COMPUTER if second % 2 else Culprit.NOBODY, float(second))
