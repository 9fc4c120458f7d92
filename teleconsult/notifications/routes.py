"""JSON doors of a person's notices."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, body_of, query_of
from teleconsult.http.routing import Route, get, post
from teleconsult.notifications.service import Notifications

_PERSON = Permission.SELF


class NoticeQuery(Incoming):
    """Which notices."""

    cursor: str = Field("", max_length=36)
    unread: bool = False


class NoticeAnswer(Outgoing):
    """One notice; `message` is a msgid with `{name}` fields."""

    id: str
    subject: str
    word: str
    message: str
    fields: dict[str, str]
    path: str
    loud: bool
    at: datetime
    read_at: datetime | None


class NoticeList(Outgoing):
    """A page of notices."""

    items: list[NoticeAnswer]
    unread: int
    cursor: str


class MarkRead(Incoming):
    """Which notices were read: by id, all of a subject, or, with neither, all."""

    ids: list[str] | None = Field(None, max_length=200)
    subject: str = Field("", max_length=36)


class UnreadAnswer(Outgoing):
    """How many are not read."""

    unread: int


class NotificationRoutes:
    """The doors of this room."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    def table(self) -> list[Route]:
        """All routes."""
        return [
            get("/api/v1/notifications", self._list, _PERSON, query=NoticeQuery, answer=NoticeList, summary="Notices"),
            get("/api/v1/notifications/unread", self._unread, _PERSON, answer=UnreadAnswer, summary="Unread notices"),
            post(
                "/api/v1/notifications/read",
                self._read,
                _PERSON,
                body=MarkRead,
                answer=UnreadAnswer,
                summary="Mark notices as read",
            ),
        ]

    async def _list(self, request: web.Request) -> NoticeList:
        query = query_of(request, NoticeQuery)
        page = await self._notifications.page(actor_of(request), query.cursor, unread_only=query.unread)
        return NoticeList.model_validate(page)

    async def _unread(self, request: web.Request) -> UnreadAnswer:
        return UnreadAnswer(unread=await self._notifications.unread(actor_of(request)))

    async def _read(self, request: web.Request) -> UnreadAnswer:
        body = body_of(request, MarkRead)
        await self._notifications.mark_read(actor_of(request), body.ids, body.subject)
        return UnreadAnswer(unread=await self._notifications.unread(actor_of(request)))
