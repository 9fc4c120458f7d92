"""From a secret to an Actor: one query, remembered for seconds, forgotten at once when something ends."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access.models import AccessToken, LoginSession
from teleconsult.access.rules import PATIENT_PERMISSIONS, permissions_of
from teleconsult.access.secret import TOKEN_PREFIX, kept_hash
from teleconsult.actor import SYSTEM, Actor, ActorKind, InstitutionId, PatientId
from teleconsult.db import Database
from teleconsult.errors import Unavailable
from teleconsult.people.models import Institution, Membership, User
from teleconsult.people.state import Role

log = structlog.get_logger()

_REMEMBERED_FOR = timedelta(seconds=5)  # the longest another process's revocation can be missed
_MOST = 10_000
_USE_NOTED_EVERY = timedelta(minutes=1)
_SECRET_CHARACTERS = range(40, 101)


@dataclass(slots=True)
class _Known:
    """Who was found; `actor` has the address from which they asked last."""

    actor: Actor
    until: datetime


_Ask = Callable[[AsyncSession, bytes, datetime], Awaitable[_Known | None]]


class Identity:
    """Finds out who shows a secret.

    Args:
        database: Where sessions and tokens are.
        idle: A session that is not used for so long has ended.
    """

    def __init__(self, database: Database, idle: timedelta) -> None:
        self._database = database
        self._idle = idle
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._noted: OrderedDict[str, datetime] = OrderedDict()
        self._forgotten = 0

    async def by_token(self, token: str, address: str) -> Actor | None:
        """Who shows a bearer token; None for an unknown, ended or malformed one."""
        if not token.startswith(TOKEN_PREFIX) or len(token) not in _SECRET_CHARACTERS:
            return None
        return await self._find(kept_hash(token), address, self._token_actor)

    async def by_session(self, secret: str, address: str) -> Actor | None:
        """Whose browser shows a session's cookie."""
        if len(secret) not in _SECRET_CHARACTERS:
            return None
        actor = await self._find(kept_hash(secret), address, self._session_actor)
        if actor is not None:
            await self._note_use(actor.credential)
        return actor

    def forget_credential(self, credential: str) -> None:
        """Ask anew for all who came by this session or token."""
        self._forget(lambda actor: actor.credential == credential)

    def forget_subject(self, subject: str) -> None:
        """Ask anew for all sessions and tokens of a user, patient or station."""
        self._forget(lambda actor: actor.id == subject)

    def _forget(self, concerned: Callable[[Actor], bool]) -> None:
        self._forgotten += 1
        for key in [key for key, known in self._known.items() if concerned(known.actor)]:
            del self._known[key]

    async def _find(self, key: bytes, address: str, ask: _Ask) -> Actor | None:
        now = self._database.clock.now()
        known = self._known.get(key)
        if known is None or known.until <= now:
            before = self._forgotten
            async with self._database.read() as session:
                known = await ask(session, key, now)
            self._known.pop(key, None)
            if known is None:
                return None
            if before == self._forgotten:  # else something ended while we asked: what we read may be old
                self._known[key] = known
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        if known.actor.address != address:
            known.actor = replace(known.actor, address=address)
        return known.actor

    async def _session_actor(self, session: AsyncSession, key: bytes, now: datetime) -> _Known | None:
        asked = (
            select(LoginSession, User, Membership.role)
            .join(User, User.id == LoginSession.user)
            .join(Institution, and_(Institution.id == LoginSession.institution, Institution.active))
            .join(Membership, and_(Membership.user == User.id, Membership.institution == LoginSession.institution))
            .where(LoginSession.token_hash == key, LoginSession.ended_at.is_(None), User.active)
        )
        rows = (await session.execute(asked)).all()
        if not rows:
            return None
        held, user = rows[0][0], rows[0][1]
        used_at = max(held.used_at, self._noted.get(held.id, held.used_at))
        until = min(held.ends_at, used_at + self._idle)
        if until <= now:
            return None
        actor = _staff(user, held.institution, [row[2] for row in rows], held.id)
        return _Known(actor, min(until, now + _REMEMBERED_FOR))

    async def _token_actor(self, session: AsyncSession, key: bytes, now: datetime) -> _Known | None:
        asked = (
            select(AccessToken, User, Membership.role)
            .join(Institution, and_(Institution.id == AccessToken.institution, Institution.active))
            .outerjoin(User, and_(User.id == AccessToken.subject, User.active))
            .outerjoin(Membership, and_(Membership.user == User.id, Membership.institution == AccessToken.institution))
            .where(AccessToken.token_hash == key, AccessToken.ended_at.is_(None))
        )
        rows = (await session.execute(asked)).all()
        if not rows:
            return None
        token: AccessToken = rows[0][0]
        until = now + _REMEMBERED_FOR if token.ends_at is None else min(token.ends_at, now + _REMEMBERED_FOR)
        actor = _holder(token, rows[0][1], [row[2] for row in rows if row[2]])
        return None if actor is None or until <= now else _Known(actor, until)

    async def _note_use(self, credential: str) -> None:
        now = self._database.clock.now()
        noted = self._noted.get(credential)
        if noted is not None and now - noted < _USE_NOTED_EVERY:
            return
        self._noted[credential] = now
        self._noted.move_to_end(credential)
        while len(self._noted) > _MOST:
            self._noted.popitem(last=False)
        try:
            async with self._database.write(SYSTEM, aside=True) as work:
                await work.session.execute(
                    update(LoginSession).where(LoginSession.id == credential).values(used_at=work.at)
                )
        except Unavailable:
            log.warning("session.use_not_noted")  # a full disk must not log everybody out


def _staff(user: User, institution: str, roles: list[str], credential: str) -> Actor:
    return Actor(
        id=user.id,
        name=user.name,
        kind=ActorKind.STAFF,
        institution=InstitutionId(institution),
        roles=frozenset(roles),
        permissions=permissions_of(roles),
        credential=credential,
    )


def _holder(token: AccessToken, user: User | None, roles: list[str]) -> Actor | None:
    if token.kind == ActorKind.STAFF:
        return _staff(user, token.institution, roles, token.id) if user is not None and roles else None
    place = InstitutionId(token.institution)
    if token.kind == ActorKind.PATIENT:
        return Actor(
            id=token.subject,
            name="patient",
            kind=ActorKind.PATIENT,
            institution=place,
            permissions=PATIENT_PERMISSIONS,
            patient=PatientId(token.subject),
            credential=token.id,
        )
    return Actor(
        id=token.subject,
        name=token.label,
        kind=ActorKind.STATION,
        institution=place,
        roles=frozenset({Role.STATION}),
        permissions=permissions_of([Role.STATION]),
        credential=token.id,
    )
