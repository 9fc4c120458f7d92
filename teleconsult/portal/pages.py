"""The patients' pages: behind a link, a visit with its call, what the doctor wrote. Plain forms; calls need scripts."""

import io
import re

import segno
from aiohttp import web

from teleconsult.access import cookies
from teleconsult.actor import Permission
from teleconsult.errors import FieldsRefused, NotFound, Refused
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import field_of
from teleconsult.http.guard import actor_of, actor_or_none
from teleconsult.http.i18n import language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.origin import address_of, is_secure
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Public, Route, get, post
from teleconsult.portal.service import Portal
from teleconsult.portal.views import JoinView, VisitView
from teleconsult.scheduling.rules import checked_id

_LINK = "/p/{token}"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class PortalPages:
    """The pages.

    Args:
        portal: What they show.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def table(self) -> list[Route]:
        """All routes."""
        # A patient has no account: the link and the code are what they show. Both are counted and bounded.
        stranger, read = Public.PUBLIC, Permission.FOLLOWUP_READ
        return [
            get(_LINK, self.join, stranger, page=True, summary="Behind a patient's link"),
            get(f"{_LINK}/qr.svg", self.qr, stranger, page=True, summary="The link as a QR code"),
            post(f"{_LINK}/code", self.code, stranger, page=True, status=303, summary="Send the patient a code"),
            post(f"{_LINK}/enter", self.enter, stranger, page=True, status=303, summary="Show the code"),
            get("/my", self.home, read, page=True, summary="The patient's own page"),
            get("/my/visits/{id}", self.visit, read, page=True, summary="A visit and its call"),
        ]

    async def join(self, request: web.Request) -> web.Response:
        """What is behind the link."""
        return await self._join_page(request)

    async def code(self, request: web.Request) -> web.Response:
        """Send a code, and show where to fill it in."""
        token = request.match_info["token"]
        try:
            await self._portal.send_code(token, address_of(request))
        except Refused as error:
            return await self._join_page(request, error)
        return see_other(f"/p/{token}")

    async def enter(self, request: web.Request) -> web.Response:
        """The code: right, and the patient is in."""
        token, code = request.match_info["token"], (await field_of(request, "code")).strip()
        device = request.headers.get("User-Agent", "")
        try:
            entered = await self._portal.enter(token, code, address_of(request), device)
        except Refused as error:
            return await self._join_page(request, error, code)
        response = see_other(entered.path)
        cookies.set_patient_session(request, response, entered.session.secret)
        return response

    async def qr(self, request: web.Request) -> web.Response:
        """The link for another phone's camera; fetched only where this browser has no way on."""
        token = request.match_info["token"]
        if not _TOKEN.fullmatch(token):
            raise NotFound
        scheme = "https" if is_secure(request) else "http"
        image = io.BytesIO()
        segno.make(f"{scheme}://{request.host}/p/{token}", error="m").save(image, kind="svg", scale=4, border=2)
        return web.Response(body=image.getvalue(), content_type="image/svg+xml")

    async def home(self, request: web.Request) -> web.Response:
        """The patient's own page."""
        return page(request, "portal/home.html", home=await self._portal.home(actor_of(request)))

    async def visit(self, request: web.Request) -> web.Response:
        """A visit; the script turns the page into its call."""
        visit = await self._portal.visit(actor_of(request), checked_id(request.match_info["id"]))
        return page(request, "portal/visit.html", visit=visit, minutes=_minutes(visit))

    async def _join_page(self, request: web.Request, error: Refused | None = None, typed: str = "") -> web.Response:
        token = request.match_info["token"]
        view = await self._portal.join(token, actor_or_none(request))
        status = problem_of(error).status if error and not isinstance(error, NotFound) else 200
        link = f"/p/{token}"
        return page(
            request,
            "portal/join.html",
            status,
            join=view,
            link=link,
            minutes=_minutes(view),
            refused=_words(request, error) if error else "",
            typed=typed[:6] if typed.isdigit() else "",
            qr=f"{link}/qr.svg",
            when=view.starts_at,
            line=view.line,
        )


def _minutes(view: JoinView | VisitView) -> int:
    if view.starts_at is None or view.ends_at is None:
        return 0
    return max(1, round((view.ends_at - view.starts_at).total_seconds() / 60))


def _words(request: web.Request, error: Refused) -> str:
    if isinstance(error, FieldsRefused):
        return " ".join(translate(text, language_of(request)) for text in error.errors.values())
    return translate(error.message, language_of(request), **error.fields)
