"""`Access`: logging in and out, passwords, sessions, tokens. One transaction a use case."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from teleconsult.access import rules
from teleconsult.access.endings import end_sessions, end_token
from teleconsult.access.identity import Identity
from teleconsult.access.models import AccessToken, LoginSession, Password
from teleconsult.access.passwords import Passwords
from teleconsult.access.secret import kept_hash, new_session_secret
from teleconsult.access.tokens import Tokens, TokenView
from teleconsult.access.tries import Tries
from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.audit.trail import note
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, NotIdentified
from teleconsult.http.limits import RateLimit
from teleconsult.people.models import Membership, User
from teleconsult.people.service import People
from teleconsult.people.views import UserView

SESSION_COOKIE = "teleconsult_session"
HOST_SESSION_COOKIE = "__Host-teleconsult_session"
"""Under TLS: a browser takes it from this very host only, so that no neighbour can plant one."""

STRANGER = Actor("stranger", "stranger", ActorKind.SYSTEM, InstitutionId(""))
"""Who tries to log in and is not known yet; may nothing."""

_MOST_SESSIONS = 20
_MOST_TYPED = 256


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


class Access:
    """Who may come in.

    Args:
        database: Where passwords, sessions and tokens are.
        people: Who there is.
        passwords: How passwords are checked.
        lengths: How long sessions last.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        passwords: Passwords | None = None,
        lengths: Lengths | None = None,
    ) -> None:
        self._database = database
        self._people = people
        self._passwords = passwords or Passwords()
        self._lengths = lengths or Lengths()
        self.identity = Identity(database, self._lengths.idle)
        self.tokens = Tokens(database)
        people.on_change(self.identity.forget_subject)
        clock = database.clock
        self._tries = Tries(clock)
        self._by_actor = RateLimit(clock, times=8, per=timedelta(minutes=10))

    async def identify(self, authorization: str, cookies: Mapping[str, str], address: str) -> Actor | None:
        """Who shows these; None for strangers. With an Authorization header, cookies do not count."""
        if authorization:
            scheme, _, token = authorization.partition(" ")
            return await self.identity.by_token(token.strip(), address) if scheme.lower() == "bearer" else None
        secret = cookies.get(HOST_SESSION_COOKIE) or cookies.get(SESSION_COOKIE)
        return await self.identity.by_session(secret, address) if secret else None

    async def log_in(self, login: str, password: str, address: str, device: str) -> NewSession:
        """Check login name and password and begin a session, always a new one.

        Raises:
            NotIdentified: Wrong; the same text and time for unknown logins.
            TooMany: Too many tries; asked before any hashing.
            NotAllowed: Right, but without any role.
        """
        name = login.strip().casefold()[:_MOST_TYPED]
        self._tries.begin(address, name)
        async with self._database.read() as session:
            found = (
                await session.execute(
                    select(User, Password.hash)
                    .outerjoin(Password, Password.user == User.id)
                    .where(User.login == name, User.active)
                )
            ).first()
        kept = found[1] if found else None
        if not await self._passwords.fits(kept, password[:_MOST_TYPED]) or found is None:
            await self._note_refusal(found[0].id if found else "", address)
            raise NotIdentified("The login name or the password is wrong.", code="wrong_login")
        self._tries.went_well(address, name)
        if self._passwords.is_dated(kept or ""):
            await self._keep(found[0], await self._passwords.hash(password))
        return await self._begin(found[0], address, device)

    async def log_out(self, actor: Actor) -> None:
        """End the session the actor came by."""
        await self.revoke(actor, actor.credential)

    async def sessions(self, actor: Actor) -> list[SessionView]:
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
            if held is not None and self._may_end(actor, held.user, held.institution):
                await end_sessions(work, [held])
            elif token is not None and self._may_end(actor, token.subject, token.institution):
                await end_token(work, token)
            else:
                raise NotFound
            work.after_commit(lambda: self.identity.forget_credential(credential))

    async def revoke_all(self, actor: Actor, user: str) -> None:
        """End all sessions of a user: "log out everywhere"."""
        async with self._database.write(actor) as work:
            asked = select(LoginSession).where(LoginSession.user == user, LoginSession.ended_at.is_(None))
            held = list(await work.session.scalars(asked))
            if not all(self._may_end(actor, user, row.institution) for row in held):
                raise NotFound
            await end_sessions(work, held)
            work.after_commit(lambda: self.identity.forget_subject(user))

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
            work.after_commit(lambda: self.identity.forget_credential(held.id))

    async def check_password(self, actor: Actor, password: str) -> None:
        """Ask for the password again, before something that counts.

        Raises:
            FieldsRefused: Wrong.
            TooMany: Too many tries.
        """
        self._by_actor.take(actor.id)
        async with self._database.read() as session:
            kept = await session.scalar(select(Password.hash).where(Password.user == actor.id))
        if not await self._passwords.fits(kept, password[:_MOST_TYPED]):
            async with self._database.write(actor) as work:
                note(work, "password.refuse", f"user/{actor.id}")
            raise FieldsRefused({"password": "The password is wrong."})
        self._by_actor.forget(actor.id)

    async def set_password(self, actor: Actor, user: str, password: str, *, old: str | None = None) -> None:
        """Set a password; all other sessions of the user end.

        Args:
            actor: The user, who must give the old one, or an administrator of the user's institution.
            user: Whose.
            password: The new one.
            old: The present one.

        Raises:
            FieldsRefused: Too easy to guess, or the old one is wrong.
            NotFound: Not the actor's to set.
        """
        whom = await self._people.user(user)
        if actor.kind is ActorKind.STAFF and actor.id == user:
            await self._check_old(actor, old)
        elif not self._governs(actor, whom):
            raise NotFound
        fault = rules.password_fault(password, whom.login)
        if fault:
            raise FieldsRefused({"new_password": fault})
        kept = await self._passwords.hash(password)
        async with self._database.write(actor) as work:
            await _put_hash(work, user, kept)
            others = select(LoginSession).where(
                LoginSession.user == user, LoginSession.ended_at.is_(None), LoginSession.id != actor.credential
            )
            await end_sessions(work, list(await work.session.scalars(others)))
            note(work, "password.set", f"user/{user}")
            work.after_commit(lambda: self.identity.forget_subject(user))

    async def set_language(self, actor: Actor, language: str) -> None:
        """Remember a person's language for the next log-in."""
        async with self._database.write(actor) as work:
            row = await work.session.get(User, actor.id)
            if row is not None:
                row.language = language

    async def make_token(self, actor: Actor, user: str, label: str, institution: str | None = None) -> str:
        """A bearer token for a user's program; shown once.

        Args:
            actor: The user themselves, or the house.
            user: For whom it acts.
            label: What it is for.
            institution: For which institution; the user's only or first one.

        Raises:
            NotFound: Not one's own, or no role there.
        """
        if actor.kind is not ActorKind.SYSTEM and actor.id != user:
            raise NotFound
        places = (await self._people.user(user)).roles
        place = institution or (actor.institution if actor.institution in places else min(places, default=""))
        if place not in places:
            raise NotFound
        return await self.tokens.make(actor, ActorKind.STAFF, user, place, label)

    async def make_patient_token(self, actor: Actor, patient: str, label: str) -> str:
        """A bearer token by which a patient sees their own; only the house makes one."""
        if actor.kind is not ActorKind.SYSTEM:
            raise NotAllowed
        view = (await self._people.patient_views([patient])).get(patient)
        if view is None:
            raise NotFound
        return await self.tokens.make(actor, ActorKind.PATIENT, patient, view.institution, label)

    async def make_station_token(self, actor: Actor, institution: str, label: str) -> str:
        """A bearer token for a machine of an institution.

        Raises:
            NotFound: Not the actor's institution.
        """
        if not actor.may(Permission.SETTINGS_WRITE):
            raise NotAllowed
        if actor.kind is not ActorKind.SYSTEM and actor.institution != institution:
            raise NotFound
        return await self.tokens.make(actor, ActorKind.STATION, new_id(), institution, label)

    async def tokens_of(self, actor: Actor) -> list[TokenView]:
        """The actor's own tokens."""
        return await self.tokens.of(actor.id)

    async def _begin(self, user: User, address: str, device: str) -> NewSession:
        view = await self._people.user(user.id)
        if not view.roles:
            raise NotAllowed("Your account has no role yet. Please ask your administrator.", code="no_role")
        secret, place = new_session_secret(), await self._last_place(view)
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
        return NewSession(held.id, secret, held.ends_at, view)

    async def _last_place(self, user: UserView) -> str:
        asked = select(LoginSession.institution).where(LoginSession.user == user.id)
        async with self._database.read() as session:
            last = await session.scalar(asked.order_by(LoginSession.created_at.desc()).limit(1))
        return last if last in user.roles else min(user.roles)

    async def _note_refusal(self, user: str, address: str) -> None:
        who = Actor("stranger", "stranger", ActorKind.SYSTEM, InstitutionId(""), address=address)
        async with self._database.write(who) as work:
            note(work, "session.refuse", f"user/{user or 'unknown'}")

    async def _check_old(self, actor: Actor, old: str | None) -> None:
        try:
            await self.check_password(actor, old or "")
        except FieldsRefused:
            raise FieldsRefused({"old_password": "The password is wrong."}) from None

    async def _keep(self, user: User, kept: str) -> None:
        async with self._database.write(STRANGER) as work:
            await _put_hash(work, user.id, kept)

    def _governs(self, actor: Actor, user: UserView) -> bool:
        if actor.kind is ActorKind.SYSTEM:
            return actor.may(Permission.PEOPLE_WRITE)
        # Only whose whole work is at this institution: else one house could take over an account of another.
        return actor.may(Permission.PEOPLE_WRITE) and set(user.roles) == {actor.institution}

    def _may_end(self, actor: Actor, subject: str, institution: str) -> bool:
        if actor.kind is ActorKind.SYSTEM or actor.id == subject:
            return True
        return actor.may(Permission.PEOPLE_WRITE) and actor.institution == institution


async def _put_hash(work: Work, user: str, kept: str) -> None:
    row = await work.session.get(Password, user)
    if row is None:
        work.session.add(Password(user=user, hash=kept, changed_at=work.at))
    else:
        row.hash, row.changed_at = kept, work.at
