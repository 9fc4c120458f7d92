"""JSON doors of the patients: the way in by link and code, their visits, their calls."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from teleconsult.access import cookies
from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, actor_or_none, body_of, json_answer
from teleconsult.http.origin import address_of
from teleconsult.http.routing import Public, Route, get, post
from teleconsult.portal.service import Portal
from teleconsult.scheduling.rules import checked_id


class DoctorAnswer(Outgoing):
    """Who sees the patient."""

    name: str
    title: str
    department: str
    institution: str


class JoinAnswer(Outgoing):
    """What is behind a link; `state` says what to do."""

    state: str
    masked_name: str
    doctor: DoctorAnswer | None
    starts_at: datetime | None
    ends_at: datetime | None
    visit: str
    phone_last4: str
    told_by_staff: bool
    sent_at: datetime | None
    code_ends_at: datetime | None
    again_at: datetime | None
    tries_left: int
    line: str


class EnterBody(Incoming):
    """The code that was sent."""

    code: str = Field(min_length=1, max_length=20)


class EnteredAnswer(Outgoing):
    """The session's cookie is set; go on to the visit."""

    visit: str
    path: str
    ends_at: datetime


class PatientVisitAnswer(Outgoing):
    """A visit as its patient sees it."""

    id: str
    consult: str
    state: str
    doctor: DoctorAnswer
    starts_at: datetime
    ends_at: datetime
    reason: str
    note: str
    said: str
    next_step: str
    cancelled_because: str
    can_join: bool
    doctor_is_there: bool
    line: str


class HomeAnswer(Outgoing):
    """The patient's first page."""

    name: str
    institution: str
    line: str
    next_visit: PatientVisitAnswer | None
    later: list[PatientVisitAnswer]
    past: list[PatientVisitAnswer]


class CallTicketAnswer(Outgoing):
    """What a browser needs to join."""

    room: str
    ticket: str
    participant: str
    purpose: str
    visit: str | None
    rtc: str


class PortalRoutes:
    """The doors of this room."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def table(self) -> list[Route]:
        """All routes."""
        # A patient has no account: the link and the code are what they show. Both are counted and bounded.
        stranger = Public.PUBLIC
        link, read = "/api/v1/portal/links/{token}", Permission.FOLLOWUP_READ
        return [
            get(link, self.join, stranger, answer=JoinAnswer, summary="What is behind a patient's link"),
            post(f"{link}/code", self.code, stranger, answer=JoinAnswer, summary="Send the patient a code"),
            post(f"{link}/enter", self.enter, stranger, body=EnterBody, answer=EnteredAnswer, summary="Show the code"),
            get("/api/v1/portal/home", self.home, read, answer=HomeAnswer, summary="The patient's own visits"),
            get("/api/v1/portal/visits/{id}", self.visit, read, answer=PatientVisitAnswer, summary="One visit"),
            post(
                "/api/v1/portal/visits/{id}/calls",
                self.call,
                Permission.CALL_JOIN,
                answer=CallTicketAnswer,
                status=201,
                summary="Into the call of one's visit",
            ),
        ]

    async def join(self, request: web.Request) -> JoinAnswer:
        """GET /api/v1/portal/links/{token}."""
        view = await self._portal.join(request.match_info["token"], actor_or_none(request))
        return JoinAnswer.model_validate(view)

    async def code(self, request: web.Request) -> JoinAnswer:
        """POST /api/v1/portal/links/{token}/code."""
        view = await self._portal.send_code(request.match_info["token"], address_of(request))
        return JoinAnswer.model_validate(view)

    async def enter(self, request: web.Request) -> web.Response:
        """POST /api/v1/portal/links/{token}/enter."""
        code, device = body_of(request, EnterBody).code, request.headers.get("User-Agent", "")
        entered = await self._portal.enter(request.match_info["token"], code, address_of(request), device)
        answer = EnteredAnswer(visit=entered.visit, path=entered.path, ends_at=entered.session.ends_at)
        response = json_answer(answer)
        cookies.set_patient_session(request, response, entered.session.secret)
        return response

    async def home(self, request: web.Request) -> HomeAnswer:
        """GET /api/v1/portal/home."""
        return HomeAnswer.model_validate(await self._portal.home(actor_of(request)))

    async def visit(self, request: web.Request) -> PatientVisitAnswer:
        """GET /api/v1/portal/visits/{id}."""
        visit = await self._portal.visit(actor_of(request), checked_id(request.match_info["id"]))
        return PatientVisitAnswer.model_validate(visit)

    async def call(self, request: web.Request) -> CallTicketAnswer:
        """POST /api/v1/portal/visits/{id}/calls."""
        joined = await self._portal.join_call(actor_of(request), checked_id(request.match_info["id"]))
        return CallTicketAnswer.model_validate(joined)
