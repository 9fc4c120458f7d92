"""Sessions of browsers: begun at log-in, listed, moved, ended. Secrets are kept as hashes only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from teleconsult.access.endings import end_sessions, end_token
from teleconsult.access.identity import Identity
from teleconsult.access.models import AccessToken, LoginSession
from teleconsult.access.secret import kept_hash, new_session_secret
from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.audit.trail import note
from teleconsult.db import Database, new_id
from teleconsult.errors import NotAllowed, NotFound
from teleconsult.people.models import Membership
from teleconsult.people.views import UserView

_MOST_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long things last.

    Attributes:
        idle: A session without use ends.
        whole: A session ends, however busy.
    """

    idle: timedelta = timedelta(minutes=30)
    whole: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A log-in that went well.

    Attributes:
        secret: For the cookie; nobody can show it again.
        ends_at: At the latest.
        user: Who it is; `language` goes into the cookie `lang`.
    """

    id: str
    secret: str
    ends_at: datetime
    user: UserView


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session of one's own, for the account page."""

    id: str
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    is_this: bool


class Sessions:
    """The table of sessions.

    Args:
        database: Where it is.
        identity: Forgets at once what ends here.
        lengths: How long sessions last.
    """

    def __init__(self, database: Database, identity: Identity, lengths: Lengths) -> None:
        self._database = database
        self._identity = identity
        self._lengths = lengths

    async def begin(self, user: UserView, address: str, device: str) -> NewSession:
        """Begin a session, always with a new secret; beyond twenty the ones not used for longest end.

        Raises:
            NotAllowed: The user has no role anywhere.
        """
        if not user.roles:
            raise NotAllowed("Your account has no role yet. Please ask your administrator.", code="no_role")
        secret, place = new_session_secret(), await self._last_place(user)
        who = Actor(user.id, user.name, ActorKind.STAFF, InstitutionId(place), address=address)
        async with self._database.write(who) as work:
            held = LoginSession(
                id=new_id(),
                token_hash=kept_hash(secret),
                user=user.id,
                institution=place,
                device=device[:200],
                address=address,
                created_at=work.at,
                used_at=work.at,
                ends_at=work.at + self._lengths.whole,
            )
            work.session.add(held)
            asked = select(LoginSession).where(LoginSession.user == user.id, LoginSession.ended_at.is_(None))
            oldest = list(
                await work.session.scalars(asked.order_by(LoginSession.used_at.desc()).offset(_MOST_SESSIONS))
            )
            await end_sessions(work, oldest)
            note(work, "session.open", f"session/{held.id}")
        return NewSession(held.id, secret, held.ends_at, user)

    async def _last_place(self, user: UserView) -> str:
        asked = select(LoginSession.institution).where(LoginSession.user == user.id)
        async with self._database.read() as session:
            last = await session.scalar(asked.order_by(LoginSession.created_at.desc()).limit(1))
        return last if last in user.roles else min(user.roles)

    async def open_ones(self, actor: Actor) -> list[SessionView]:
        """The actor's own open sessions, the last used first."""
        now = self._database.clock.now()
        asked = (
            select(LoginSession)
            .where(
                LoginSession.user == actor.id,
                LoginSession.ended_at.is_(None),
                LoginSession.ends_at > now,
                LoginSession.used_at > now - self._lengths.idle,
            )
            .order_by(LoginSession.used_at.desc())
        )
        async with self._database.read() as session:
            return [
                SessionView(row.id, row.device, row.address, row.created_at, row.used_at, row.id == actor.credential)
                for row in await session.scalars(asked)
            ]

    async def revoke(self, actor: Actor, credential: str) -> None:
        """End one's own session or token, or as administrator one of one's own institution; it counts no more at once.

        Raises:
            NotFound: Not there, or not the actor's to end.
        """
        async with self._database.write(actor) as work:
            held = await work.session.get(LoginSession, credential)
            token = None if held else await work.session.get(AccessToken, credential)
            if held is not None and _may_end(actor, held.user, held.institution):
                await end_sessions(work, [held])
            elif token is not None and _may_end(actor, token.subject, token.institution):
                await end_token(work, token)
            else:
                raise NotFound
            work.after_commit(lambda: self._identity.forget_credential(credential))

    async def revoke_all(self, actor: Actor, user: str) -> None:
        """End all sessions of a user: "log out everywhere"."""
        async with self._database.write(actor) as work:
            asked = select(LoginSession).where(LoginSession.user == user, LoginSession.ended_at.is_(None))
            held = list(await work.session.scalars(asked))
            if not all(_may_end(actor, user, row.institution) for row in held):
                raise NotFound
            await end_sessions(work, held)
            work.after_commit(lambda: self._identity.forget_subject(user))

    async def switch_institution(self, actor: Actor, institution: str) -> None:
        """Act for another institution where one has a role; the session goes on there.

        Raises:
            NotFound: No role there, or not in a session.
        """
        async with self._database.write(actor) as work:
            held = await work.session.get(LoginSession, actor.credential)
            asked = select(Membership).where(Membership.user == actor.id, Membership.institution == institution)
            if held is None or held.user != actor.id or (await work.session.scalars(asked)).first() is None:
                raise NotFound
            held.institution = institution
            note(work, "session.switch", f"session/{held.id}", detail={"to": institution})
            work.after_commit(lambda: self._identity.forget_credential(held.id))


def _may_end(actor: Actor, subject: str, institution: str) -> bool:
    if actor.kind is ActorKind.SYSTEM or actor.id == subject:
        return True
    return actor.may(Permission.PEOPLE_WRITE) and actor.institution == institution
