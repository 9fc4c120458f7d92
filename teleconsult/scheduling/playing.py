"""The doors of recordings: the list of a consult's, and each track with Range, as players ask for it."""

from datetime import datetime

from aiohttp import web

from teleconsult.actor import Permission
from teleconsult.errors import NotFound
from teleconsult.http.bodies import Outgoing
from teleconsult.http.guard import actor_of
from teleconsult.http.routing import Route, get
from teleconsult.http.stretches import send_stretch
from teleconsult.scheduling.rules import checked_id
from teleconsult.scheduling.service import Scheduling


class TrackAnswer(Outgoing):
    """One person's voice, picture or screen; `began_ms` since the recording's beginning."""

    number: int
    who: str
    part: str
    label: str
    kind: str
    began_ms: int


class RecordingAnswer(Outgoing):
    """One recording; `is_kept` is false when its files were taken away."""

    name: str
    by: str
    began_at: datetime
    seconds: int | None
    is_kept: bool
    tracks: list[TrackAnswer]


class RecordingsAnswer(Outgoing):
    """The recordings of a consult, newest first."""

    items: list[RecordingAnswer]


class RecordingRoutes:
    """The doors."""

    def __init__(self, scheduling: Scheduling) -> None:
        self._scheduling = scheduling

    def table(self) -> list[Route]:
        """All routes."""
        path, read = "/api/v1/consults/{id}/recordings", Permission.CONSULT_READ
        track = path + "/{recording}/tracks/{number}"
        return [
            get(path, self.recordings, read, answer=RecordingsAnswer, summary="What was recorded of a consult's calls"),
            get(track, self.play, read, summary="One track of a recording, whole or a stretch of it"),
        ]

    async def recordings(self, request: web.Request) -> RecordingsAnswer:
        """GET /api/v1/consults/{id}/recordings."""
        found = await self._scheduling.recordings_of(actor_of(request), checked_id(request.match_info["id"]))
        return RecordingsAnswer.model_validate({"items": found}, from_attributes=True)

    async def play(self, request: web.Request) -> web.StreamResponse:
        """GET …/tracks/{number}."""
        given = request.match_info
        if not (given["number"].isascii() and given["number"].isdigit() and len(given["number"]) <= 4):
            raise NotFound
        consult, take = checked_id(given["id"]), checked_id(given["recording"])
        found = await self._scheduling.playable(actor_of(request), consult, take, int(given["number"]))
        return await send_stretch(request, found.media, found.etag, found.size, found.read)
