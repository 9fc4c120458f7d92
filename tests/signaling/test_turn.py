"""Credentials for TURN say who nobody is, and until when."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from hmac import digest

from hypothesis import given
from hypothesis import strategies as st

from signaling.config import ExchangeSettings, IceServer
from signaling.turn import LIFETIME, credentials, ice_servers, links

NOW = datetime(2026, 11, 23, 8, 0, 30, tzinfo=UTC)
SECRET = b"shared with the server"


@given(st.text(max_size=100))
def test_the_password_is_what_the_server_computes_from_the_name(participant):
    name, password = credentials(SECRET, participant, NOW)
    assert b64decode(password) == digest(SECRET, name.encode(), sha1)
    expires, _, alias = name.partition(":")
    assert timedelta() < datetime.fromtimestamp(int(expires), UTC) - NOW <= LIFETIME
    assert name.isascii()
    assert len(participant) < 3 or participant not in alias


def test_each_participant_has_a_name_of_its_own_that_stays():
    li, wang = (credentials(SECRET, who, NOW)[0].partition(":")[2] for who in ("li", "wang"))
    assert li != wang
    assert credentials(SECRET, "li", NOW + timedelta(hours=5))[0].endswith(li)
    assert credentials(b"another secret", "li", NOW)[0].partition(":")[2] != li


def test_only_turn_servers_get_credentials():
    servers = (IceServer(("stun:s.example",)), IceServer(("turns:t.example",)))
    stun, turn = ice_servers(ExchangeSettings(b"k", ice_servers=servers, turn_secret=SECRET), "li", NOW)
    assert (stun.username, stun.credential) == ("", "")
    assert turn.username.startswith(str(int((NOW + LIFETIME).timestamp()) // 60 * 60))
    assert ice_servers(ExchangeSettings(b"k", ice_servers=servers), "li", NOW) == servers


def test_whip_says_the_same_in_links():
    server = IceServer(("turn:t.example?transport=udp",), "1:x", "p=")
    assert links((server, IceServer(("stun:s.example",)))) == [
        '<turn:t.example?transport=udp>; rel="ice-server"; username="1:x"; credential="p="; credential-type="password"',
        '<stun:s.example>; rel="ice-server"',
    ]


def test_the_secret_is_not_shown_by_accident():
    assert "shared" not in repr(ExchangeSettings(b"k", turn_secret=SECRET))
