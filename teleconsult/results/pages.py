"""The page for typing a lab report: a row for each value, empty rows ignored, nothing typed is lost."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo

from aiohttp import web

from teleconsult.actor import Permission
from teleconsult.consults.service import Consults
from teleconsult.consults.state import State
from teleconsult.consults.views import ConsultView
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Refused
from teleconsult.http.bodies import validated
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import typed_of
from teleconsult.http.guard import actor_of
from teleconsult.http.i18n import CLOCK, ZONE, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.people.banner import banner
from teleconsult.results.routes import LabBody
from teleconsult.results.service import Results

_PATH = "/consults/{id}/labs/new"
_CELL = re.compile(r"results\.(\d{1,3})\.(name|value|unit|range)")
_ROWS_SHOWN = 8
_PLAIN = ("title", "laboratory", "specimen")


class ResultPages:
    """The pages."""

    def __init__(self, results: Results, consults: Consults) -> None:
        self._results = results
        self._consults = consults

    def table(self) -> list[Route]:
        """All routes."""
        store = Permission.LAB_STORE
        return [
            get(_PATH, self.show, store, page=True, summary="Type a lab report"),
            post(_PATH, self.add, store, page=True, status=303, creates=True, summary="Keep a lab report"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The empty form."""
        return await self._form(request, {})

    async def add(self, request: web.Request) -> web.Response:
        """Keep what was typed and go back to the case."""
        typed = await typed_of(request)
        places = filled_rows(typed)
        try:
            fields = validated(LabBody, body_of(typed, request.config_dict[ZONE])).fields()
            await self._results.add(actor_of(request), request.match_info["id"], fields)
        except (NotFound, NotAllowed):
            raise
        except Refused as error:
            return await self._form(request, typed, error, places)
        view = await self._view(request)
        return see_other(_back(view) + "?done=labs")

    async def _view(self, request: web.Request) -> ConsultView:
        return await self._consults.view(actor_of(request), request.match_info["id"])

    async def _form(
        self,
        request: web.Request,
        typed: Mapping[str, str],
        error: Refused | None = None,
        places: list[int] | None = None,
    ) -> web.Response:
        actor, view = actor_of(request), await self._view(request)
        if error is None and not await self._consults.may_attach(actor, view.id):
            raise NotAllowed
        language = language_of(request)
        analytes = self._results.analytes()
        errors = error.errors if isinstance(error, FieldsRefused) else {}
        today = request.config_dict[CLOCK].now().astimezone(request.config_dict[ZONE]).date()
        return page(
            request,
            "results/form.html",
            status=problem_of(error).status if error else 200,
            banner=banner(view.patient, today) if view.patient else None,
            typed=typed,
            rows=shown_rows(typed),
            errors=put_back(errors, places or []),
            problem=translate(error.message, language, **error.fields) if error and not errors else "",
            analytes=[one.name_zh if language.startswith("zh") else one.name_en for one in analytes],
            units=sorted({one.unit for one in analytes if one.unit}),
            back=_back(view),
        )


def _back(view: ConsultView) -> str:
    return f"/consults/{view.id}/edit/materials" if view.state is State.DRAFT else f"/consults/{view.id}"


def filled_rows(typed: Mapping[str, str]) -> list[int]:
    """The numbers of the rows that hold something, in order."""
    found = (_CELL.fullmatch(name) for name, text in typed.items() if text.strip())
    return sorted({int(match[1]) for match in found if match})


def body_of(typed: Mapping[str, str], zone: tzinfo) -> dict[str, object]:
    """The form as the room's body: filled rows only; a time without zone is the site's."""
    body: dict[str, object] = {name: typed[name] for name in _PLAIN if typed.get(name)}
    body["results"] = [
        {cell: typed.get(f"results.{place}.{cell}", "") for cell in ("name", "value", "unit", "range")}
        for place in filled_rows(typed)
    ]
    taken = typed.get("collected_at", "").strip()
    if taken:
        body["collected_at"] = local_moment(taken, zone)
    return body


def local_moment(text: str, zone: tzinfo) -> str:
    """A browser's local time with the site's zone; what is no time stays and is refused later."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat()


def shown_rows(typed: Mapping[str, str]) -> list[dict[str, str]]:
    """Rows as the form shows them: what was typed, and some empty ones."""
    numbers = [int(match[1]) for name in typed if (match := _CELL.fullmatch(name))]
    count = max(_ROWS_SHOWN, *(number + 1 for number in numbers)) if numbers else _ROWS_SHOWN
    return [
        {cell: typed.get(f"results.{place}.{cell}", "") for cell in ("name", "value", "unit", "range")}
        for place in range(min(count, 1000))
    ]


def put_back(errors: Mapping[str, str], places: list[int]) -> dict[str, str]:
    """Errors name the n-th filled row; the form needs the row's own number."""
    told: dict[str, str] = {}
    for name, text in errors.items():
        match = re.fullmatch(r"results\.(\d+)\.(\w+)", name)
        known = match is not None and int(match[1]) < len(places)
        told[f"results.{places[int(match[1])]}.{match[2]}" if match and known else name] = text
    return told
