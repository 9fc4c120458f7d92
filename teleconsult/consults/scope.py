"""Which consults are open to somebody, as one condition of a query.

It must say the same as `rules.parties_of` says of a single record; a test compares the two over all sorts of people and
cases.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Label, Select, Subquery, and_, false, or_, select, union, union_all

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
    ways = _ways(actor, past=past)
    if len(ways) < 2:
        return ways[0] if ways else false()
    return Consult.id.in_(union_all(*(select(Consult.id).where(way) for way in ways)))


def open_rows(actor: Actor, held: Sequence[ColumnElement[bool]], marks: Sequence[Label[bool]] = ()) -> Subquery:
    """What a list needs of the consults that are open to somebody and for which all conditions hold, each once.

    Every way is walked by its own index, with the conditions inside: one OR over all ways would read the whole table.

    Args:
        actor: Whose.
        held: Conditions on the consult.
        marks: What else is to be known of each row, by name.
    """
    ways = _ways(actor, past=True) or [false()]
    listed = [
        select(Consult.id, Consult.state, Consult.kind, Consult.priority, Consult.due_at, *marks).where(way, *held)
        for way in ways
    ]
    return listed[0].subquery() if len(listed) == 1 else union(*listed).subquery()


def _ways(actor: Actor, *, past: bool) -> list[ColumnElement[bool]]:
    if actor.kind is ActorKind.SYSTEM:
        return [Consult.id.is_not(None)]
    if actor.kind is not ActorKind.STAFF:
        return []
    ways: list[ColumnElement[bool]] = []
    if Role.REQUESTER in actor.roles:
        ways.append(asked_by(actor))
    if actor.roles & _READERS:
        ways.append(and_(Consult.institution_id == actor.institution, Consult.submitted_at.is_not(None)))
    if actor.roles & {Role.COORDINATOR, Role.AUDITOR}:
        ways.append(handled_by(actor))
    if past and Role.COORDINATOR in actor.roles:
        passed_on = (Level.institution_id == actor.institution, Level.ended_at.is_not(None))
        ways.append(Consult.id.in_(select(Level.consult_id).where(*passed_on)))
    if Role.SPECIALIST in actor.roles:
        ways.append(sits_at(actor))
    if actor.roles & {Role.SPECIALIST, Role.AUDITOR}:
        ways.append(and_(Consult.signer_id == actor.id, handled_by(actor)))
    return ways


def asked_by(actor: Actor) -> ColumnElement[bool]:
    """The actor is the requesting doctor."""
    return and_(Consult.requester_id == actor.id, Consult.institution_id == actor.institution)


def handled_by(actor: Actor) -> ColumnElement[bool]:
    """The actor's institution handles it now."""
    return and_(
        Consult.target_institution_id == actor.institution,
        Consult.clock_began_at.is_not(None),
        Consult.state.not_in(_UNSEEN_BY_TARGET),
    )


def sits_at(actor: Actor) -> ColumnElement[bool]:
    """This person holds a seat, by name or by department, where the consult is handled now: a redirect clears seats."""
    return Consult.id.in_(_seats(actor))


def open_consults(actor: Actor) -> Select[str]:
    """Ids of all consults whose materials this person may open."""
    return select(Consult.id).where(is_open_to(actor, past=False))


def _seats(actor: Actor) -> Select[str]:
    department = select(User.department).where(User.id == actor.id, User.active).scalar_subquery()
    return select(Seat.consult_id).where(
        Seat.left_at.is_(None),
        Seat.institution_id == actor.institution,
        or_(Seat.user_id == actor.id, and_(Seat.user_id.is_(None), Seat.department_id == department)),
    )
