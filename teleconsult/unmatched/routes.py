"""JSON doors of what waits for a case."""

from datetime import date, datetime

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, body_of, query_of
from teleconsult.http.routing import Route, get, post
from teleconsult.unmatched.service import ArrivedView, Unmatched


class WaitingQuery(Incoming):
    """Where to go on."""

    cursor: str = Field("", max_length=64)


class ProposalAnswer(Outgoing):
    """An open case that fits."""

    consult: str
    number: str
    differs: list[str]


class WaitingAnswer(Outgoing):
    """Something that waits; what is said of the patient is the sender's word."""

    id: str
    kind: str
    reference: str
    arrived_at: datetime
    patient_name: str
    patient_number: str
    birth_date: str
    title: str
    taken_on: date | None
    count: int
    proposals: list[ProposalAnswer]


class WaitingList(Outgoing):
    """A page."""

    items: list[WaitingAnswer]
    cursor: str


class MatchBody(Incoming):
    """On which case."""

    consult_id: str = Field(min_length=1, max_length=64)


class UnmatchedRoutes:
    """The doors of this room."""

    def __init__(self, unmatched: Unmatched) -> None:
        self._unmatched = unmatched

    def table(self) -> list[Route]:
        """All routes."""
        see, add, one = Permission.UNMATCHED_READ, Permission.MATERIAL_WRITE, "/api/v1/unmatched/{id}"
        return [
            get("/api/v1/unmatched", self._list, see, query=WaitingQuery, answer=WaitingList, summary="What waits"),
            post(f"{one}/match", self._match, add, body=MatchBody, status=204, summary="Put on a case"),
            post(f"{one}/aside", self._aside, add, status=204, summary="Put aside"),
            post(f"{one}/undo", self._undo, add, status=204, summary="Let it wait again"),
        ]

    async def _list(self, request: web.Request) -> WaitingList:
        found = await self._unmatched.waiting(actor_of(request), query_of(request, WaitingQuery).cursor)
        return WaitingList(items=[_answer(one) for one in found.items], cursor=found.cursor)

    async def _match(self, request: web.Request) -> web.Response:
        consult = body_of(request, MatchBody).consult_id
        await self._unmatched.match(actor_of(request), request.match_info["id"], consult)
        return web.Response(status=204)

    async def _aside(self, request: web.Request) -> web.Response:
        await self._unmatched.put_aside(actor_of(request), request.match_info["id"])
        return web.Response(status=204)

    async def _undo(self, request: web.Request) -> web.Response:
        await self._unmatched.undo(actor_of(request), request.match_info["id"])
        return web.Response(status=204)


def _answer(one: ArrivedView) -> WaitingAnswer:
    said = one.identity
    return WaitingAnswer(
        id=one.id,
        kind=one.kind,
        reference=one.reference,
        arrived_at=one.arrived_at,
        patient_name=said.names[0] if said and said.names else "",
        patient_number=said.number if said else "",
        birth_date=said.birth_date if said else "",
        title=said.title if said else "",
        taken_on=said.taken_at.date() if said and said.taken_at else None,
        count=said.count if said else 0,
        proposals=[
            ProposalAnswer(consult=it.case.id, number=it.case.number, differs=list(it.differs)) for it in one.proposals
        ],
    )
