import pytest

from teleconsult.access.tries import Tries
from teleconsult.errors import TooMany
from tests.builders.clock import FixedClock


@pytest.fixture
def tries():
    return Tries(FixedClock())


def test_a_hospital_behind_one_address_logs_in_in_the_morning(tries):
    for number in range(300):
        tries.begin("192.0.2.1", f"doctor{number}")
        tries.went_well("192.0.2.1", f"doctor{number}")


def test_wrong_tries_at_one_login_from_one_address_are_eight(tries):
    for _ in range(8):
        tries.begin("192.0.2.1", "wang")
    with pytest.raises(TooMany):
        tries.begin("192.0.2.1", "wang")


def test_guessing_one_login_from_many_addresses_is_slowed(tries):
    for number in range(60):
        tries.begin(f"192.0.2.{number}", "wang")
    with pytest.raises(TooMany):
        tries.begin("198.51.100.1", "wang")


def test_strangers_guesses_do_not_lock_the_owner_out(tries):
    tries.begin("203.0.113.5", "wang")
    tries.went_well("203.0.113.5", "wang")
    for number in range(60):
        tries.begin(f"192.0.2.{number}", "wang")
    tries.begin("203.0.113.5", "wang")
