"""The audit's JSON door: auditors and administrators read the rows of their own institution."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.audit.trail import Trail, Wanted
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.routing import Route, get


class AuditQuery(Incoming):
    """Which rows; all of them without a word."""

    actor: str = Field("", max_length=64)
    action: str = Field("", max_length=80)
    subject: str = Field("", max_length=200)
    patient: str = Field("", max_length=64)
    before: int = Field(0, ge=0, lt=1 << 62)

    def wanted(self) -> Wanted:
        """As the trail takes it."""
        return Wanted(self.actor, self.action, self.subject, self.patient, self.before)


class EntryAnswer(Outgoing):
    """One row."""

    number: int
    at: datetime
    actor: str
    actor_name: str
    actor_kind: str
    institution: str
    address: str
    action: str
    subject: str
    patient: str
    detail: dict[str, str]


class EntriesAnswer(Outgoing):
    """A page of rows, the newest first; `next` is the `before` of the following page."""

    items: list[EntryAnswer]
    next: int | None


class AuditRoutes:
    """The doors."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    def table(self) -> list[Route]:
        """All routes of the room."""
        return [
            get(
                "/api/v1/audit",
                self.entries,
                Permission.AUDIT_READ,
                query=AuditQuery,
                answer=EntriesAnswer,
                summary="Who did what at one's own institution",
            )
        ]

    async def entries(self, request: web.Request) -> EntriesAnswer:
        """GET /api/v1/audit."""
        found = await self._trail.entries(actor_of(request), query_of(request, AuditQuery).wanted())
        items = [EntryAnswer.model_validate(entry) for entry in found]
        return EntriesAnswer(items=items, next=items[-1].number if len(items) == self._trail.page_size else None)
