"""The standard doors: WHIP publishes, WHEP plays. Session descriptions over HTTP, nothing else to learn.

Source: RFC 9725 (WHIP), draft-ietf-wish-whep.
"""

import re
import secrets
from dataclasses import replace

from aiohttp import web

from signaling.errors import NotAdmitted, OfferRefused, Refused, RoomRefused, TicketRefused, Unavailable
from signaling.ports import Admission, Gatekeeper, Grant
from signaling.rooms import Rooms

_ROOM = re.compile(r"[A-Za-z0-9_.:-]{1,160}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_SDP_BYTES = 64 * 1024
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (TicketRefused, 401),
    (NotAdmitted, 403),
    (OfferRefused, 400),
    (RoomRefused, 404),
    (Unavailable, 503),
    (Refused, 400),
)
TICKET_HEADER = "X-Ticket"
"""Where the house that stands before us puts the ticket."""


class StandardDoors:
    """Serves `/whip/{room}` and `/whep/{room}` and the sessions they make.

    Args:
        rooms: The node's rooms.
        gatekeeper: Reads tickets.
    """

    def __init__(self, rooms: Rooms, gatekeeper: Gatekeeper) -> None:
        self._rooms = rooms
        self._gatekeeper = gatekeeper
        self._sessions: dict[str, Admission] = {}

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        routes = []
        for word in ("whip", "whep"):
            routes += [
                web.post(f"/{word}/{{room}}", self.open),
                web.delete(f"/{word}/{{room}}/{{session}}", self.close),
                web.patch(f"/{word}/{{room}}/{{session}}", self.restart),
            ]
        return routes

    async def open(self, request: web.Request) -> web.Response:
        """POST an offer, get 201, the answer and where to end it."""
        word = request.path.split("/")[1]
        try:
            sdp = await _sdp(request, "application/sdp")
            admission = self._admit(request, Grant.PUBLISH if word == "whip" else Grant.SUBSCRIBE)
            publisher = request.query.get("publisher", "")
            if publisher and not _NAME.fullmatch(publisher):
                raise OfferRefused("publisher is not a name")
            if word == "whip":
                admission = replace(admission, participant=publisher or admission.participant)
                answer = self._rooms.publish(admission, sdp)
            else:
                admission = replace(admission, participant=f"viewer.{secrets.token_hex(8)}")
                answer = self._rooms.play(admission, sdp, publisher)
        except (Refused, Unavailable) as error:
            return _refusal(error)
        key = secrets.token_urlsafe(16)
        self._sweep()
        self._sessions[key] = admission
        location = f"/{word}/{request.match_info['room']}/{key}"
        headers = {"Location": location, "ETag": f'"{key[:8]}-0"', "Access-Control-Expose-Headers": "Location"}
        return web.Response(status=201, text=answer, content_type="application/sdp", headers=headers)

    async def close(self, request: web.Request) -> web.Response:
        """DELETE ends the session."""
        try:
            admission = self._owner(request)
        except (Refused, Unavailable) as error:
            return _refusal(error)
        self._sessions.pop(request.match_info["session"], None)
        await self._rooms.stop(admission.room, admission.participant)
        return web.Response(status=200)

    async def restart(self, request: web.Request) -> web.Response:
        """PATCH: trickled candidates are not needed (204); a whole offer restarts ICE (200)."""
        try:
            admission = self._owner(request)
            if request.content_type == "application/sdp":
                answer = self._rooms.renew(
                    admission.room, admission.participant, await _sdp(request, "application/sdp")
                )
                return web.Response(text=answer, content_type="application/sdp", headers={"ETag": _next_etag()})
            fragment = await _sdp(request, "application/trickle-ice-sdpfrag")
        except (Refused, Unavailable) as error:
            return _refusal(error)
        if len(fragment) > _MAX_SDP_BYTES:
            return _refusal(OfferRefused("the fragment is too long"))
        return web.Response(status=204)

    def _admit(self, request: web.Request, grant: Grant) -> Admission:
        room = request.match_info["room"]
        if not _ROOM.fullmatch(room):
            raise OfferRefused("the room's name may hold letters, digits, _ and -")
        admission = self._gatekeeper.admit(_ticket(request), room)
        if grant not in admission.grants:
            raise NotAdmitted(f"this needs the grant {grant}")
        return admission

    def _owner(self, request: web.Request) -> Admission:
        kept = self._sessions.get(request.match_info["session"])
        self._gatekeeper.admit(_ticket(request), request.match_info["room"])
        if kept is None or kept.room != request.match_info["room"]:
            raise RoomRefused("there is no such session")
        return kept

    def _sweep(self) -> None:
        if len(self._sessions) > 1000:
            alive = {
                key: admission
                for key, admission in self._sessions.items()
                if self._rooms.peer(admission.room, admission.participant)
            }
            self._sessions = alive


def _ticket(request: web.Request) -> str:
    given = request.headers.get(TICKET_HEADER) or request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not given:
        raise TicketRefused("a token is needed")
    return given


async def _sdp(request: web.Request, kind: str) -> str:
    if request.content_type != kind:
        raise _WrongType(f"send {kind}")
    if (request.content_length or 0) > _MAX_SDP_BYTES:
        raise OfferRefused("the offer is too long")
    data = await request.content.read(_MAX_SDP_BYTES + 1)
    while len(data) <= _MAX_SDP_BYTES and (more := await request.content.read(_MAX_SDP_BYTES)):
        data += more
    if len(data) > _MAX_SDP_BYTES:
        raise OfferRefused("the offer is too long")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise OfferRefused("the offer is not UTF-8") from None


class _WrongType(Refused):
    code = "type"


def _refusal(error: Refused | Unavailable) -> web.Response:
    if isinstance(error, _WrongType):
        status = 415
    else:
        status = next(number for kind, number in _STATUS if isinstance(error, kind))
    body = {
        "type": "about:blank",
        "status": status,
        "code": error.code if isinstance(error, Refused) else "unavailable",
        "detail": str(error),
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def _next_etag() -> str:
    return f'"{secrets.token_hex(6)}"'
