"""JSON doors of consults, as the public surface names them. `fields` checks what comes in, the service the rights."""

from collections.abc import AsyncIterator, Mapping

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.consults.answers import (
    ConsultAnswer,
    DraftAnswer,
    EntryList,
    MaterialAnswer,
    MaterialList,
    MoveAnswer,
    PostedAnswer,
    WorklistAnswer,
)
from teleconsult.consults.clips import MOST_BYTES
from teleconsult.consults.conversation import TEXT_MOST
from teleconsult.consults.fields import DraftChange, DraftFields, MoveFields
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Kind, Priority, State
from teleconsult.consults.worklist import Filter, Which
from teleconsult.errors import NotFound
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, body_of, json_answer, query_of
from teleconsult.http.limits import read_body
from teleconsult.http.routing import Route, delete, get, post, put
from teleconsult.http.stretches import send_stretch

_P = Permission
_ONE = "/api/v1/consults/{id}"
_VOICE = f"{_ONE}/messages/voice"


class WorklistQuery(Incoming):
    """Which consults."""

    which: Which = Which.ALL
    mine: bool = False
    state: State | None = None
    kind: Kind | None = None
    priority: Priority | None = None
    q: str = Field("", max_length=100)
    cursor: str = Field("", max_length=200)


class AfterQuery(Incoming):
    """From which number on."""

    after: int = Field(0, ge=0, le=1 << 31)


class NewMessage(Incoming):
    """What is written."""

    text: str = Field(min_length=1, max_length=TEXT_MOST)


class Seen(Incoming):
    """The number of the last message that was seen."""

    seen: int = Field(ge=0, le=1 << 31)


