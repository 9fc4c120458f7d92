"""Who shows the house's key is the house; nobody else, and nobody twice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.houseline import HouseGuard, house_key, proof

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = house_key(b"k" * 32)
SAID = ("POST", "/control/end?x=1", b'{"room": "r"}')


def guard(late: timedelta = timedelta()) -> HouseGuard:
    return HouseGuard(KEY, lambda: NOON + late)


def test_the_house_is_believed_once() -> None:
    shown, made = proof(KEY, SAID, NOON), guard()
    assert made.believes(shown, SAID)
    assert not made.believes(shown, SAID)
    assert made.believes(proof(KEY, SAID, NOON), SAID)


@pytest.mark.parametrize(
    "other", [("GET", SAID[1], SAID[2]), (SAID[0], "/control/end", SAID[2]), (SAID[0], SAID[1], b'{"room": "s"}')]
)
def test_a_proof_is_of_one_request(other: tuple[str, str, bytes]) -> None:
    assert not guard().believes(proof(KEY, SAID, NOON), other)


def test_a_proof_grows_old_and_does_not_come_from_the_future() -> None:
    shown = proof(KEY, SAID, NOON)
    assert guard(timedelta(seconds=29)).believes(shown, SAID)
    assert not guard(timedelta(seconds=32)).believes(shown, SAID)
    assert not guard(timedelta(seconds=-32)).believes(shown, SAID)


def test_another_key_is_not_the_house_s() -> None:
    assert not guard().believes(proof(house_key(b"x" * 32), SAID, NOON), SAID)
    assert not guard().believes(proof(b"k" * 32, SAID, NOON), SAID)


@given(st.text(max_size=200))
def test_whatever_is_shown_is_no_proof(shown: str) -> None:
    assert not guard().believes(shown, SAID)
