"""The standard doors: WHIP publishes, WHEP plays. Session descriptions over HTTP, nothing else to learn.

Source: RFC 9725 (WHIP), draft-ietf-wish-whep.
"""

import re
import secrets

from aiohttp import web
from multidict import CIMultiDict

from signaling.errors import NotAdmitted, OfferRefused, Refused, RoomRefused, TicketRefused, Unavailable
from signaling.gate import Gate
from signaling.ports import Admission, Grant
from signaling.rooms import Rooms
from signaling.sessions import Opened, Sessions
from signaling.tickets import RELAYED_HEADER, TICKET_HEADER
from signaling.turn import links

_ROOM = re.compile(r"[A-Za-z0-9_.:-]{1,160}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_SDP_BYTES = 64 * 1024
_FRAGMENT = "application/trickle-ice-sdpfrag"
_UFRAG = re.compile(r"^a=ice-ufrag:([A-Za-z0-9+/]{4,256})\s*$", re.MULTILINE)
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (TicketRefused, 401),
    (NotAdmitted, 403),
    (OfferRefused, 400),
    (RoomRefused, 404),
    (Unavailable, 503),
    (Refused, 400),
)


class StandardDoors:
    """Serves `/whip/{room}` and `/whep/{room}` and the sessions they make.

    Args:
        rooms: The node's rooms.
        gate: Lets tickets in.
    """

    def __init__(self, rooms: Rooms, gate: Gate) -> None:
        self._sessions = Sessions(rooms)
        self._gate = gate
        self._opened: dict[str, Opened] = {}

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
            admission = await self._admit(request, Grant.PUBLISH if word == "whip" else Grant.SUBSCRIBE)
            publisher = request.query.get("publisher", "")
            if publisher and not _NAME.fullmatch(publisher):
                raise OfferRefused("publisher is not a name")
            if word == "whip":
                opened = self._sessions.publish(admission, sdp, publisher)
            else:
                viewer, is_relayed = f"viewer.{secrets.token_hex(8)}", RELAYED_HEADER in request.headers
                opened = self._sessions.play(admission, sdp, viewer, publisher, is_relayed=is_relayed)
        except (Refused, Unavailable) as error:
            return _refusal(error)
        key = secrets.token_urlsafe(16)
        self._opened = {word: kept for word, kept in self._opened.items() if not kept.peer.closed}
        self._opened[key] = opened
        location = f"/{word}/{request.match_info['room']}/{key}"
        headers = CIMultiDict(
            {"Location": location, "ETag": _etag(), "Access-Control-Expose-Headers": "Location, Link"}
        )
        for link in links(self._sessions.servers(admission)):
            headers.add("Link", link)
        return web.Response(status=201, text=opened.answer, content_type="application/sdp", headers=headers)

    async def close(self, request: web.Request) -> web.Response:
        """DELETE ends the session."""
        try:
            session = await self._owner(request)
        except (Refused, Unavailable) as error:
            return _refusal(error)
        del self._opened[request.match_info["session"]]
        self._sessions.stop(session)
        return web.Response(status=200)

    async def restart(self, request: web.Request) -> web.Response:
        """PATCH: a fragment with a new user name fragment, or a whole offer, restarts ICE (200); candidates need none.

        Trickled candidates are not needed, because the browser is the one who checks (204).
        """
        try:
            session = await self._owner(request)
            if request.content_type == "application/sdp":
                answer = self._sessions.renew(session, await _sdp(request, "application/sdp"))
                return web.Response(text=answer, content_type="application/sdp", headers={"ETag": _etag()})
            ufrag = ufrag_of(await _sdp(request, _FRAGMENT))
        except (Refused, Unavailable) as error:
            return _refusal(error)
        if not ufrag or request.headers.get("If-Match") != "*":  # RFC 9725 4.3.2: "*" asks for a restart
            return web.Response(status=204)
        ours = self._sessions.restart(session, ufrag)
        text = f"a=ice-lite\r\na=ice-ufrag:{ours.ufrag}\r\na=ice-pwd:{ours.password}\r\n"
        return web.Response(text=text, content_type=_FRAGMENT, headers={"ETag": _etag()})

    async def _admit(self, request: web.Request, grant: Grant) -> Admission:
        room = request.match_info["room"]
        if not _ROOM.fullmatch(room):
            raise OfferRefused("the room's name may hold letters, digits, _ and -")
        admission = await self._gate.admit(_ticket(request), room)
        if grant not in admission.grants:
            raise NotAdmitted(f"this needs the grant {grant}")
        return admission

    async def _owner(self, request: web.Request) -> Opened:
        admission = await self._gate.admit(_ticket(request), request.match_info["room"])
        kept = self._opened.get(request.match_info["session"])
        if kept is None or kept.peer.closed or (kept.room, kept.owner) != (admission.room, admission.participant):
            raise RoomRefused("there is no such session")
        return kept


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


def ufrag_of(fragment: str) -> str:
    """The user name fragment of an SDP fragment (RFC 8840 9), "" where it names none."""
    found = _UFRAG.search(fragment)
    return found[1] if found else ""


def _etag() -> str:
    return f'"{secrets.token_hex(6)}"'
