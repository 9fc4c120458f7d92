"""Which machine a name and an address are."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.errors import FieldsRefused
from teleconsult.stations import rules


@dataclass(frozen=True)
class Machine:
    name: str
    network: str


def test_the_smallest_network_that_fits_wins():
    wide, narrow = Machine("CT", "10.0.0.0/8"), Machine("CT", "10.2.0.7")
    assert rules.chosen([wide, narrow], "CT", "10.2.0.7") is narrow
    assert rules.chosen([wide, narrow], "CT", "10.2.0.8") is wide


@pytest.mark.parametrize(
    ("name", "address"), [("ct", "10.2.0.7"), ("CT", "11.0.0.1"), ("CT", "not an address"), ("", "")]
)
def test_another_name_or_place_is_another_machine(name, address):
    assert rules.chosen([Machine("CT", "10.0.0.0/8")], name, address) is None


def test_an_address_that_came_over_ipv6_is_the_same_address():
    assert rules.covers("10.2.0.0/16", "::ffff:10.2.0.7")
    assert rules.is_loopback("::ffff:127.0.0.1")
    assert not rules.covers("10.2.0.0/16", "fe80::1")


def test_networks_are_written_in_one_way():
    assert rules.normal_network(" 10.2.3.4/16 ") == "10.2.0.0/16"
    assert rules.normal_network("10.2.3.4/32") == "10.2.3.4"


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_refused_with_a_hint(text):
    try:
        kept = rules.normal_name(text)
    except FieldsRefused as refused:
        assert set(refused.errors) == {"aet"}
    else:
        assert kept == text.strip()
        assert kept.isascii()


@given(st.text(max_size=80))
def test_any_text_is_a_network_or_refused_with_a_hint(text):
    try:
        kept = rules.normal_network(text)
    except FieldsRefused as refused:
        assert set(refused.errors) == {"host"}
    else:
        assert rules.normal_network(kept) == kept
