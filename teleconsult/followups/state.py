"""A visit's life as data: states, moves, what each needs. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from teleconsult.errors import StepRefused


class VisitState(StrEnum):
    """Where a visit stands."""

    BOOKED = "booked"
    IN_SESSION = "in_session"
    DONE = "done"
    MISSED = "missed"
    CANCELLED = "cancelled"


class VisitMove(StrEnum):
    """What the staff may do with it; each is a person's act."""

    REBOOK = "rebook"
    START = "start"
    FINISH = "finish"
    MISS = "miss"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One line of the table.

    Attributes:
        needs: Fields without which the move is refused.
    """

    move: VisitMove
    source: VisitState
    target: VisitState
    needs: tuple[str, ...] = ()


_S, _M = VisitState, VisitMove
TABLE: tuple[VisitRow, ...] = (
    VisitRow(_M.START, _S.BOOKED, _S.IN_SESSION),
    VisitRow(_M.REBOOK, _S.BOOKED, _S.BOOKED, ("starts_at",)),
    # Who did not come gets a new time; nothing is asked or written anew.
    VisitRow(_M.REBOOK, _S.MISSED, _S.BOOKED, ("starts_at",)),
    VisitRow(_M.FINISH, _S.IN_SESSION, _S.DONE, ("note", "next_step")),
    VisitRow(_M.FINISH, _S.BOOKED, _S.DONE, ("note", "next_step")),
    VisitRow(_M.MISS, _S.BOOKED, _S.MISSED, ("reason",)),
    VisitRow(_M.MISS, _S.IN_SESSION, _S.MISSED, ("reason",)),
    VisitRow(_M.CANCEL, _S.BOOKED, _S.CANCELLED, ("reason",)),
    VisitRow(_M.CANCEL, _S.MISSED, _S.CANCELLED, ("reason",)),
)
OPEN = frozenset({VisitState.BOOKED, VisitState.IN_SESSION})
"""The patient may come in."""


def rows_from(state: VisitState) -> tuple[VisitRow, ...]:
    """What may be done now."""
    return tuple(row for row in TABLE if row.source is state)


def row_for(state: VisitState, move: VisitMove) -> VisitRow:
    """The row that fits.

    Raises:
        StepRefused: None does; carries those that do.
    """
    found = next((row for row in rows_from(state) if row.move is move), None)
    if found is None:
        raise StepRefused(
            "This cannot be done with the visit now. Look at its present state first.",
            moves=[row.move.value for row in rows_from(state)],
        )
    return found


def after(state: VisitState, move: VisitMove) -> VisitState:
    """The state that a move leads to. Raises StepRefused."""
    return row_for(state, move).target
