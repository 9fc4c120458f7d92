"""Shows that a request comes from the house, where the line is not a Unix socket: signed with the shared key, once.

Who holds the key is the house. The body is signed too, a request counts for half a minute, and never twice. Secrecy is
TLS's part: nodes serve it with a certificate of their own, whose fingerprint stands, signed, in the register.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

HOUSE_HEADER = "X-House"
_WITHIN_S = 30
_MOST_SEEN = 10_000


def house_key(ticket_key: bytes) -> bytes:
    """What the house signs with; from the key that tickets are signed with, which both sides have."""
    return hmac.digest(ticket_key, b"house line", sha256)


def seal(key: bytes, text: bytes) -> str:
    """The signature of anything."""
    return hmac.digest(key, text, sha256).hex()


def fits(key: bytes, text: bytes, signature: str) -> bool:
    """Whether a signature is the text's."""
    return hmac.compare_digest(seal(key, text).encode(), signature.encode())


def proof(key: bytes, said: tuple[str, str, bytes], now: datetime) -> str:
    """The header's value.

    Args:
        key: The house's.
        said: Method, path with query, body.
        now: Aware.
    """
    moment, unique = str(int(now.timestamp())), secrets.token_hex(12)
    return f"{moment}.{unique}.{seal(key, _text(said, moment, unique))}"


class HouseGuard:
    """Believes proofs, each once.

    Args:
        key: The house's.
        now: The time, aware.
    """

    def __init__(self, key: bytes, now: Callable[[], datetime]) -> None:
        self._key = key
        self._now = now
        self._seen: dict[str, float] = {}

    def believes(self, given: str, said: tuple[str, str, bytes]) -> bool:
        """Whether a request is the house's.

        Args:
            given: The header's value.
            said: Method, path with query, body.
        """
        moment, _, rest = given.partition(".")
        unique, _, signature = rest.partition(".")
        if not (given.isascii() and moment.isdigit() and len(moment) < 12 and len(unique) == 24):
            return False
        now = self._now().timestamp()
        if abs(now - int(moment)) > _WITHIN_S or not fits(self._key, _text(said, moment, unique), signature):
            return False
        if len(self._seen) >= _MOST_SEEN:
            self._seen = {word: until for word, until in self._seen.items() if until >= now}
        if unique in self._seen or len(self._seen) >= _MOST_SEEN:
            return False
        self._seen[unique] = now + 2 * _WITHIN_S
        return True


def _text(said: tuple[str, str, bytes], moment: str, unique: str) -> bytes:
    method, path, body = said
    return "\n".join((method, path, moment, unique, sha256(body).hexdigest())).encode()
