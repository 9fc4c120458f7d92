"""Words come in their order and not too many at once."""

import pytest

from signaling.errors import MessageRefused
from signaling.messages import Hello, Leave, Offer, Ping
from signaling.session import TABLE, Phase, Session

HELLO = Hello(version=1, ticket="t")


def test_nothing_but_a_greeting_comes_first():
    with pytest.raises(MessageRefused):
        Session().receive(Offer(number=1, sdp=""), 1.0)


def test_a_second_greeting_and_words_after_the_end_are_refused():
    session = Session()
    session.receive(HELLO, 1.0)
    with pytest.raises(MessageRefused):
        session.receive(HELLO, 1.0)
    session.receive(Leave(), 1.0)
    with pytest.raises(MessageRefused):
        session.receive(Ping(number=1), 1.0)


def test_another_version_is_told_so():
    with pytest.raises(MessageRefused) as caught:
        Session().receive(Hello(version=2, ticket="t"), 1.0)
    assert caught.value.code == "version"


def test_a_flood_is_slowed_and_at_last_hopeless():
    session = Session()
    session.receive(HELLO, 1.0)
    refused = 0
    for _ in range(200):
        try:
            session.receive(Ping(number=1), 1.0)
        except MessageRefused as error:
            refused += error.code == "too_fast"
    assert refused > 100
    assert session.hopeless
    session.receive(Ping(number=1), 5.0)


def test_every_phase_can_be_reached():
    assert set(TABLE.values()) | {Phase.GREETING} == set(Phase)
