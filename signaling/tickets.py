"""Admission by signature alone: who holds the key mints, a node verifies without asking anybody.

A ticket is `base64url(JSON).base64url(HMAC-SHA256)`, lives for a minute and enters once, also when the process that
let it in was killed meanwhile.
"""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from signaling.errors import TicketRefused
from signaling.ports import STREAM, Admission, Grant

LIFETIME = timedelta(seconds=60)
TICKET_HEADER = "X-Ticket"
"""Where the house that stands before a node puts the ticket."""
RELAYED_HEADER = "X-Relayed"
"""By this it says that the room lives at another node, and that a viewer hangs on a leg from there or not at all."""
_MAX_CHARS = 2048
_FILE_LINES = 1000
"""Expired tickets are thrown away when there are so many."""
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


class UsedTickets:
    """Which tickets have entered, until they expire.

    Args:
        path: A file that keeps them for the process that takes over after a kill; None keeps them in memory only.
        moment: The time, in seconds since the epoch.
    """

    def __init__(self, path: Path | None, moment: float) -> None:
        self._path = path
        self._until: dict[str, float] = {}
        if path is not None and path.exists():
            for line in path.read_text(errors="replace").splitlines():
                expires, _, unique = line.partition(" ")
                if unique and expires.isdigit():  # the last line may be torn
                    self._until[unique] = float(expires)
        self._forget(moment)

    def use(self, unique: str, expires: int, moment: float) -> None:
        """Take note.

        Raises:
            TicketRefused: It was used before.
        """
        if unique in self._until:
            raise TicketRefused("the ticket was used before")
        if len(self._until) >= _FILE_LINES:
            self._forget(moment)
        self._until[unique] = expires
        if self._path is not None:
            # Not synced: it outlives the process; a machine that starts again takes longer than a ticket lives.
            with suppress(OSError), self._path.open("a") as file:
                file.write(f"{expires} {unique}\n")

    def _forget(self, moment: float) -> None:
        self._until = {unique: until for unique, until in self._until.items() if until >= moment}
        if self._path is not None:
            kept = "".join(f"{until:.0f} {unique}\n" for unique, until in self._until.items())
            with suppress(OSError):
                self._path.write_text(kept)


def used_beside(journal: Path | None) -> Path | None:
    """Where a node that keeps a journal keeps its used tickets."""
    return journal.with_name(f"{journal.name}.tickets") if journal else None


class TicketReader:
    """Verifies tickets and remembers the used ones until they expire.

    Args:
        key: The key they were minted with.
        now: The time, aware.
        used: File of the used ones, if they must be known after a kill.
    """

    def __init__(self, key: bytes, now: Callable[[], datetime], used: Path | None = None) -> None:
        self._key = key
        self._now = now
        self._used = UsedTickets(used, now().timestamp())

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
        self._used.use(body["u"], body["x"], moment)
        return Admission(
            room=body["r"],
            participant=body["p"],
            name=body["n"],
            role=body["o"],
            grants=frozenset(Grant(word) for word in body["g"] if word in _KNOWN),
            expires_at=datetime.fromtimestamp(body["x"], UTC),
        )


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
