"""The opinion score says what ears say."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.media.voice import opinion

shares = st.floats(0, 1)
times = st.floats(0, 60_000)


def test_a_clean_link_is_good_and_a_broken_one_is_bad():
    assert opinion(0, 20) > 4.2
    assert opinion(0.05, 40) < opinion(0.01, 40) < opinion(0, 40)
    assert 3.0 < opinion(0, 250) < opinion(0, 100)
    assert opinion(0.5, 800) < 1.5


@given(shares, times, shares, times)
def test_more_loss_or_delay_is_never_better(loss, rtt, more_loss, more_rtt):
    worse = opinion(min(1, loss + more_loss), rtt + more_rtt)
    assert 1.0 <= worse <= opinion(loss, rtt) + 0.01 <= 4.6
