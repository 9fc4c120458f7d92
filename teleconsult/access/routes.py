"""JSON doors about oneself: who am I, my sessions and tokens, my password, where I act."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from teleconsult.access import cookies
from teleconsult.access.service import Access
from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.errors import NotAllowed
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import Credentials, Identify, actor_of, body_of
from teleconsult.http.i18n import LANGUAGES
from teleconsult.http.routing import Route, delete, get, post, put
from teleconsult.people.service import People

_Password = Annotated[str, Field(min_length=1, max_length=256)]


class PlaceAnswer(Outgoing):
    """An institution where one has a role."""

    id: str
    name: str
    roles: list[str]


class MeAnswer(Outgoing):
    """Who asks, and what they may do here."""

    id: str
    name: str
    kind: ActorKind
    institution: str
    institution_name: str
    roles: list[str]
    permissions: list[str]
    patient: str | None
    institutions: list[PlaceAnswer]


class SessionAnswer(Outgoing):
    """A browser that is logged in."""

    id: str
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    is_this: bool


class SessionsAnswer(Outgoing):
    """One's own open sessions."""

    items: list[SessionAnswer]


class TokenAnswer(Outgoing):
    """A bearer token, without its secret."""

    id: str
    label: str
    institution: str
    created_at: datetime


class TokensAnswer(Outgoing):
    """One's own tokens."""

    items: list[TokenAnswer]


class TokenBody(Incoming):
    """A new token; the password is asked again, for a token outlives the session."""

    label: str = Field(min_length=1, max_length=120)
    password: _Password


class NewTokenAnswer(Outgoing):
    """The secret, shown this once."""

    token: str


class PasswordBody(Incoming):
    """A new password."""

    old_password: _Password
    new_password: _Password


class InstitutionBody(Incoming):
    """Where to act."""

    institution: str = Field(min_length=1, max_length=64)


class LanguageBody(Incoming):
    """In which language to be spoken to."""

    language: str = Field(pattern=f"^({'|'.join(LANGUAGES)})$")


class AccessRoutes:
    """The doors."""

    def __init__(self, access: Access, people: People) -> None:
        self._access = access
        self._people = people

    def table(self) -> list[Route]:
        """All routes of the room."""
        own = Permission.SELF
        me = "/api/v1/me"
        return [
            get(me, self.me, own, answer=MeAnswer, summary="Who am I"),
            get(f"{me}/sessions", self.sessions, own, answer=SessionsAnswer, summary="My open sessions"),
            delete(f"{me}/sessions/{{id}}", self.end, own, status=204, summary="End one of my sessions"),
            get(f"{me}/tokens", self.tokens, own, answer=TokensAnswer, summary="My tokens"),
            post(
                f"{me}/tokens",
                self.make_token,
                own,
                body=TokenBody,
                answer=NewTokenAnswer,
                status=201,
                creates=True,
                summary="Make a token for a program of mine",
            ),
            delete(f"{me}/tokens/{{id}}", self.end, own, status=204, summary="End one of my tokens"),
            put(f"{me}/password", self.set_password, own, body=PasswordBody, status=204, summary="Change my password"),
            put(f"{me}/institution", self.switch, own, body=InstitutionBody, status=204, summary="Act elsewhere"),
            put(f"{me}/language", self.set_language, own, body=LanguageBody, status=204, summary="Speak so to me"),
        ]

    async def me(self, request: web.Request) -> MeAnswer:
        """GET /api/v1/me."""
        actor = actor_of(request)
        places = (await self._people.user(actor.id)).roles if actor.kind is ActorKind.STAFF else {}
        names = await self._people.names([actor.institution, *places])
        return MeAnswer(
            id=actor.id,
            name=actor.name,
            kind=actor.kind,
            institution=actor.institution,
            institution_name=names.get(actor.institution, ""),
            roles=sorted(actor.roles),
            permissions=sorted(actor.permissions),
            patient=actor.patient,
            institutions=[
                PlaceAnswer(id=place, name=names.get(place, ""), roles=sorted(roles))
                for place, roles in sorted(places.items())
            ],
        )

    async def sessions(self, request: web.Request) -> SessionsAnswer:
        """GET /api/v1/me/sessions."""
        found = await self._access.sessions(actor_of(request))
        return SessionsAnswer(items=[SessionAnswer.model_validate(one) for one in found])

    async def tokens(self, request: web.Request) -> TokensAnswer:
        """GET /api/v1/me/tokens."""
        found = await self._access.tokens_of(actor_of(request))
        return TokensAnswer(items=[TokenAnswer.model_validate(one) for one in found])

    async def make_token(self, request: web.Request) -> NewTokenAnswer:
        """POST /api/v1/me/tokens."""
        actor, body = _staff(request), body_of(request, TokenBody)
        await self._access.check_password(actor, body.password)
        return NewTokenAnswer(token=await self._access.make_token(actor, actor.id, body.label))

    async def end(self, request: web.Request) -> web.Response:
        """DELETE a session or token of one's own; an administrator, of one's own institution."""
        await self._access.revoke(actor_of(request), request.match_info["id"])
        return web.Response(status=204)

    async def set_password(self, request: web.Request) -> web.Response:
        """PUT /api/v1/me/password."""
        actor, body = _staff(request), body_of(request, PasswordBody)
        await self._access.set_password(actor, actor.id, body.new_password, old=body.old_password)
        return web.Response(status=204)

    async def switch(self, request: web.Request) -> web.Response:
        """PUT /api/v1/me/institution."""
        await self._access.switch_institution(_staff(request), body_of(request, InstitutionBody).institution)
        return web.Response(status=204)

    async def set_language(self, request: web.Request) -> web.Response:
        """PUT /api/v1/me/language."""
        language = body_of(request, LanguageBody).language
        await self._access.set_language(_staff(request), language)
        response = web.Response(status=204)
        cookies.set_language(request, response, language)
        return response


def identify_with(access: Access) -> Identify:
    """What the guard asks: hand it to `http.plumbing.install`."""

    async def identify(shown: Credentials) -> Actor | None:
        return await access.identify(shown.authorization, shown.cookies, shown.address)

    return identify


def _staff(request: web.Request) -> Actor:
    actor = actor_of(request)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed
    return actor
