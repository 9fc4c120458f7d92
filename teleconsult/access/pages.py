"""Pages about oneself: log in and out, my account, the language of this browser."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from teleconsult.access import cookies
from teleconsult.access.devices import spoken
from teleconsult.access.service import Access
from teleconsult.actor import ActorKind, Permission
from teleconsult.errors import FieldsRefused, NotAllowed, NotIdentified, Refused, TooMany
from teleconsult.http.bodies import Incoming
from teleconsult.http.errors import problem_of
from teleconsult.http.guard import actor_of, actor_or_none, form_of
from teleconsult.http.i18n import LANGUAGES, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.origin import address_of
from teleconsult.http.paths import own_path
from teleconsult.http.routing import Public, Route, get, post
from teleconsult.people.service import People

_OWN = Permission.SELF


class LoginForm(Incoming):
    """Who wants in."""

    login: str = Field("", max_length=256)
    password: str = Field("", max_length=256)
    next: str = Field("/", max_length=500)


class PasswordForm(Incoming):
    """A new password."""

    old_password: str = Field("", max_length=256)
    new_password: str = Field("", max_length=256)


class AccessPages:
    """The pages."""

    def __init__(self, access: Access, people: People) -> None:
        self._access = access
        self._people = people

    def table(self) -> list[Route]:
        """All routes."""
        stranger = Public.PUBLIC  # who is not logged in must reach the log-in page, in their language
        return [
            get("/login", self.login, stranger, page=True, summary="Log-in page"),
            post("/login", self.log_in, stranger, page=True, status=303, summary="Log in"),
            get("/language", self.language, stranger, page=True, status=303, summary="Speak so to me"),
            post("/logout", self.log_out, _OWN, page=True, status=303, summary="Log out"),
            get("/account", self.account, _OWN, page=True, summary="My account"),
            post("/account/password", self.set_password, _OWN, page=True, status=303, summary="Change my password"),
            post("/account/sessions/{id}/end", self.end, _OWN, page=True, status=303, summary="End a session of mine"),
        ]

    async def login(self, request: web.Request) -> web.Response:
        """The log-in page; whoever is in already goes on."""
        goal = own_path(request.query.get("next", "/"))
        if actor_or_none(request) is not None:
            raise web.HTTPSeeOther(goal)
        return _login_page(request, goal)

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Check and go on to where the person wanted."""
        form = await form_of(request, LoginForm)
        device = request.headers.get("User-Agent", "")
        try:
            session = await self._access.log_in(form.login, form.password, address_of(request), device)
        except (NotIdentified, NotAllowed, TooMany) as error:
            text = translate(error.message, language_of(request), **error.fields)
            return _login_page(request, own_path(form.next), form.login, text, problem_of(error).status)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": own_path(form.next)})
        cookies.set_session(request, response, session)
        return response

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End this session."""
        await self._access.log_out(actor_of(request))
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/login"})
        cookies.clear_session(request, response)
        return response

    async def language(self, request: web.Request) -> web.StreamResponse:
        """Remember the language, in this browser and for the person, and go back."""
        language = request.query.get("to", "")
        back = own_path(request.query.get("back", "/"))
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": back})
        actor = actor_or_none(request)
        if language in LANGUAGES:
            cookies.set_language(request, response, language)
            if actor is not None and actor.kind is ActorKind.STAFF:
                await self._access.set_language(actor, language)
        return response

    async def account(self, request: web.Request) -> web.Response:
        """My account."""
        return await self._account_page(request)

    async def set_password(self, request: web.Request) -> web.Response:
        """Change the password; the other sessions end."""
        actor = actor_of(request)
        form = await form_of(request, PasswordForm)
        try:
            await self._access.set_password(actor, actor.id, form.new_password, old=form.old_password)
        except (FieldsRefused, TooMany) as error:
            return await self._account_page(request, error)
        raise web.HTTPSeeOther("/account?done=password")

    async def end(self, request: web.Request) -> web.Response:
        """End one of my sessions."""
        await self._access.revoke(actor_of(request), request.match_info["id"])
        raise web.HTTPSeeOther("/account?done=ended")

    async def _account_page(self, request: web.Request, error: Refused | None = None) -> web.Response:
        actor = actor_of(request)
        if actor.kind is not ActorKind.STAFF:
            raise NotAllowed
        errors = error.errors if isinstance(error, FieldsRefused) else {}
        told = translate(error.message, language_of(request), **error.fields) if error and not errors else ""
        return page(
            request,
            "access/account.html",
            status=problem_of(error).status if error else 200,
            institution=await self._people.name_of(actor.institution),
            sessions=[replace(one, device=spoken(one.device)) for one in await self._access.sessions(actor)],
            errors=errors,
            problem=told,
            done=request.query.get("done", ""),
        )


def _login_page(request: web.Request, goal: str, login: str = "", problem: str = "", status: int = 200) -> web.Response:
    return page(request, "access/login.html", status=status, next_path=goal, login=login, problem=problem)
