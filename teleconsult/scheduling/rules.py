"""Pure decisions: names of rooms and participants, who may do what in a call, whether two times touch."""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from teleconsult.consults.state import Party, State
from teleconsult.errors import FieldsRefused, NotFound, Refused
from teleconsult.scheduling.state import Grant, Part, Seen

_OWN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONSULT_ROOM = re.compile(r"c\.([A-Za-z0-9-]{1,64})\.(\d{1,6})")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
USUAL = timedelta(minutes=15)
LONGEST = timedelta(hours=8)
FARTHEST = timedelta(days=366)
_LATE = timedelta(minutes=5)
"""A slot may have begun a moment ago: "now" takes a while to type."""

_BEFORE_CALLS = frozenset({State.DRAFT, State.APPROVAL, State.TRIAGE})
_AFTER_CALLS = frozenset({State.CLOSED, State.REJECTED, State.WITHDRAWN, State.CANCELLED, State.EXPIRED})
_PARTS: tuple[tuple[Party, Part], ...] = (
    (Party.SPECIALIST, Part.SPECIALIST),
    (Party.REQUESTER, Part.REQUESTER),
    (Party.MEMBER, Part.MEMBER),
)
_BOTH_WAYS = frozenset({Grant.PUBLISH, Grant.SUBSCRIBE})
_TREATS = _BOTH_WAYS | {Grant.SHARE, Grant.FILMS}
GRANTS: dict[Part, frozenset[Grant]] = {
    Part.PATIENT: _BOTH_WAYS,
    Part.REQUESTER: _TREATS,
    Part.MEMBER: _TREATS,
    Part.SPECIALIST: _TREATS | {Grant.HOST, Grant.ADMIT, Grant.RECORD},
    Part.STAFF: _BOTH_WAYS | {Grant.SHARE},
}
DOOR = frozenset({Seen.KNOCKED, Seen.ADMITTED, Seen.DECLINED, Seen.GAVE_UP, Seen.REMOVED})
"""What decides whether a patient waits at the door, and who does."""
PRESENCE = DOOR | {Seen.JOINED, Seen.AWAY, Seen.BACK, Seen.LEFT, Seen.LOST, Seen.ENDED, Seen.CLOSED}
"""What tells who is in a call."""
ON_TIMELINE = frozenset({Seen.JOINED, Seen.LEFT, Seen.LOST, Seen.REMOVED, Seen.ENDED})
"""What everybody who reads the case should see; the rest stays in the call's own record."""
WITH_LINE = frozenset({Seen.LEFT, Seen.LOST, Seen.REMOVED, Seen.ENDED})
"""What tells with it how good the line was."""


@dataclass(frozen=True, slots=True)
class ConsultRoom:
    """A room that belongs to a consult."""

    consult: str
    number: int


def own_room(institution: str, name: str) -> str:
    """The exchange's name of an institution's own room: two institutions never share one.

    Raises:
        Refused: Not a name.
    """
    if not _OWN_NAME.fullmatch(name):
        raise Refused("A room's name holds up to 64 letters, digits, _ and -.", code="bad_room")
    return f"w.{institution}.{name}"


def consult_room(consult: str, number: int) -> str:
    """The exchange's name of a consult's room."""
    return f"c.{consult}.{number}"


def read_consult_room(room: str) -> ConsultRoom | None:
    """Which consult's room this is, None for any other."""
    found = _CONSULT_ROOM.fullmatch(room)
    return ConsultRoom(found[1], int(found[2])) if found else None


def participant(key: bytes, room: str, actor: str) -> str:
    """Who somebody is in a room: opaque, the same each time, another one elsewhere."""
    about = room.rpartition(".")[0] if room.startswith("c.") else room
    return "p" + hmac.digest(key, f"{about}\0{actor}".encode(), sha256).hex()[:24]


def part_of(parties: Iterable[Party]) -> Part | None:
    """As whom somebody sits in the consult's calls; None for those who only read or arrange."""
    held = frozenset(parties)
    return next((part for party, part in _PARTS if party in held), None)


def must_wait(part: Part, at_door: Iterable[str]) -> bool:
    """Whether somebody has to be let in: a patient who was not, or who was sent out since.

    Args:
        part: As whom they come.
        at_door: What was seen of them in this call, in order: words of `DOOR`.
    """
    lasting = [word for word in at_door if word in {Seen.ADMITTED, Seen.REMOVED}]
    return part is Part.PATIENT and lasting[-1:] != [Seen.ADMITTED]


def waits(at_door: Sequence[str]) -> bool:
    """Whether somebody stands at the door now; `at_door` as for `must_wait`."""
    return at_door[-1:] == [Seen.KNOCKED]


def takes_calls(state: State) -> bool:
    """Whether both sides may speak: from the moment that somebody is asked, to the end."""
    return state not in _BEFORE_CALLS | _AFTER_CALLS


def has_parted(state: State) -> bool:
    """Whether the consult is over, and only visits go on."""
    return state in _AFTER_CALLS


def slot_of(starts_at: datetime, ends_at: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """A bookable time.

    Raises:
        FieldsRefused: In the past, too far, too long, or ends before it begins.
    """
    until = ends_at or starts_at + USUAL
    if starts_at < now - _LATE:
        raise FieldsRefused({"starts_at": "Please choose a time that is still to come."})
    if starts_at > now + FARTHEST:
        raise FieldsRefused({"starts_at": "Please choose a time within a year."})
    if not timedelta() < until - starts_at <= LONGEST:
        raise FieldsRefused({"ends_at": "The end must come after the start, within 8 hours."})
    return starts_at, until


def is_id(text: str) -> bool:
    """Whether a text can be an id at all."""
    return _ID.fullmatch(text) is not None


def checked_id(text: str) -> str:
    """An id out of an address. Raises NotFound for what cannot be one."""
    if not is_id(text):
        raise NotFound
    return text


def line_of(measured: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    """How good a line was: mean loss in percent, mean round trip in ms; empty where nothing was measured."""
    if not measured:
        return {}
    losses, trips = ([float(one.get(name, 0)) for one in measured] for name in ("loss", "rtt_ms"))
    return {"loss_percent": round(100 * sum(losses) / len(losses), 1), "rtt_ms": round(sum(trips) / len(trips))}
