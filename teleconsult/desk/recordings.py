"""The page on which a recording of a consult's call is played; the tracks themselves come by the JSON doors."""

from datetime import tzinfo

from aiohttp import web

from teleconsult.actor import Permission
from teleconsult.consults.service import Consults
from teleconsult.errors import NotFound
from teleconsult.http.guard import actor_of
from teleconsult.http.i18n import CLOCK, ZONE
from teleconsult.http.jinja import page
from teleconsult.http.routing import Route, get
from teleconsult.people.banner import banner
from teleconsult.scheduling.service import Scheduling


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
        found = await self._scheduling.recordings_of(actor, view.id)
        recording = next((one for one in found if one.name == name and one.is_kept), None)
        if recording is None:
            raise NotFound
        zone: tzinfo = request.config_dict[ZONE]
        return page(
            request,
            "desk/recording.html",
            consult_path=f"/consults/{view.id}",
            number=view.number,
            recording=recording,
            tracks_path=f"/api/v1/consults/{view.id}/recordings/{recording.name}/tracks",
            banner=banner(view.patient, request.config_dict[CLOCK].now().astimezone(zone).date())
            if view.patient
            else None,
        )
