"""`Desk`: assembles the pages that span rooms. Reads only; what it remembers itself is that a tour was seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import func, select

from teleconsult.actor import Actor, Permission
from teleconsult.consults.models import Consult
from teleconsult.consults.service import Consults
from teleconsult.consults.state import State
from teleconsult.consults.views import ConsultView, EntryView, RowView
from teleconsult.consults.worklist import Filter, Which, waiting_for
from teleconsult.db import Database
from teleconsult.desk import case, rules, views
from teleconsult.desk.listing import Wanted, filter_of, listing
from teleconsult.desk.models import TourSeen
from teleconsult.desk.ports import Duty, Films, NoSeries
from teleconsult.notifications.service import Notifications
from teleconsult.people.service import People
from teleconsult.reports.service import Reports
from teleconsult.results.service import Results

_CAME_BACK_WITHIN = timedelta(days=3)
_MOST_ENTRIES = 2000
_MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that are read, handed over by `app`."""

    consults: Consults
    people: People
    reports: Reports
    results: Results
    notifications: Notifications


class Desk:
    """First page, worklist, the consult's page.

    Args:
        database: The clinic's.
        rooms: What is read.
        zone: The site's time zone.
        films: Lists the series of studies.
        duty: The roster; None: the site keeps none, and the page does not speak of it.
    """

    def __init__(
        self, database: Database, rooms: Rooms, zone: tzinfo, films: Films | None = None, duty: Duty | None = None
    ) -> None:
        self._database = database
        self._rooms = rooms
        self._zone = zone
        self._films = films or NoSeries()
        self._duty = duty

    # the first page and what stands on every page

    async def home(self, actor: Actor) -> views.Home:
        """What waits, what came back, who is on duty."""
        now = self._database.clock.now()
        rows = await self._rows(actor, Filter(which=Which.WAITING_FOR_ME), now)
        booked = [row for row in rows if row.starts_at is not None and row.state == State.SCHEDULED]
        return views.Home(
            now=now,
            waiting_count=await self.waiting(actor),
            first=rules.most_pressing(rows),
            counts=rules.counts(rows),
            drafts=(await self._rows(actor, Filter(which=Which.MINE, state=State.DRAFT), now))[:_MOST_SHOWN],
            came_back=await self._came_back(actor, now),
            next_call=min(booked, key=lambda row: row.starts_at or now, default=None),
            on_duty=await self._duty.now(actor, now) if self._duty else None,
            may_request=actor.may(Permission.CONSULT_CREATE),
            show_tour=not await self.has_seen_tour(actor),
        )

    async def waiting(self, actor: Actor) -> int:
        """How many cases wait for this person."""
        if not actor.may(Permission.CONSULT_READ):
            return 0
        asked = select(func.count()).select_from(Consult).where(waiting_for(actor))
        async with self._database.read() as session:
            return int(await session.scalar(asked) or 0)

    async def unread_notices(self, actor: Actor) -> int:
        """How many notices are new."""
        return await self._rooms.notifications.unread(actor)

    async def place_of(self, actor: Actor) -> str:
        """Where somebody acts, by name."""
        return await self._rooms.people.name_of(actor.institution)

    async def has_seen_tour(self, actor: Actor) -> bool:
        """Whether the tour was ended or put away."""
        async with self._database.read() as session:
            return await session.get(TourSeen, actor.id) is not None

    async def end_tour(self, actor: Actor) -> None:
        """Remember that the tour was seen."""
        async with self._database.write(actor) as work:
            if await work.session.get(TourSeen, actor.id) is None:
                work.session.add(TourSeen(user_id=actor.id, at=work.at))

    # the worklist

    async def worklist(self, actor: Actor, wanted: Wanted) -> views.Worklist:
        """A page of cases with its filters."""
        now = self._database.clock.now()
        found = await self._rooms.consults.worklist(actor, filter_of(wanted))
        rows = [self._row(item, now) for item in found.items]
        return listing(wanted, found, rows, may_request=actor.may(Permission.CONSULT_CREATE))

    # the case

    async def case(self, actor: Actor, consult_id: str) -> views.Case:
        """All of a consult that this person may see, as its page draws it."""
        rooms, now = self._rooms, self._database.clock.now()
        view = await rooms.consults.view(actor, consult_id)
        materials = await rooms.consults.materials(actor, consult_id)
        entries = await self._entries(actor, consult_id)
        refs = [one.study.ref for one in materials if one.study is not None]
        may_add = await rooms.consults.may_attach(actor, consult_id)
        parts = case.Parts(
            actor=actor,
            view=view,
            entries=entries,
            materials=materials,
            series=await self._films.series(refs) if refs else (),
            labs=await rooms.results.tables_of(actor, consult_id) if actor.may(Permission.LAB_READ) else (),
            reports=await rooms.reports.signed(actor, consult_id) if view.report_version else (),
            names=await rooms.people.names({one.institution_id for one in materials}),
            choices=await self._choices(actor, view),
            may_add=may_add,
        )
        return case.drawn(parts, now, self._zone)

    async def seen(self, actor: Actor, shown: views.Case) -> None:
        """Note that somebody has read the conversation and the notices about this case."""
        await self._rooms.consults.mark_seen(actor, shown.id, shown.message_count)
        await self._rooms.notifications.mark_read(actor, subject=shown.id)

    async def lab_values(self, actor: Actor, consult_id: str) -> list[dict[str, str]]:
        """All values of a case for the report's form, the newest first."""
        if not actor.may(Permission.LAB_READ):
            return []
        return [
            {
                "name": row.name,
                "value": row.value,
                "unit": row.unit,
                "flag": row.flag,
                "range": row.range,
                "date": table.taken_at.astimezone(self._zone).date().isoformat(),
            }
            for table in await self._rooms.results.tables_of(actor, consult_id)
            for row in table.rows
        ]

    async def _entries(self, actor: Actor, consult_id: str) -> Sequence[EntryView]:
        entries: list[EntryView] = []
        after: int | None = 0
        while after is not None and len(entries) < _MOST_ENTRIES:
            found = await self._rooms.consults.timeline(actor, consult_id, after)
            entries.extend(found.items)
            after = found.cursor
        return entries

    async def _choices(self, actor: Actor, view: ConsultView) -> views.Choices:
        kinds = {need.kind for offer in view.moves for need in offer.needs}
        people = self._rooms.people
        specialists = await people.specialists(actor, actor.institution) if kinds & case.PERSON_KINDS else []
        departments = await people.departments(actor.institution) if case.DEPARTMENT in kinds else []
        institutions = await people.institutions() if case.INSTITUTION in kinds else []
        here = view.target_institution.id if view.target_institution else ""
        return views.Choices(
            specialists=[
                (one.id, f"{one.name}　{one.department_name} {one.title}".strip())
                for one in specialists
                if one.id != actor.id
            ],
            departments=[(one.id, one.name) for one in departments],
            institutions=[(one.id, one.name) for one in institutions if one.id not in {here, view.institution.id}],
            open_items=[item for item in view.asked if item.answered_at is None],
        )

    async def _came_back(self, actor: Actor, now: datetime) -> Sequence[views.CameBack]:
        found: list[views.Row] = []
        for state in (State.DELIVERED, State.ANSWERED, State.CLOSED):
            rows = await self._rows(actor, Filter(which=Which.MINE, state=state), now)
            found += [row for row in rows if row.changed_at is not None and row.changed_at > now - _CAME_BACK_WITHIN]
        found.sort(key=lambda row: row.changed_at or now, reverse=True)
        return [
            views.CameBack(row.path, row.patient_name, row.question, row.state, row.adoption, row.changed_at or now)
            for row in found[:_MOST_SHOWN]
        ]

    async def _rows(self, actor: Actor, wanted: Filter, now: datetime) -> list[views.Row]:
        if not actor.may(Permission.CONSULT_READ):
            return []
        return [self._row(item, now) for item in await self._rooms.consults.cases(actor, wanted)]

    def _row(self, item: RowView, now: datetime) -> views.Row:
        return rules.row(item, now, now.astimezone(self._zone).date())
