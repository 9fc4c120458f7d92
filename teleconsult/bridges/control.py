"""The control line's clinic end: answers the DICOM listener, which runs in a process of its own and holds no clinic.

It says which machine calls and where films may be sent, and writes reads down. Serve it on a socket that only this user
can open; `line` is the other end.
"""

from aiohttp import web

from dicom_store import errors as archive_errors
from dicom_store.model import InstitutionId, StudyKey, StudyUID
from dicom_store.ports import Action
from teleconsult.access.rules import permissions_of
from teleconsult.actor import Actor, ActorKind
from teleconsult.actor import InstitutionId as ClinicInstitutionId
from teleconsult.bridges.archive import ClinicGatekeeper, KnownCaller
from teleconsult.bridges.arrivals import Arrivals
from teleconsult.people.state import Role
from teleconsult.stations.service import Stations

_MOST_BYTES = 4 << 20


def control_app(stations: Stations, gatekeeper: ClinicGatekeeper, arrivals: Arrivals) -> web.Application:
    """The answering side; serve it on a socket that only this user can open."""

    async def identify(request: web.Request) -> web.Response:
        asked = await request.json()
        actor = await stations.identify(str(asked["name"]), str(asked["address"]))
        if actor is None:
            return web.json_response({"known": False})
        return web.json_response({"known": True, "id": actor.id, "name": actor.name, "institution": actor.institution})

    async def place(request: web.Request) -> web.Response:
        found = await stations.place_of(str((await request.json())["name"]))
        return web.json_response({"place": found})

    async def witness(request: web.Request) -> web.Response:
        told = await request.json()
        actor = _station_actor(told["id"], told["name"], told["institution"], told["address"])
        studies = [StudyKey(InstitutionId(place), StudyUID(study)) for place, study in told["studies"]]
        try:
            await gatekeeper.witness(KnownCaller(actor.id, actor), Action(told["action"]), studies)
        except archive_errors.Unavailable:
            return web.Response(status=503)
        return web.json_response({})

    async def news(request: web.Request) -> web.Response:
        arrivals.wake()
        return web.json_response({})

    app = web.Application(client_max_size=_MOST_BYTES)
    app.router.add_post("/identify", identify)
    app.router.add_post("/place", place)
    app.router.add_post("/witness", witness)
    app.router.add_post("/news", news)
    return app


def _station_actor(station: str, name: str, institution: str, address: str) -> Actor:
    roles = frozenset({str(Role.STATION)})
    place = ClinicInstitutionId(institution)
    return Actor(station, name, ActorKind.STATION, place, roles, permissions_of(roles), address=address)
