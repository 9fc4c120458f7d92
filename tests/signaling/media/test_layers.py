"""A viewer gets what its link carries, and nobody else less for it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from signaling.media.layers import Demand, Fit, Link

RATES = (80_000, 350_000, 900_000)
GOOD = Link(750_000)
"""What was tried so far: no limit is known."""


def weak(able_bps, *, bad=False):
    return Link(able_bps, strained=True, bad=bad)


def test_who_comes_gets_the_largest_that_nothing_speaks_against():
    assert Fit().choose(RATES, -1, GOOD, 0.0) == 2
    assert Fit().choose(RATES, -1, weak(400_000), 0.0) == 1
    assert Fit().choose(RATES, -1, weak(10_000), 0.0) == 0


def test_a_link_that_is_found_full_gets_less_at_once():
    fit = Fit()
    assert fit.choose(RATES, 2, weak(120_000, bad=True), 10.0) == 0
    assert fit.choose(RATES, 0, weak(120_000), 11.0) == 0


def test_one_that_carries_more_gets_more_step_by_step():
    fit, now = Fit(), 0
    fit.choose(RATES, 2, weak(100_000, bad=True), 0.0)
    seen = []
    for second in range(1, 60):
        now = fit.choose(RATES, now, weak(2_000_000), float(second))
        seen.append(now)
    assert seen.index(1) >= 19
    assert seen.index(2) - seen.index(1) < 12, "what went well makes bold"
    assert seen == sorted(seen)


def test_more_is_tried_after_calm_and_ever_later_where_it_failed():
    fit, now, tried = Fit(), 0, []
    fit.choose(RATES, 2, weak(100_000, bad=True), 0.0)
    for second in range(1, 600):
        was, now = (
            now,
            fit.choose(RATES, now, weak(100_000, bad=False) if now == 0 else weak(350_000, bad=True), second),
        )
        if now > was:
            tried.append(second)
        elif now < was:
            assert second - tried[-1] <= 1, "a trial that harms ends at once"
    waits = [later - before for before, later in pairwise(tried)]
    assert tried[0] >= 50, "far above what the link is known to carry"
    assert waits == sorted(waits)
    assert len(tried) <= 6


def test_a_trial_that_went_well_is_kept():
    fit, now = Fit(), 0
    fit.choose(RATES, 2, weak(100_000, bad=True), 0.0)
    for second in range(1, 200):
        now = fit.choose(RATES, now, Link(100_000) if now == 0 else weak(2_000_000), float(second))
    assert now == 2


@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=4).map(sorted),
    st.lists(st.tuples(st.integers(0, 10**7), st.booleans(), st.booleans()), max_size=60),
)
def test_the_choice_is_always_one_that_flows(rates, links):
    fit, now = Fit(), -1
    for second, link in enumerate(links):
        now = fit.choose(rates, now, Link(*link), float(second))
        assert 0 <= now < len(rates)


def test_layers_are_asked_for_while_one_needs_less_than_another_can_have():
    demand = Demand()
    assert not demand.decide([weak(100_000)], 900_000, 0.0), "between two people there is nobody else"
    assert not demand.decide([GOOD, GOOD], 900_000, 1.0)
    assert not demand.decide([weak(100_000), weak(90_000)], 900_000, 2.0), "all alike: less for all"
    assert demand.decide([weak(100_000), GOOD], 900_000, 3.0)
    assert demand.decide([GOOD, GOOD], 900_000, 60.0), "not given up at once"
    assert not demand.decide([GOOD, GOOD], 900_000, 64.0)
