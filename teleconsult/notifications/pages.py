"""The page of a person's notices."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.routing import Route, get, post
from teleconsult.notifications.service import NoticeView, Notifications

_OWN = Permission.SELF


class NoticesQuery(Incoming):
    """Which part of the list; `done` is what was just done."""

    cursor: str = Field("", max_length=64)
    done: str = Field("", max_length=20)


@dataclass(frozen=True, slots=True)
class Line:
    """A notice in the reader's language."""

    text: str
    path: str
    loud: bool
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class List:
    """The page's notices."""

    items: tuple[Line, ...]
    unread: int
    cursor: str


class NotificationPages:
    """The pages."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    def table(self) -> list[Route]:
        """All routes."""
        return [
            get("/notifications", self.show, _OWN, query=NoticesQuery, page=True, summary="My notices"),
            post("/notifications/read", self.read, _OWN, page=True, status=303, summary="Mark all as read"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The notices, newest first."""
        query = query_of(request, NoticesQuery)
        found = await self._notifications.page(actor_of(request), query.cursor)
        language = language_of(request)
        notices = List(tuple(_line(item, language) for item in found.items), found.unread, found.cursor)
        return page(request, "notifications/list.html", notices=notices, unread_notices=found.unread, done=query.done)

    async def read(self, request: web.Request) -> web.Response:
        """Mark all as read."""
        await self._notifications.mark_read(actor_of(request))
        raise web.HTTPSeeOther("/notifications?done=read")


def _line(item: NoticeView, language: str) -> Line:
    return Line(translate(item.message, language, **item.fields), item.path, item.loud, item.at, item.read_at)
