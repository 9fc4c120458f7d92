"""JSON doors of calls."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.routing import Route, get, post
from teleconsult.scheduling.rules import checked_id
from teleconsult.scheduling.service import Scheduling


class JoinQuery(Incoming):
    """Which call: a follow-up's, or by default the one that is on."""

    visit: str = Field("", max_length=64)


class JoinedAnswer(Outgoing):
    """What a browser needs: `hello` with the ticket is the first word on the WebSocket at `rtc`."""

    room: str
    ticket: str
    participant: str
    purpose: str
    visit: str | None
    rtc: str


class CallEventAnswer(Outgoing):
    """One thing that happened; `detail` of `quality` holds loss, rtt_ms, fps, concealed, send_bps."""

    at: datetime
    kind: str
    who: str
    part: str
    detail: dict[str, str | int | float]


class CallAnswer(Outgoing):
    """A call's record."""

    room: str
    number: int
    purpose: str
    visit: str | None
    opened_at: datetime
    ended_at: datetime | None
    people: list[str]
    is_awaited: bool
    events: list[CallEventAnswer]


class CallsAnswer(Outgoing):
    """The calls of a consult, newest first."""

    items: list[CallAnswer]


class SchedulingRoutes:
    """The doors of this room."""

    def __init__(self, scheduling: Scheduling) -> None:
        self._scheduling = scheduling

    def table(self) -> list[Route]:
        """All routes."""
        path = "/api/v1/consults/{id}/calls"
        return [
            post(
                path,
                self.join,
                Permission.CALL_JOIN,
                query=JoinQuery,
                answer=JoinedAnswer,
                status=201,
                summary="Open the call of a consult, or come back to it",
            ),
            get(path, self.calls, Permission.CONSULT_READ, answer=CallsAnswer, summary="The record of its calls"),
        ]

    async def join(self, request: web.Request) -> JoinedAnswer:
        """POST /api/v1/consults/{id}/calls."""
        visit = query_of(request, JoinQuery).visit or None
        consult = checked_id(request.match_info["id"])
        return JoinedAnswer.model_validate(await self._scheduling.join(actor_of(request), consult, visit))

    async def calls(self, request: web.Request) -> CallsAnswer:
        """GET /api/v1/consults/{id}/calls."""
        found = await self._scheduling.calls_of(actor_of(request), checked_id(request.match_info["id"]))
        return CallsAnswer.model_validate({"items": found}, from_attributes=True)
