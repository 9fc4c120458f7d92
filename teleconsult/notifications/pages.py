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
from teleconsult.notifications.ports import Caption, Captions
from teleconsult.notifications.service import NoticeView, Notifications

_OWN = Permission.SELF


class NoticesQuery(Incoming):
    """Which part of the list; `done` is what was just done."""

    cursor: str = Field("", max_length=64)
    done: str = Field("", max_length=20)


@dataclass(frozen=True, slots=True)
class Line:
    """A notice in the reader's language, and what it is about."""

    text: str
    about: Caption | None
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
    """The pages.

    Args:
        notifications: What people were told.
        captions: Says what it was about.
    """

    def __init__(self, notifications: Notifications, captions: Captions) -> None:
        self._notifications = notifications
        self._captions = captions

    def table(self) -> list[Route]:
        """All routes."""
        return [
            get("/notifications", self.show, _OWN, query=NoticesQuery, page=True, summary="My notices"),
            post("/notifications/read", self.read, _OWN, page=True, status=303, summary="Mark all as read"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The notices, newest first."""
        query = query_of(request, NoticesQuery)
        actor, language = actor_of(request), language_of(request)
        found = await self._notifications.page(actor, query.cursor)
        known = await self._captions.captions(actor, [item.subject for item in found.items])
        lines = tuple(_line(item, known.get(item.subject), language) for item in found.items)
        notices = List(lines, found.unread, found.cursor)
        return page(request, "notifications/list.html", notices=notices, unread_notices=found.unread, done=query.done)

    async def read(self, request: web.Request) -> web.Response:
        """Mark all as read."""
        await self._notifications.mark_read(actor_of(request))
        raise web.HTTPSeeOther("/notifications?done=read")


def _line(item: NoticeView, about: Caption | None, language: str) -> Line:
    text = translate(item.message, language, **item.fields)
    return Line(text, about, item.path, item.loud, item.at, item.read_at)
