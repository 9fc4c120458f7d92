"""The page of what waits: whose it may be, one tap to put it there, one to take it back."""

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.errors import Conflict, FieldsRefused, NotFound, Refused
from teleconsult.http.bodies import Incoming
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import field_of
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.unmatched.service import Unmatched


class WaitingQuery(Incoming):
    """Where to go on, and what was just done."""

    cursor: str = Field("", max_length=64)
    done: str = Field("", max_length=20)


class UnmatchedPages:
    """The pages."""

    def __init__(self, unmatched: Unmatched) -> None:
        self._unmatched = unmatched

    def table(self) -> list[Route]:
        """All routes."""
        see, add = Permission.UNMATCHED_READ, Permission.MATERIAL_WRITE
        return [
            get("/unmatched", self.show, see, query=WaitingQuery, page=True, summary="Unmatched"),
            post("/unmatched/{id}/match", self.match, add, page=True, status=303, summary="Put on a case"),
            post("/unmatched/{id}/aside", self.aside, add, page=True, status=303, summary="Put aside"),
            post("/unmatched/{id}/undo", self.undo, add, page=True, status=303, summary="Let it wait again"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The list."""
        query = query_of(request, WaitingQuery)
        return await self._page(request, cursor=query.cursor, done=query.done)

    async def match(self, request: web.Request) -> web.Response:
        """Put one on a case."""
        consult = await field_of(request, "consult_id")
        if not consult:
            return await self._page(request, refused=Refused("Please choose a case first.", code="no_case"))
        try:
            await self._unmatched.match(actor_of(request), request.match_info["id"], consult)
        except (Conflict, FieldsRefused) as error:
            return await self._page(request, refused=error)
        return see_other("/unmatched?done=added")

    async def aside(self, request: web.Request) -> web.Response:
        """Put one aside."""
        await self._unmatched.put_aside(actor_of(request), request.match_info["id"])
        return see_other("/unmatched?done=saved")

    async def undo(self, request: web.Request) -> web.Response:
        """Let one wait again."""
        try:
            await self._unmatched.undo(actor_of(request), request.match_info["id"])
        except NotFound:
            raise
        except Conflict as error:
            return await self._page(request, refused=error)
        return see_other("/unmatched?done=saved")

    async def _page(
        self, request: web.Request, *, cursor: str = "", done: str = "", refused: Refused | None = None
    ) -> web.Response:
        actor = actor_of(request)
        problem = translate(refused.message, language_of(request), **refused.fields) if refused else ""
        return page(
            request,
            "unmatched/list.html",
            status=problem_of(refused).status if refused else 200,
            request_path="/unmatched",
            waiting=await self._unmatched.waiting(actor, cursor),
            may_match=actor.may(Permission.MATERIAL_WRITE),
            may_request=actor.may(Permission.CONSULT_CREATE),
            problem=problem,
            done=done,
        )
