"""`Duty`: keeping the roster, and saying who is on duty now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.agreements.service import Agreements
from teleconsult.audit.trail import note
from teleconsult.db import Database, new_id
from teleconsult.duty import rules
from teleconsult.duty.models import DutyTurn
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound
from teleconsult.people.models import Department, Institution, Membership, User
from teleconsult.people.rights import need
from teleconsult.people.state import Role

_MOST = 500


@dataclass(frozen=True, slots=True)
class TurnFields:
    """A new line of the roster.

    Attributes:
        user: Id of a specialist of the institution.
        days: A digit for each day, 1 Monday to 7 Sunday.
        begins: `HH:MM` in the site's time zone.
        ends: `HH:MM`; not later than the beginning means the next day.
        department: Id; None takes the specialist's own.
    """

    user: str
    days: str
    begins: str
    ends: str
    department: str | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class TurnView:
    """A line of the roster for showing."""

    id: str
    user: str
    name: str
    title: str
    department: str
    days: str
    begins: str
    ends: str
    last_day: date | None
    is_now: bool


@dataclass(frozen=True, slots=True)
class OnDutyNow:
    """Somebody on duty."""

    user: str
    name: str
    title: str
    department: str
    institution: str
    institution_name: str
    until: datetime


class Duty:
    """The roster.

    Args:
        database: Where it is kept.
        agreements: Whose specialists one may call.
        zone: The site's time zone, in which turns are written.
    """

    def __init__(self, database: Database, agreements: Agreements, zone: tzinfo) -> None:
        self._database = database
        self._agreements = agreements
        self._zone = zone

    async def add(self, actor: Actor, institution: str, fields: TurnFields) -> str:
        """Write somebody into the roster. Returns the line's id.

        Raises:
            NotAllowed: Only the institution's coordinators keep it.
            FieldsRefused: Not a specialist there, or no such days or hours.
        """
        _need_keeper(actor, institution)
        days, begins, ends = _checked(fields)
        async with self._database.write(actor) as work:
            user = await work.session.get(User, fields.user)
            place = await work.session.get(Membership, (fields.user, institution, Role.SPECIALIST))
            if user is None or place is None or not user.active:
                raise FieldsRefused({"user": "Please choose a specialist of your institution."})
            today = work.at.astimezone(self._zone).date()
            row = DutyTurn(
                id=new_id(), institution_id=institution, department_id=fields.department or user.department,
                user_id=user.id, days=days, from_minute=begins, to_minute=ends,
                first_day=fields.first_day or today, last_day=fields.last_day,
                created_at=work.at, created_by=actor.id,
            )  # fmt: skip
            work.session.add(row)
            note(work, "duty.add", f"user/{user.id}", detail={"days": days, "begins": fields.begins})
        return row.id

    async def remove(self, actor: Actor, turn: str) -> None:
        """Take a line out; who is on duty by it is no more from now on."""
        async with self._database.write(actor) as work:
            row = await work.session.get(DutyTurn, turn)
            if row is None or (actor.kind is not ActorKind.SYSTEM and row.institution_id != actor.institution):
                raise NotFound
            _need_keeper(actor, row.institution_id)
            await work.session.delete(row)
            note(work, "duty.remove", f"user/{row.user_id}", detail={"days": row.days})

    async def turns(self, actor: Actor) -> list[TurnView]:
        """The roster of the actor's institution."""
        need(actor, Permission.CONSULT_READ)
        now = self._now()
        asked = _lines().where(DutyTurn.institution_id == actor.institution)
        async with self._database.read() as session:
            found = (await session.execute(asked)).all()
        return [
            TurnView(
                turn.id, user.id, user.name, user.title, department or "", turn.days,
                rules.clock_text(turn.from_minute), rules.clock_text(turn.to_minute), turn.last_day,
                rules.runs_until(turn, now) is not None,
            )
            for turn, user, department, _ in found
        ]  # fmt: skip

    async def on_duty(
        self, session: AsyncSession, institution: str, department: str | None, kind: str, at: datetime
    ) -> str | None:
        """See `consults.ports.Roster.on_duty`: of several, whoever stays longest."""
        asked = _lines().where(DutyTurn.institution_id == institution)
        if department is not None:
            asked = asked.where(or_(DutyTurn.department_id == department, DutyTurn.department_id.is_(None)))
        running = self._running((await session.execute(asked)).all(), at)
        return max(running, key=lambda one: (one.until, one.user)).user if running else None

    async def now(self, actor: Actor, at: datetime) -> list[OnDutyNow]:
        """Who is on duty at a moment, at the actor's institution and those it may invite."""
        async with self._database.read() as session:
            agreed = await self._agreements.in_force(session, actor.institution, None, at)
            places = {str(actor.institution), *(one.invited_id for one in agreed)}
            found = (await session.execute(_lines().where(DutyTurn.institution_id.in_(sorted(places))))).all()
        return sorted(self._running(found, at), key=lambda one: (one.institution_name, one.department, one.name))

    def _running(self, lines: Sequence[Row[DutyTurn, User, str, Institution]], at: datetime) -> list[OnDutyNow]:
        here = at.astimezone(self._zone)
        running = []
        for turn, user, department, institution in lines:
            until = rules.runs_until(turn, here)
            if until is not None:
                running.append(
                    OnDutyNow(user.id, user.name, user.title, department or "", institution.id, institution.name, until)
                )
        return running

    def _now(self) -> datetime:
        return self._database.clock.now().astimezone(self._zone)


def _lines() -> Select[DutyTurn, User, str, Institution]:
    """Lines of active people who are still specialists there."""
    return (
        select(DutyTurn, User, Department.name, Institution)
        .join(User, User.id == DutyTurn.user_id)
        .join(Institution, Institution.id == DutyTurn.institution_id)
        .join(
            Membership,
            (Membership.user == DutyTurn.user_id)
            & (Membership.institution == DutyTurn.institution_id)
            & (Membership.role == Role.SPECIALIST),
        )
        .outerjoin(Department, Department.id == DutyTurn.department_id)
        .where(User.active)
        .order_by(DutyTurn.department_id, DutyTurn.from_minute, DutyTurn.id)
        .limit(_MOST)
    )


def _need_keeper(actor: Actor, institution: str) -> None:
    if not actor.may(Permission.CONSULT_COORDINATE):
        raise NotAllowed
    if actor.kind is not ActorKind.SYSTEM and actor.institution != institution:
        raise NotFound


def _checked(fields: TurnFields) -> tuple[str, int, int]:
    wrong: dict[str, str] = {}
    days = rules.normal_days(fields.days)
    begins, ends = rules.minute_of(fields.begins), rules.minute_of(fields.ends)
    if not days:
        wrong["days"] = "Please choose at least one day."
    if begins is None:
        wrong["begins"] = "Please give a time, like 14:05."
    if ends is None:
        wrong["ends"] = "Please give a time, like 14:05."
    if fields.first_day and fields.last_day and fields.last_day < fields.first_day:
        wrong["last_day"] = "The last day lies before the first."
    if wrong or begins is None or ends is None:
        raise FieldsRefused(wrong)
    return days, begins, ends