class NewMaterial(Incoming):
    """One of the two."""

    study_uid: str | None = Field(None, max_length=64, pattern=r"^[0-9.]+$")
    lab_report_id: str | None = Field(None, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")


class Nothing(Outgoing):
    """Done; there is nothing to say."""


class ConsultRoutes:
    """The doors of this room."""

    def __init__(self, consults: Consults) -> None:
        self._consults = consults

    def table(self) -> list[Route]:
        """All routes."""
        return [*self._reading(), *self._writing()]

    def _reading(self) -> list[Route]:
        return [
            get(
                "/api/v1/consults",
                self._worklist,
                _P.CONSULT_READ,
                query=WorklistQuery,
                answer=WorklistAnswer,
                summary="The worklist, those due first",
            ),
            get(_ONE, self._view, _P.CONSULT_READ, answer=ConsultAnswer, summary="A consult and the moves open to you"),
            get(
                f"{_ONE}/timeline",
                self._timeline,
                _P.CONSULT_READ,
                query=AfterQuery,
                answer=EntryList,
                summary="All that happened, in one order of time",
            ),
            get(
                f"{_ONE}/messages",
                self._messages,
                _P.CONSULT_READ,
                query=AfterQuery,
                answer=EntryList,
                summary="The conversation",
            ),
            get(f"{_VOICE}/{{number}}", self._hear, _P.CONSULT_READ, summary="The sound of a spoken message"),
            get(
                f"{_ONE}/materials",
                self._materials,
                _P.CONSULT_READ,
                answer=MaterialList,
                summary="Films, results and documents of the case",
            ),
        ]

    def _writing(self) -> list[Route]:
        return [
            post(
                "/api/v1/consults",
                self._draft,
                _P.CONSULT_CREATE,
                body=DraftFields,
                answer=ConsultAnswer,
                status=201,
                creates=True,
                summary="Begin a request",
            ),
            put(_ONE, self._save, _P.CONSULT_CREATE, body=DraftChange, answer=DraftAnswer, summary="Save a draft"),
            post(
                f"{_ONE}/moves",
                self._move,
                _P.CONSULT_MOVE,
                body=MoveFields,
                answer=MoveAnswer,
                creates=True,
                summary="Make a move",
            ),
            post(
                f"{_ONE}/messages",
                self._post,
                _P.MESSAGE_WRITE,
                body=NewMessage,
                answer=PostedAnswer,
                status=201,
                creates=True,
                summary="Write into the conversation",
            ),
            post(
                _VOICE,
                self._speak,
                _P.MESSAGE_WRITE,
                answer=PostedAnswer,
                status=201,
                creates=True,
                max_bytes=MOST_BYTES,
                summary="Say something in the conversation: the body is the sound, WebM, Ogg or MP4",
            ),
            post(
                f"{_ONE}/messages/seen", self._seen, _P.CONSULT_READ, body=Seen, answer=Nothing, summary="Mark as seen"
            ),
            post(
                f"{_ONE}/materials",
                self._attach,
                _P.MATERIAL_WRITE,
                body=NewMaterial,
                answer=MaterialAnswer,
                status=201,
                creates=True,
                summary="Attach a film study or a lab report",
            ),
            delete(
                f"{_ONE}/materials/{{material}}",
                self._remove,
                _P.MATERIAL_WRITE,
                answer=Nothing,
                summary="Take a material off a draft",
            ),
        ]

    async def _worklist(self, request: web.Request) -> WorklistAnswer:
        query = query_of(request, WorklistQuery)
        which = Which.MINE if query.mine else query.which
        wanted = Filter(which, query.state, query.kind, query.priority, query.q, query.cursor)
        return WorklistAnswer.model_validate(await self._consults.worklist(actor_of(request), wanted))

    async def _draft(self, request: web.Request) -> web.Response:
        view = await self._consults.draft(actor_of(request), body_of(request, DraftFields))
        headers: Mapping[str, str] = {"Location": f"/api/v1/consults/{view.id}"}
        return json_answer(ConsultAnswer.model_validate(view), 201, headers)

    async def _save(self, request: web.Request) -> DraftAnswer:
        body = body_of(request, DraftChange)
        view = await self._consults.save_draft(actor_of(request), _id(request), body.version, body)
        return DraftAnswer.model_validate(view)

    async def _view(self, request: web.Request) -> ConsultAnswer:
        return ConsultAnswer.model_validate(await self._consults.view(actor_of(request), _id(request)))

    async def _move(self, request: web.Request) -> MoveAnswer:
        given = body_of(request, MoveFields)
        view = await self._consults.move(actor_of(request), _id(request), given)
        return MoveAnswer.of(_id(request), view)

    async def _timeline(self, request: web.Request) -> EntryList:
        query = query_of(request, AfterQuery)
        return EntryList.model_validate(await self._consults.timeline(actor_of(request), _id(request), query.after))

    async def _messages(self, request: web.Request) -> EntryList:
        query = query_of(request, AfterQuery)
        return EntryList.model_validate(await self._consults.messages(actor_of(request), _id(request), query.after))

    async def _post(self, request: web.Request) -> PostedAnswer:
        posted = await self._consults.post_message(actor_of(request), _id(request), body_of(request, NewMessage).text)
        return PostedAnswer.model_validate(posted)

    async def _speak(self, request: web.Request) -> PostedAnswer:
        sound = await read_body(request, MOST_BYTES)
        return PostedAnswer.model_validate(await self._consults.speak(actor_of(request), _id(request), sound))

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["number"]
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise NotFound
        found = await self._consults.spoken(actor_of(request), _id(request), int(number))

        async def read(start: int, length: int) -> AsyncIterator[bytes]:
            yield found.sound[start : start + length]

        return await send_stretch(request, found.media, f'"{_id(request)}-{number}"', len(found.sound), read)

    async def _seen(self, request: web.Request) -> Nothing:
        await self._consults.mark_seen(actor_of(request), _id(request), body_of(request, Seen).seen)
        return Nothing()

    async def _materials(self, request: web.Request) -> MaterialList:
        items = await self._consults.materials(actor_of(request), _id(request))
        return MaterialList.model_validate({"items": items})

    async def _attach(self, request: web.Request) -> MaterialAnswer:
        body, actor = body_of(request, NewMaterial), actor_of(request)
        made = await self._consults.attach(
            actor, _id(request), study_uid=body.study_uid, lab_report_id=body.lab_report_id
        )
        items = await self._consults.materials(actor, _id(request))
        return MaterialAnswer.model_validate(next(item for item in items if item.id == made))

    async def _remove(self, request: web.Request) -> Nothing:
        await self._consults.remove_material(actor_of(request), _id(request), request.match_info["material"])
        return Nothing()


def _id(request: web.Request) -> str:
    return request.match_info["id"]
