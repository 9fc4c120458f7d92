"""JSON doors of follow-ups, for the staff."""

from datetime import datetime

from aiohttp import web

from teleconsult.actor import Permission
from teleconsult.followups.fields import BookFields, VisitMoveFields
from teleconsult.followups.service import Followups
from teleconsult.http.bodies import Outgoing
from teleconsult.http.guard import actor_of, body_of
from teleconsult.http.routing import Route, get, post


class NamedAnswer(Outgoing):
    """A person."""

    id: str
    name: str
    title: str


class MoveAnswer(Outgoing):
    """What may be done now, and the fields it needs."""

    move: str
    needs: list[str]
    target: str


class VisitAnswer(Outgoing):
    """A follow-up."""

    id: str
    consult: str
    state: str
    version: int
    doctor: NamedAnswer
    booked_by: NamedAnswer
    starts_at: datetime
    ends_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    reason: str
    note_to_patient: str
    note: str
    said: str
    next_step: str
    because: str
    moves: list[MoveAnswer]


class VisitsAnswer(Outgoing):
    """The follow-ups of a consult, newest first."""

    items: list[VisitAnswer]


class BookedAnswer(Outgoing):
    """A new follow-up with its patient's link, a path of this site; it is shown this once."""

    visit: VisitAnswer
    link: str


class LinkAnswer(Outgoing):
    """A patient's link, a path of this site; it is shown this once."""

    link: str


class FollowupRoutes:
    """The doors of this room."""

    def __init__(self, followups: Followups) -> None:
        self._followups = followups

    def table(self) -> list[Route]:
        """All routes."""
        mine, write, read = "/api/v1/consults/{id}/followups", Permission.FOLLOWUP_WRITE, Permission.FOLLOWUP_READ
        one = "/api/v1/followups/{id}"
        return [
            post(mine, self.book, write, body=BookFields, answer=BookedAnswer, status=201, creates=True,
                 summary="Book a follow-up with the patient"),
            get(mine, self.visits, read, answer=VisitsAnswer, summary="The follow-ups of a consult"),
            get(one, self.visit, read, answer=VisitAnswer, summary="A follow-up"),
            post(f"{one}/moves", self.move, write, body=VisitMoveFields, answer=VisitAnswer,
                 summary="Start, finish, rebook, miss or cancel a follow-up"),
            post(f"{one}/link", self.link, write, answer=LinkAnswer, status=201,
                 summary="Another link for the patient"),
        ]  # fmt: skip

    async def book(self, request: web.Request) -> BookedAnswer:
        """POST /api/v1/consults/{id}/followups."""
        fields = body_of(request, BookFields)
        booked = await self._followups.book(actor_of(request), request.match_info["id"], fields)
        return BookedAnswer.model_validate(booked)

    async def visits(self, request: web.Request) -> VisitsAnswer:
        """GET /api/v1/consults/{id}/followups."""
        found = await self._followups.visits(actor_of(request), request.match_info["id"])
        return VisitsAnswer(items=[VisitAnswer.model_validate(one) for one in found])

    async def visit(self, request: web.Request) -> VisitAnswer:
        """GET /api/v1/followups/{id}."""
        return VisitAnswer.model_validate(await self._followups.visit(actor_of(request), request.match_info["id"]))

    async def move(self, request: web.Request) -> VisitAnswer:
        """POST /api/v1/followups/{id}/moves."""
        given = body_of(request, VisitMoveFields)
        moved = await self._followups.move(actor_of(request), request.match_info["id"], given)
        return VisitAnswer.model_validate(moved)

    async def link(self, request: web.Request) -> LinkAnswer:
        """POST /api/v1/followups/{id}/link."""
        return LinkAnswer(link=await self._followups.new_link(actor_of(request), request.match_info["id"]))
