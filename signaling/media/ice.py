"""ICE-lite: answers connectivity checks and says which peer an address belongs to. Never sends checks of its own.

A check counts only with the right user name fragment and MESSAGE-INTEGRITY; a valid one from a new address moves the
peer there, which is how a call survives the way from Wi-Fi to mobile. Pure: bytes in, a verdict out.

Source: RFC 8445 2.5 and 7.3, RFC 8489.
"""

import secrets
import struct
from dataclasses import dataclass
from typing import Protocol

from aioice import stun

_MAX_CHECK_BYTES = 548  # RFC 8489 6.1: a STUN message stays below the smallest path MTU


_BINDING_REQUEST = b"\x00\x01"
_COOKIE = b"\x21\x12\xa4\x42"
_USERNAME = 0x0006


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """Our user name fragment and password for one session (RFC 8445 5.3: at least 24 and 128 bits)."""

    ufrag: str
    password: str

    @classmethod
    def fresh(cls) -> "IceCredentials":
        """New ones."""
        return cls(secrets.token_hex(6), secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Check:
    """A valid connectivity check.

    Attributes:
        ufrag: Ours, which names the peer.
        nominates: Whether the browser chose this address.
        answer: Bytes to send back.
    """

    ufrag: str
    nominates: bool
    answer: bytes


class KnownPasswords(Protocol):
    """Looks up passwords."""

    def password_of(self, ufrag: str) -> str | None:
        """Our password for a user name fragment, None if it is not ours."""


def named(datagram: bytes) -> str | None:
    """Our user name fragment in a binding request, read without parsing the rest: a flood from strangers is cheap.

    Args:
        datagram: As received.
    """
    size = len(datagram)
    if not 20 <= size <= _MAX_CHECK_BYTES or datagram[:2] != _BINDING_REQUEST or datagram[4:8] != _COOKIE:
        return None
    at = 20
    while at + 4 <= size:
        kind, length = datagram[at] << 8 | datagram[at + 1], datagram[at + 2] << 8 | datagram[at + 3]
        if kind == _USERNAME:
            ours = datagram[at + 4 : at + 4 + length].partition(b":")[0]
            return ours.decode() if ours.isascii() else None
        at += 4 + length + (-length % 4)
    return None


def check(datagram: bytes, source: tuple[str, int], known: KnownPasswords) -> Check | None:
    """Judge a STUN datagram.

    Args:
        datagram: As received.
        source: Where it came from.
        known: The fragments we gave out.

    Returns:
        None for anything that does not deserve an answer: silence is the only reply a stranger gets.
    """
    claimed = named(datagram)
    if claimed is None or known.password_of(claimed) is None:
        return None
    try:
        asked = stun.parse_message(datagram)
        if asked.message_class != stun.Class.REQUEST or asked.message_method != stun.Method.BINDING:
            return None
        ufrag = str(asked.attributes["USERNAME"]).split(":", 1)[0]
        password = known.password_of(ufrag)
        if password is None or not asked.check_message_integrity(password.encode()):
            return None
    except (ValueError, KeyError, IndexError, struct.error):  # aioice unpacks attributes without looking at their size
        return None
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=asked.transaction_id)
    answer.attributes["XOR-MAPPED-ADDRESS"] = source
    answer.add_message_integrity(password.encode())
    return Check(ufrag, "USE-CANDIDATE" in asked.attributes, bytes(answer))
