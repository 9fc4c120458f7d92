"""Pure decisions about visits: who of a consult may book and hold them, when, and which one somebody would join."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from teleconsult.consults.state import Party, State
from teleconsult.followups.state import OPEN, VisitState
from teleconsult.http.bodies import N_

if TYPE_CHECKING:
    from teleconsult.followups.models import Visit

STAFF = frozenset({Party.REQUESTER, Party.SPECIALIST, Party.MEMBER, Party.SIGNER})
"""Who knows the patient of a consult."""

_TOO_EARLY = frozenset({State.DRAFT, State.APPROVAL, State.TRIAGE})
_NEVER = frozenset({State.REJECTED, State.WITHDRAWN, State.CANCELLED, State.EXPIRED})
_BEFORE = timedelta(minutes=30)
_AFTER = timedelta(hours=2)
_HINTS: Mapping[str, str] = {
    "starts_at": N_("Please choose a date and time."),
    "note": N_("Please write what was found and said."),
    "next_step": N_("Please write what comes next; the patient reads it."),
    "reason": N_("Please give the reason."),
}


def may_hold(parties: Collection[Party]) -> bool:
    """Whether somebody may book visits and hold them."""
    return not STAFF.isdisjoint(parties)


def may_book(state: State) -> bool:
    """Whether a consult is far enough for a visit, and was not broken off."""
    return state not in _TOO_EARLY | _NEVER


def missing(needs: Iterable[str], given: Mapping[str, object]) -> dict[str, str]:
    """Field -> what to do, for what a move needs and was not given."""
    return {name: _HINTS[name] for name in needs if not given.get(name)}


def runs_now(visit: "Visit", now: datetime) -> bool:
    """Whether staff who go into a call without saying which mean this visit."""
    if visit.state == VisitState.IN_SESSION:
        return True
    return visit.state == VisitState.BOOKED and visit.starts_at - _BEFORE <= now <= visit.ends_at + _AFTER


def next_of(visits: Iterable["Visit"], now: datetime) -> "Visit | None":
    """The visit that a patient means: the one that runs, else the nearest to now."""
    open_ones = [visit for visit in visits if visit.state in OPEN]
    return min(open_ones, key=lambda one: (one.state != VisitState.IN_SESSION, abs(one.starts_at - now)), default=None)
