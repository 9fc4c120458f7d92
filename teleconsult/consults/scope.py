"""Which consults are open to somebody, as one condition of a query.

It must say the same as `rules.parties_of` says of a single record; a test compares the two over all sorts of people and
cases.
"""

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from teleconsult.actor import Actor, ActorKind
from teleconsult.consults.models import Consult, Level, Seat
from teleconsult.consults.state import State
from teleconsult.people.models import User
from teleconsult.people.state import Role

_UNSEEN_BY_TARGET = (State.DRAFT, State.APPROVAL)
_READERS = frozenset({Role.APPROVER, Role.COORDINATOR, Role.AUDITOR})


def is_open_to(actor: Actor, *, past: bool = True) -> ColumnElement[bool]:
    """The condition on `Consult`: it exists for this person.

    Args:
        actor: Who.
        past: Also what their institution has passed on, of which they read their own part.
    """
    if actor.kind is ActorKind.SYSTEM:
        return Consult.id.is_not(None)
    if actor.kind is not ActorKind.STAFF:
        return false()
    ways: list[ColumnElement[bool]] = []
    if Role.REQUESTER in actor.roles:
        ways.append(and_(Consult.requester_id == actor.id, Consult.institution_id == actor.institution))
    if actor.roles & _READERS:
        ways.append(and_(Consult.institution_id == actor.institution, Consult.submitted_at.is_not(None)))
    if actor.roles & {Role.COORDINATOR, Role.AUDITOR}:
        ways.append(_at_target(actor, past=past and Role.COORDINATOR in actor.roles))
    if Role.SPECIALIST in actor.roles:
        ways.append(and_(_at_target(actor), Consult.id.in_(_seats(actor))))
    if actor.roles & {Role.SPECIALIST, Role.AUDITOR}:
        ways.append(and_(_at_target(actor), Consult.signer_id == actor.id))
    return or_(*ways) if ways else false()


def sits_at(actor: Actor) -> ColumnElement[bool]:
    """The condition that this person holds a seat, by name or by department."""
    if Role.SPECIALIST not in actor.roles:
        return false()
    return and_(_at_target(actor), Consult.id.in_(_seats(actor)))


def open_consults(actor: Actor) -> Select[str]:
    """Ids of all consults whose materials this person may open."""
    return select(Consult.id).where(is_open_to(actor, past=False))


def _at_target(actor: Actor, *, past: bool = False) -> ColumnElement[bool]:
    levels = select(Level.consult_id).where(Level.institution_id == actor.institution)
    if not past:
        levels = levels.where(Level.ended_at.is_(None))
    return and_(Consult.state.not_in(_UNSEEN_BY_TARGET), Consult.id.in_(levels))


def _seats(actor: Actor) -> Select[str]:
    department = select(User.department).where(User.id == actor.id, User.active).scalar_subquery()
    return select(Seat.consult_id).where(
        Seat.left_at.is_(None),
        Seat.institution_id == actor.institution,
        or_(Seat.user_id == actor.id, and_(Seat.user_id.is_(None), Seat.department_id == department)),
    )
