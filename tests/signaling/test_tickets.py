"""A ticket says one thing, once, for a minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import TicketRefused
from signaling.ports import Admission, Grant
from signaling.tickets import TicketReader, mint

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = b"k" * 32


def reader(at=NOON, used=None):
    return TicketReader(KEY, lambda: at, used)


def ticket(key=KEY):
    grants = frozenset({Grant.PUBLISH})
    return mint(key, Admission("r", "li", "李医生", "specialist", grants, NOON + timedelta(seconds=60)))


def test_it_says_what_was_signed():
    admission = reader().admit(ticket(), "r")
    assert (admission.participant, admission.name, admission.grants) == ("li", "李医生", {Grant.PUBLISH})


def test_it_enters_once():
    door, one = reader(), ticket()
    door.admit(one, "r")
    with pytest.raises(TicketRefused, match="used"):
        door.admit(one, "r")


def test_it_enters_once_also_when_the_process_was_killed_meanwhile(tmp_path):
    used, one = tmp_path / "tickets", ticket()
    reader(used=used).admit(one, "r")
    with used.open("a") as file:
        file.write("17639")  # what the kill tore
    for _ in range(2):
        with pytest.raises(TicketRefused, match="used"):
            reader(used=used).admit(one, "r")
    reader(used=used).admit(ticket(), "r")


def test_used_ones_are_forgotten_when_they_could_not_enter_any_more(tmp_path):
    used = tmp_path / "tickets"
    reader(used=used).admit(ticket(), "r")
    assert used.read_text()
    reader(NOON + timedelta(seconds=61), used)
    assert used.read_text() == ""


@pytest.mark.parametrize(
    ("door", "given_", "room"),
    [
        (reader(NOON + timedelta(seconds=61)), ticket(), "r"),
        (reader(), ticket(), "other"),
        (reader(), ticket(b"other" * 8), "r"),
        (reader(), "", "r"),
        (reader(), "a.b", "r"),
        (reader(), ticket() + "x", "r"),
    ],
    ids=["old", "another room", "another key", "nothing", "nonsense", "longer"],
)
def test_an_old_foreign_or_forged_one_is_refused(door, given_, room):
    with pytest.raises(TicketRefused):
        door.admit(given_, room)


@given(st.integers(0, 200), st.integers(1, 127))
def test_no_changed_ticket_is_taken(at, flip):
    whole = list(ticket())
    at %= len(whole)
    changed = chr(ord(whole[at]) ^ flip)
    whole[at] = changed
    with pytest.raises(TicketRefused):
        reader().admit("".join(whole), "r")
