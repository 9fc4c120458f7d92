"""The roster's page: everybody of the institution reads it, its coordinators keep it."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.duty.service import Duty, TurnFields
from teleconsult.errors import FieldsRefused
from teleconsult.http.bodies import Incoming
from teleconsult.http.forms import raw_form, typed_of
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.people.service import People


class DoneQuery(Incoming):
    """What was just done."""

    done: str = Field("", max_length=20)


class DutyPages:
    """The pages."""

    def __init__(self, duty: Duty, people: People) -> None:
        self._duty = duty
        self._people = people

    def table(self) -> list[Route]:
        """All routes."""
        read, keep = Permission.CONSULT_READ, Permission.CONSULT_COORDINATE
        return [
            get("/duty", self.show, read, query=DoneQuery, page=True, summary="Duty roster"),
            post("/duty", self.add, keep, page=True, status=303, creates=True, summary="Write into the roster"),
            post("/duty/{id}/remove", self.remove, keep, page=True, status=303, summary="Take out of the roster"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The roster and, for its keepers, the form."""
        return await self._page(request, {}, {}, done=query_of(request, DoneQuery).done)

    async def add(self, request: web.Request) -> web.Response:
        """Write somebody in; refused, nothing typed is lost."""
        typed, actor = await typed_of(request), actor_of(request)
        typed["days"] = "".join([value for name, value in await raw_form(request) if name == "days"])  # type: ignore[misc]
        fields = TurnFields(
            typed.get("user", ""), typed["days"], typed.get("begins", ""), typed.get("ends", "")
        )  # fmt: skip
        try:
            await self._duty.add(actor, actor.institution, fields)
        except FieldsRefused as error:
            return await self._page(request, typed, error.errors, status=422)
        return see_other("/duty?done=saved")

    async def remove(self, request: web.Request) -> web.Response:
        """Take a line out."""
        await self._duty.remove(actor_of(request), request.match_info["id"])
        return see_other("/duty?done=saved")

    async def _page(
        self,
        request: web.Request,
        typed: Mapping[str, str],
        errors: Mapping[str, str],
        *,
        status: int = 200,
        done: str = "",
    ) -> web.Response:
        actor = actor_of(request)
        keeps = actor.may(Permission.CONSULT_COORDINATE)
        specialists = await self._people.specialists(actor, actor.institution) if keeps else []
        return page(
            request,
            "duty/roster.html",
            status=status,
            request_path="/duty",
            turns=await self._duty.turns(actor),
            specialists=[(one.id, f"{one.name}　{one.department_name} {one.title}".strip()) for one in specialists],
            keeps=keeps,
            typed=typed,
            errors=errors,
            done=done,
        )
