"""The administrator's page of machines: list, register, take off."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.errors import Conflict, FieldsRefused, Refused
from teleconsult.http.bodies import Incoming
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import typed_of
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.stations.ports import Doors
from teleconsult.stations.service import StationFields, Stations


class DoneQuery(Incoming):
    """What was just done."""

    done: str = Field("", max_length=20)


class StationPages:
    """The pages.

    Args:
        stations: The room.
        doors: Where machines are to send, as the page tells their engineers.
    """

    def __init__(self, stations: Stations, doors: Doors) -> None:
        self._stations = stations
        self._doors = doors

    def table(self) -> list[Route]:
        """All routes."""
        write = Permission.SETTINGS_WRITE
        return [
            get("/stations", self.show, write, query=DoneQuery, page=True, summary="Machines"),
            post("/stations", self.add, write, page=True, status=303, creates=True, summary="Register a machine"),
            post("/stations/{id}/remove", self.remove, write, page=True, status=303, summary="Take a machine off"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The list and the empty form."""
        return await self._page(request, {}, done=query_of(request, DoneQuery).done)

    async def add(self, request: web.Request) -> web.Response:
        """Register; refused, nothing typed is lost."""
        typed, actor = await typed_of(request), actor_of(request)
        try:
            await self._stations.add(actor, actor.institution, _fields(typed))
        except (FieldsRefused, Conflict) as error:
            return await self._page(request, typed, error)
        return see_other("/stations?done=saved")

    async def remove(self, request: web.Request) -> web.Response:
        """Take one off."""
        await self._stations.remove(actor_of(request), request.match_info["id"])
        return see_other("/stations?done=saved")

    async def _page(
        self, request: web.Request, typed: Mapping[str, str], error: Refused | None = None, done: str = ""
    ) -> web.Response:
        errors = error.errors if isinstance(error, FieldsRefused) else {}
        problem = translate(error.message, language_of(request), **error.fields) if error and not errors else ""
        return page(
            request,
            "stations/list.html",
            status=problem_of(error).status if error else 200,
            request_path="/stations",
            stations=await self._stations.listed(actor_of(request)),
            doors=self._doors,
            typed=typed,
            errors=errors,
            problem=problem,
            done=done,
        )


def _fields(typed: Mapping[str, str]) -> StationFields:
    port = typed.get("port", "").strip()
    if port and not (port.isascii() and port.isdecimal() and len(port) < 6):
        raise FieldsRefused({"port": "A port is a number from 1 to 65535."})
    return StationFields(
        typed.get("aet", ""), typed.get("host", ""), int(port) if port else None, typed.get("label", "")
    )
