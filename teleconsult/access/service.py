"""`Access`: logging in and out, passwords, sessions, tokens. One transaction a use case."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from teleconsult.access import rules
from teleconsult.access.endings import end_sessions
from teleconsult.access.identity import Identity
from teleconsult.access.models import LoginSession, Password
from teleconsult.access.passwords import Passwords
from teleconsult.access.secret import TOKEN_PREFIX
from teleconsult.access.sessions import Lengths, NewSession, Sessions, SessionView
from teleconsult.access.tokens import Tokens, TokenView
from teleconsult.access.tries import Tries
from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.audit.trail import note
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, NotIdentified
from teleconsult.http.limits import RateLimit
from teleconsult.people.models import User
from teleconsult.people.service import People
from teleconsult.people.views import UserView

SESSION_COOKIE = "teleconsult_session"
HOST_SESSION_COOKIE = "__Host-teleconsult_session"
"""Under TLS: a browser takes it from this very host only, so that no neighbour can plant one."""

STRANGER = Actor("stranger", "stranger", ActorKind.SYSTEM, InstitutionId(""))
"""Who tries to log in and is not known yet; may nothing."""

_MOST_TYPED = 256


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
        chosen = lengths or Lengths()
        self.identity = Identity(database, chosen.idle)
        self.tokens = Tokens(database)
        self._sessions = Sessions(database, self.identity, chosen)
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
        if secret and secret.startswith(TOKEN_PREFIX):
            return await self._patient_by(secret, address)
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
        return await self._sessions.begin(await self._people.user(found[0].id), address, device)

    async def log_out(self, actor: Actor) -> None:
        """End the session the actor came by."""
        await self._sessions.revoke(actor, actor.credential)

    async def sessions(self, actor: Actor) -> list[SessionView]:
        """The actor's own open sessions, the last used first."""
        return await self._sessions.open_ones(actor)

    async def revoke(self, actor: Actor, credential: str) -> None:
        """End a session or token: see `Sessions.revoke`."""
        await self._sessions.revoke(actor, credential)

    async def revoke_all(self, actor: Actor, user: str) -> None:
        """End all sessions of a user: see `Sessions.revoke_all`."""
        await self._sessions.revoke_all(actor, user)

    async def switch_institution(self, actor: Actor, institution: str) -> None:
        """Act for another institution where one has a role: see `Sessions.switch_institution`."""
        await self._sessions.switch_institution(actor, institution)

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

    async def _patient_by(self, secret: str, address: str) -> Actor | None:
        """A patient's session; a program's token is no cookie."""
        actor = await self.identity.by_token(secret, address)
        return actor if actor is not None and actor.kind is ActorKind.PATIENT else None

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


async def _put_hash(work: Work, user: str, kept: str) -> None:
    row = await work.session.get(Password, user)
    if row is None:
        work.session.add(Password(user=user, hash=kept, changed_at=work.at))
    else:
        row.hash, row.changed_at = kept, work.at
