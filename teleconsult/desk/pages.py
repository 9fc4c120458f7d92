"""The pages that span rooms: first page, worklist, the consult with its moves and messages, reading room, help."""

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import Field

from teleconsult.actor import ActorKind, Permission
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move, State
from teleconsult.desk import moveform, sparkline, views
from teleconsult.desk.listing import Wanted
from teleconsult.desk.service import Desk
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Refused
from teleconsult.http.bodies import Incoming
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import field_of, raw_form
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import ZONE, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.scheduling.service import Scheduling

_ONE = "/consults/{id}"
TOPICS = (
    "overview",
    "home",
    "worklist",
    "request",
    "consult",
    "report",
    "labs",
    "viewer",
    "patients",
    "stations",
    "duty",
    "unmatched",
    "notifications",
    "account",
    "check",
    "verify",
)


class DoneQuery(Incoming):
    """What was just done."""

    done: str = Field("", max_length=20)


class ViewerQuery(Incoming):
    """Where to begin."""

    study: str = Field("", max_length=64, pattern=r"^[0-9.]*$")
    series: str = Field("", max_length=64, pattern=r"^[0-9.]*$")


class DeskPages:
    """The pages."""

    def __init__(self, desk: Desk, consults: Consults, scheduling: Scheduling | None = None) -> None:
        self._desk = desk
        self._consults = consults
        self._scheduling = scheduling

    def table(self) -> list[Route]:
        """All routes."""
        own, read = Permission.SELF, Permission.CONSULT_READ
        return [
            get("/", self.home, own, query=DoneQuery, page=True, summary="First page"),
            get("/worklist", self.worklist, read, query=Wanted, page=True, summary="Worklist"),
            get(_ONE, self.show, read, query=DoneQuery, page=True, summary="A consult"),
            get(f"{_ONE}/viewer", self.viewer, Permission.FILM_READ, query=ViewerQuery, page=True, summary="Films"),
            post(
                f"{_ONE}/moves/{{move}}",
                self.move,
                Permission.CONSULT_MOVE,
                page=True,
                status=303,
                creates=True,
                summary="Make a move",
            ),
            post(
                f"{_ONE}/messages",
                self.message,
                Permission.MESSAGE_WRITE,
                page=True,
                status=303,
                creates=True,
                summary="Write a message",
            ),
            get("/help", self.help, own, page=True, summary="Help"),
            get("/help/{topic}", self.help, own, page=True, summary="Help for a page"),
            post("/tour", self.end_tour_page, own, page=True, status=303, summary="Put the tour away"),
            post("/api/v1/me/tour", self.end_tour, own, status=204, summary="The tour was seen"),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """The first page."""
        if actor_of(request).kind is not ActorKind.STAFF:
            raise NotAllowed
        shown = await self._desk.home(actor_of(request))
        return page(request, "desk/home.html", home=shown, done=query_of(request, DoneQuery).done)

    async def _case(
        self,
        request: web.Request,
        shown: views.Case,
        *,
        refused: dict[str, Any] | None = None,
        said: tuple[str, str] = ("", ""),
        done: str = "",
    ) -> web.Response:
        actor, rooms = actor_of(request), self._scheduling
        is_staff = actor.kind is ActorKind.STAFF
        recordings = await rooms.recordings_of(actor, shown.id) if rooms and is_staff else ()
        return page(
            request,
            "desk/consult.html",
            status=refused["status"] if refused else 422 if said[1] else 200,
            request_path=shown.path,  # also after a refused form: links and the language switch lead to the page itself
            consult=shown,
            refused=refused,
            message_text=said[0],
            message_error=said[1],
            sparkline=sparkline.drawn,
            recordings=recordings,
            done=done,
        )

    async def worklist(self, request: web.Request) -> web.Response:
        """The worklist."""
        wanted = query_of(request, Wanted)
        shown = await self._desk.worklist(actor_of(request), wanted)
        return page(request, "desk/worklist.html", worklist=shown, query_text=wanted.q, done=wanted.done)

    async def show(self, request: web.Request) -> web.Response:
        """A consult; to have opened it is to have read it."""
        actor = actor_of(request)
        shown = await self._desk.case(actor, request.match_info["id"])
        if shown.state == State.DRAFT:
            raise web.HTTPSeeOther(f"{shown.path}/edit/patient")
        answer = await self._case(request, shown, done=query_of(request, DoneQuery).done)
        await self._desk.seen(actor, shown)
        return answer

    async def move(self, request: web.Request) -> web.Response:
        """Make a move; refused, the page comes back with the form open and all that was typed."""
        actor, consult_id = actor_of(request), request.match_info["id"]
        try:
            move = Move(request.match_info["move"])
        except ValueError:
            raise NotFound from None
        texts = await _texts(request)
        try:
            fields = moveform.fields_of(move, texts, request.config_dict[ZONE])
            view = await self._consults.move(actor, consult_id, fields)
        except (NotFound, NotAllowed):
            raise
        except Refused as error:
            shown = await self._desk.case(actor, consult_id)
            return await self._case(request, shown, refused=_refused(request, error, move, moveform.typed(texts)))
        if view is None or view.state is State.WITHDRAWN:
            return see_other("/worklist?done=moved")
        goal = f"/consults/{consult_id}"
        return see_other(f"{goal}/report" if move is Move.BEGIN_REPORT else f"{goal}?done=moved")

    async def message(self, request: web.Request) -> web.Response:
        """Write into the conversation."""
        actor, consult_id = actor_of(request), request.match_info["id"]
        text = await field_of(request, "text")
        try:
            await self._consults.post_message(actor, consult_id, text)
        except FieldsRefused as error:
            shown = await self._desk.case(actor, consult_id)
            return await self._case(request, shown, said=(text, error.errors["text"]))
        except (NotFound, NotAllowed):
            raise
        except Refused as error:
            shown = await self._desk.case(actor, consult_id)
            return await self._case(request, shown, refused=_refused(request, error, "", {"reason": text}))
        return see_other(f"/consults/{consult_id}?done=sent#talk")

    async def viewer(self, request: web.Request) -> web.Response:
        """The reading room's frame."""
        query = query_of(request, ViewerQuery)
        shown = await self._desk.case(actor_of(request), request.match_info["id"])
        uids = [one.uid for one in shown.studies]
        if query.study and query.study not in uids:
            uids.insert(0, query.study)
        return page(
            request,
            "desk/viewer.html",
            wasm=True,
            consult=shown,
            studies_json=json.dumps(uids),
            open_series=query.series,
            may_write=any(move.move == "write" for move in shown.moves),
        )

    async def help(self, request: web.Request) -> web.Response:
        """The help texts."""
        topic = request.match_info.get("topic", TOPICS[0])
        if topic not in TOPICS:
            raise NotFound
        return page(request, "desk/help.html", topic=topic, topics=TOPICS)

    async def end_tour(self, request: web.Request) -> web.Response:
        """The script says that the tour was seen."""
        await self._desk.end_tour(actor_of(request))
        return web.Response(status=204)

    async def end_tour_page(self, request: web.Request) -> web.Response:
        """The same without a script."""
        await self._desk.end_tour(actor_of(request))
        return see_other("/")


async def _texts(request: web.Request) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, value in await raw_form(request) if isinstance(value, str)]


def _refused(request: web.Request, error: Refused, move: str, typed: dict[str, Any]) -> dict[str, Any]:
    return {
        "move": move,
        "text": translate(error.message, language_of(request), **error.fields),
        "errors": error.errors if isinstance(error, FieldsRefused) else {},
        "typed": typed,
        "status": problem_of(error).status,
    }
