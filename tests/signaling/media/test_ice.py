"""Only a check with our own password is answered; everything else meets silence."""

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from signaling.media import ice

HERE = ("127.0.0.1", 5000)


class Known:
    def password_of(self, ufrag):
        return "secret" if ufrag == "mine" else None


def asked(username="mine:theirs", password="secret", nominate=True, method=stun.Method.BINDING):
    message = stun.Message(method, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_right_check_is_answered_with_the_address_it_came_from():
    check = ice.check(asked(), HERE, Known())
    assert check is not None
    assert check.nominates
    answer = stun.parse_message(check.answer)
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == HERE
    assert answer.check_message_integrity(b"secret")


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\0\1\0\0",
        asked(username="other:x"),
        asked(password="guess"),
        asked(method=stun.Method.ALLOCATE),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)),
        asked() + bytes(600),
    ],
    ids=["nothing", "short", "another peer", "wrong password", "another method", "unsigned", "too long"],
)
def test_a_stranger_gets_silence(datagram):
    assert ice.check(datagram, HERE, Known()) is None


@given(st.binary(max_size=600))
def test_any_bytes_get_silence_and_no_error(datagram):
    assert ice.check(datagram, HERE, Known()) is None


@given(st.data())
def test_a_changed_check_is_not_answered(data):
    whole = bytearray(asked())
    at = data.draw(st.integers(0, len(whole) - 9))  # the FINGERPRINT behind the signature is optional
    whole[at] ^= data.draw(st.integers(1, 255))
    assert ice.check(bytes(whole), HERE, Known()) is None
