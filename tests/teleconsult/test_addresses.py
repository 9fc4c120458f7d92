"""Where this machine is reached."""

import ipaddress

import pytest

from teleconsult.addresses import certificate_hosts, media_candidates, own_addresses
from teleconsult.config import Bind, Settings, SettingsRefused

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens here


def hosts(bind: str, announce: str | None = None) -> list[tuple[str, int]]:
    return list(media_candidates(Settings(http_bind=Bind(bind, 8080), media_announce=announce)))


@pytest.mark.parametrize(
    ("bind", "expected"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "::1"), ("10.9.8.7", "10.9.8.7")],
)
def test_one_address_is_one_candidate(bind: str, expected: str) -> None:
    assert hosts(bind) == [(expected, 0)]


def test_everywhere_is_every_address_of_this_machine_but_loopback() -> None:
    found = [host for host, _ in hosts(EVERYWHERE)]
    assert found
    assert found == own_addresses() or found == ["127.0.0.1"]


def test_what_is_announced_comes_beside_the_own() -> None:
    assert hosts("127.0.0.1", "127.0.0.2:50000, 127.0.0.3") == [
        ("127.0.0.1", 0),
        ("127.0.0.2", 50000),
        ("127.0.0.3", 0),
    ]


@pytest.mark.parametrize("text", ["not a host at all", "-:5"])
def test_what_cannot_be_announced_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsRefused, match="TELECONSULT_MEDIA_ANNOUNCE"):
        hosts("127.0.0.1", text)


def test_own_addresses_are_addresses_that_others_can_reach() -> None:
    for one in own_addresses():
        assert not ipaddress.ip_address(one).is_loopback
        assert not ipaddress.ip_address(one).is_link_local


def test_the_certificate_carries_what_people_type() -> None:
    assert certificate_hosts(Bind("10.9.8.7", 443))[0] == "10.9.8.7"
    everywhere = certificate_hosts(Bind(EVERYWHERE, 443))
    assert set(own_addresses()) | {"127.0.0.1", "localhost"} <= set(everywhere)
