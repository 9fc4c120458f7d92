"""Admission by signature alone: who holds the key mints, a node verifies without asking anybody.

A ticket is `base64url(JSON).base64url(HMAC-SHA256)`, lives for a minute and enters once.
"""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from signaling.errors import TicketRefused
from signaling.ports import STREAM, Admission, Grant

LIFETIME = timedelta(seconds=60)
_MAX_CHARS = 2048
_KNOWN = frozenset(Grant)


def mint(key: bytes, admission: Admission) -> str:
    """Sign an admission; it may enter once until it expires."""
    body = {
        "r": admission.room,
        "p": admission.participant,
        "n": admission.name,
        "o": admission.role,
        "g": sorted(admission.grants),
        "x": int(admission.expires_at.timestamp()),
        "u": secrets.token_urlsafe(9),
    }
    packed = urlsafe_b64encode(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()).rstrip(b"=")
    return f"{packed.decode()}.{_sign(key, packed)}"


class TicketReader:
    """Verifies tickets and remembers the used ones until they expire.

    Args:
        key: The key they were minted with.
        now: The time, aware.
    """

    def __init__(self, key: bytes, now: Callable[[], datetime]) -> None:
        self._key = key
        self._now = now
        self._used: dict[str, float] = {}

    def admit(self, ticket: str, room: str | None) -> Admission:
        """Read a ticket and use it up.

        Args:
            ticket: As minted.
            room: The room it must be for; None takes the ticket's word.

        Raises:
            TicketRefused: Forged, expired, used, or for another room.
        """
        if len(ticket) > _MAX_CHARS or not ticket.isascii():
            raise TicketRefused("not a ticket")
        packed, _, signature = ticket.partition(".")
        if not hmac.compare_digest(_sign(self._key, packed.encode()).encode(), signature.encode()):
            raise TicketRefused("the signature does not fit")
        try:
            body = json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        except (Base64Error, ValueError) as error:
            raise TicketRefused("not a ticket") from error
        moment = self._now().timestamp()
        if body["x"] < moment:
            raise TicketRefused("the ticket has expired")
        if room is not None and body["r"] != room:
            raise TicketRefused("the ticket is for another room")
        self._use(body["u"], body["x"], moment)
        return Admission(
            room=body["r"],
            participant=body["p"],
            name=body["n"],
            role=body["o"],
            grants=frozenset(Grant(word) for word in body["g"] if word in _KNOWN),
            expires_at=datetime.fromtimestamp(body["x"], UTC),
        )

    def _use(self, unique: str, expires: float, moment: float) -> None:
        if unique in self._used:
            raise TicketRefused("the ticket was used before")
        if len(self._used) > 1000:
            self._used = {word: until for word, until in self._used.items() if until >= moment}
        self._used[unique] = expires


class Barred:
    """Who was sent out by the house: tickets that were minted before do not bring them back."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], datetime] = {}

    def bar(self, room: str, participant: str, now: datetime) -> None:
        """Tickets minted until now count no more; `participant` "" means everybody's."""
        self._since = {key: since for key, since in self._since.items() if since + LIFETIME >= now}
        self._since[room, participant] = now

    def check(self, admission: Admission, now: datetime) -> None:
        """Look at an admission.

        Raises:
            TicketRefused: Its ticket is older than the revocation.
        """
        for who in (admission.participant.partition(STREAM)[0], ""):
            since = self._since.get((admission.room, who))
            if since is not None and since + LIFETIME >= now and admission.expires_at < since + LIFETIME:
                raise TicketRefused("the right to enter was revoked")


def _sign(key: bytes, packed: bytes) -> str:
    return urlsafe_b64encode(hmac.digest(key, packed, sha256)).rstrip(b"=").decode()
