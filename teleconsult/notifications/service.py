"""Use cases of notices: tell, list, count, mark as read. Telling is idempotent by occasion."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import SYSTEM, Actor
from teleconsult.db import Database, Work, new_id
from teleconsult.events import Event, record
from teleconsult.notifications.models import Notification
from teleconsult.notifications.ports import Channel, Notice, SendFailed

log = structlog.get_logger()

PAGE = 50
_MOST_PEOPLE = 500


@dataclass(frozen=True, slots=True)
class Notified(Event):
    """Somebody has a new notice: wakes their open pages."""

    users: list[str]
    subject: str


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice as its person sees it; the message is still a msgid."""

    id: str
    subject: str
    word: str
    message: str
    fields: dict[str, str]
    path: str
    loud: bool
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Some notices, newest first.

    Attributes:
        cursor: Give it again to get the next page; "" at the end.
    """

    items: tuple[NoticeView, ...]
    unread: int
    cursor: str


class Notifications:
    """What people were told.

    Args:
        database: The clinic's records.
        channels: Other ways to reach people; none is fine.
        on_commit: Wakes the relay.
    """

    def __init__(
        self, database: Database, channels: Sequence[Channel] = (), on_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._channels = tuple(channels)
        self._on_commit = on_commit

    async def tell(self, users: Iterable[str], subject: str, occasion: str, notice: Notice) -> int:
        """Tell people once.

        Args:
            users: Ids; more than 500 at once is a bug of the caller.
            subject: Id of what it is about.
            occasion: Unique word of this happening (`moved/ID/7`): the same is never told twice to one person.
            notice: What to say.

        Returns:
            How many were told now.
        """
        people = sorted(set(users))
        if len(people) > _MOST_PEOPLE:
            raise ValueError("too many people for one notice")
        async with self._database.write(SYSTEM) as work:
            new = await self._add(work, people, subject, occasion, notice)
            work.after_commit(self._on_commit)
        for user in new:
            await self._send(user, notice)
        return len(new)

    async def page(self, actor: Actor, cursor: str = "", *, unread_only: bool = False) -> NoticePage:
        """The actor's notices, newest first, 50 at a time."""
        async with self._database.read() as session:
            held = [Notification.user_id == actor.id]
            if cursor:
                held.append(Notification.id < cursor)
            if unread_only:
                held.append(Notification.read_at.is_(None))
            rows = list(
                await session.scalars(
                    select(Notification).where(*held).order_by(Notification.id.desc()).limit(PAGE + 1)
                )
            )
            unread = await _unread(session, actor.id)
        more = rows[PAGE - 1].id if len(rows) > PAGE else ""
        return NoticePage(tuple(_view(row) for row in rows[:PAGE]), unread, more)

    async def unread(self, actor: Actor) -> int:
        """How many the actor has not read."""
        async with self._database.read() as session:
            return await _unread(session, actor.id)

    async def mark_read(self, actor: Actor, ids: Sequence[str] | None = None, subject: str = "") -> int:
        """Mark the actor's notices as read: some, all of a subject, or (neither given) all. Returns how many."""
        held: list[ColumnElement[bool]] = [Notification.user_id == actor.id, Notification.read_at.is_(None)]
        if ids is not None:
            held.append(Notification.id.in_(list(ids)[:_MOST_PEOPLE]))
        if subject:
            held.append(Notification.subject == subject)
        async with self._database.write(actor) as work:
            done = await work.session.execute(update(Notification).where(*held).values(read_at=work.at))
            return int(done.rowcount)  # type: ignore[attr-defined]

    async def _add(self, work: Work, people: list[str], subject: str, occasion: str, notice: Notice) -> list[str]:
        told = set(
            await work.session.scalars(
                select(Notification.user_id).where(Notification.occasion == occasion, Notification.user_id.in_(people))
            )
        )
        new = [user for user in people if user not in told]
        work.session.add_all(
            Notification(
                id=new_id(),
                user_id=user,
                occasion=occasion,
                subject=subject,
                word=notice.word,
                message=notice.message,
                fields=json.dumps(dict(notice.fields), ensure_ascii=False),
                path=notice.path,
                loud=notice.loud,
                at=work.at,
            )
            for user in new
        )
        if new:
            record(work, Notified(new, subject))
        return new

    async def _send(self, user: str, notice: Notice) -> None:
        for channel in self._channels:
            try:
                await channel.send(user, notice)
            except SendFailed as error:
                # The row in the app stands; a channel is the second way, not the only one.
                log.warning("notice.not_sent", channel=type(channel).__name__, permanent=error.permanent)


async def _unread(session: AsyncSession, user: str) -> int:
    counted = await session.scalar(
        select(func.count()).where(Notification.user_id == user, Notification.read_at.is_(None))
    )
    return int(counted or 0)


def _view(row: Notification) -> NoticeView:
    return NoticeView(
        row.id,
        row.subject,
        row.word,
        row.message,
        json.loads(row.fields),
        row.path,
        row.loud,
        row.at,
        row.read_at,
    )
