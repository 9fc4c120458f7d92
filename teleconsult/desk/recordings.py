"""The page on which a recording of a consult's call is played; the tracks themselves come by the JSON doors."""

from dataclasses import dataclass, replace
from datetime import tzinfo

from aiohttp import web

from teleconsult.actor import Permission
from teleconsult.consults.service import Consults
from teleconsult.http.guard import actor_of
from teleconsult.http.i18n import CLOCK, ZONE
from teleconsult.http.jinja import page
from teleconsult.http.routing import Route, get
from teleconsult.people.banner import banner
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.views import PlayView


@dataclass(frozen=True, slots=True)
class Line:
    """A place in a recording that has a name.

    Attributes:
        at_ms: Since it begins to play.
        kind: A word of the call's record, or `film`.
    """

    at_ms: int
    kind: str
    who: str
    part: str = ""
    step: str = ""


class RecordingPages:
    """The page.

    Args:
        consults: Whose case it is.
        scheduling: What was recorded.
    """

    def __init__(self, consults: Consults, scheduling: Scheduling) -> None:
        self._consults = consults
        self._scheduling = scheduling

    def table(self) -> list[Route]:
        """All routes."""
        path = "/consults/{id}/recordings/{recording}"
        return [get(path, self.show, Permission.CONSULT_READ, page=True, summary="Play a recording of a call")]

    async def show(self, request: web.Request) -> web.Response:
        """One recording."""
        actor, name = actor_of(request), request.match_info["recording"]
        view = await self._consults.view(actor, request.match_info["id"])
        played = await self._scheduling.playback_of(actor, view.id, name)
        zone: tzinfo = request.config_dict[ZONE]
        return page(
            request,
            "desk/recording.html",
            consult_path=f"/consults/{view.id}",
            number=view.number,
            played=played,
            lines=lines_of(played),
            looks=[{"at": look.at_ms - played.from_ms, "who": look.who, **look.film} for look in played.looks],
            tracks_path=f"/api/v1/consults/{view.id}/recordings/{name}/tracks",
            banner=banner(view.patient, request.config_dict[CLOCK].now().astimezone(zone).date())
            if view.patient
            else None,
        )


def lines_of(played: PlayView) -> list[Line]:
    """What one may jump to, in its order: what happened, and where somebody turned to another series of films."""
    found = [Line(mark.at_ms, mark.kind, mark.who, mark.part, mark.step) for mark in played.marks]
    series: object = None
    for look in played.looks:
        if look.film.get("series") not in {series, None}:
            found.append(Line(look.at_ms, "film", look.who))
        series = look.film.get("series")
    return [
        replace(line, at_ms=max(0, line.at_ms - played.from_ms)) for line in sorted(found, key=lambda line: line.at_ms)
    ]
