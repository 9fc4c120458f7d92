"""The web's doors of the exchange: `/rtc`, WHIP and WHEP are judged here, then passed on to the node that has the room.

Room names are private: what a person calls `ward3` is `w.{institution}.ward3` inside, and only a party of the consult
enters `c.{consult}.{n}`. The media process believes tickets only, and only this file makes them.
"""

import re
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from signaling.ports import Admission
from signaling.ports import Grant as ExchangeGrant
from signaling.tickets import LIFETIME, RELAYED_HEADER, TICKET_HEADER, mint
from teleconsult.actor import Permission
from teleconsult.bridges.lines import Lines
from teleconsult.bridges.node import Answer, Node, NodeGone, gone
from teleconsult.bridges.places import Places
from teleconsult.bridges.watching import Watching
from teleconsult.clock import Clock
from teleconsult.errors import NotAllowed, NotFound, Refused
from teleconsult.http.guard import actor_of
from teleconsult.http.limits import read_body
from teleconsult.http.routing import Public, Route, delete, get, patch, post
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.state import Grant
from teleconsult.scheduling.views import Admitted

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
_MOST_SDP_BYTES = 64 * 1024
_SESSION = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PUBLISHER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEPT_HEADERS = ("ETag", "Accept-Patch", "Link")


class ExchangeRooms:
    """Implements `scheduling.ports.MediaRooms` on the site's media processes.

    Args:
        places: Where rooms are.
        key: What tickets are verified with.
        clock: The time.
    """

    def __init__(self, places: Places, key: bytes, clock: Clock) -> None:
        self._places = places
        self._key = key
        self._clock = clock
        self.lines: Lines | None = None

    def ticket(self, admitted: Admitted) -> str:
        """See the port."""
        return mint(self._key, _admission(admitted, self._clock.now()))

    async def put_out(self, room: str, participant: str) -> None:
        """See the port."""
        # Twice: a greeting that was just passed on may reach the process after the first word.
        await self._places.everywhere(lambda node: node.put_out(room, participant))
        if self.lines is not None:
            await self.lines.close((room, participant))
            await self._places.everywhere(lambda node: node.put_out(room, participant))

    async def end(self, room: str) -> None:
        """See the port."""
        await self._places.everywhere(lambda node: node.end(room))


class MediaDoors:
    """The doors.

    Args:
        places: Where rooms are.
        rooms: Makes tickets.
        scheduling: Judges who enters what.
    """

    def __init__(self, places: Places, rooms: ExchangeRooms, scheduling: Scheduling) -> None:
        self._places = places
        self._rooms = rooms
        self._scheduling = scheduling
        self._watching = Watching(places)
        self._lines = Lines(places, scheduling.is_welcome)
        rooms.lines = self._lines

    @property
    def lines(self) -> Lines:
        """The open WebSockets."""
        return self._lines

    def table(self) -> list[Route]:
        """All routes."""
        join = Permission.CALL_JOIN
        # The ticket in the first word is the admission; a browser cannot send a header with a WebSocket.
        routes = [get("/rtc", self.rtc, Public.PUBLIC, summary="The call's WebSocket; the first word is a ticket")]
        for word, open_door in (("whip", self.publish), ("whep", self.play)):
            one = f"/{word}/{{room}}/{{session}}"
            routes += [
                post(f"/{word}/{{room}}", open_door, join, status=201, summary=f"{word.upper()}: offer and answer"),
                delete(one, self.close, join, summary=f"{word.upper()}: end the session"),
                patch(one, self.restart, join, summary=f"{word.upper()}: trickle, or restart ICE"),
            ]
        return routes

    async def rtc(self, request: web.Request) -> web.StreamResponse:
        """GET /rtc."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise Refused("Open this address as a WebSocket.", code="not_a_websocket")
        return await self._lines.serve(request)

    async def publish(self, request: web.Request) -> web.Response:
        """POST /whip/{room}."""
        return await self._open(request, "whip")

    async def play(self, request: web.Request) -> web.Response:
        """POST /whep/{room}."""
        return await self._open(request, "whep")

    async def close(self, request: web.Request) -> web.Response:
        """DELETE /whip/{room}/{session}."""
        answer = await self._about_session(request, b"")
        return _passed_back(answer, request)

    async def restart(self, request: web.Request) -> web.Response:
        """PATCH /whip/{room}/{session}."""
        if request.content_type not in (_SDP, _FRAGMENT):
            raise Refused("Send an SDP fragment, or a whole offer.", code="unsupported_type")
        return _passed_back(await self._about_session(request, await read_body(request, _MOST_SDP_BYTES)), request)

    async def _open(self, request: web.Request, word: Literal["whip", "whep"]) -> web.Response:
        if request.content_type != _SDP:
            raise Refused("Send the offer as application/sdp.", code="unsupported_type")
        admitted = await self._scheduling.enter(actor_of(request), request.match_info["room"])
        needed = Grant.PUBLISH if word == "whip" else Grant.SUBSCRIBE
        if needed not in admitted.grants:
            raise NotAllowed
        offer = await read_body(request, _MOST_SDP_BYTES)
        path = f"/{word}/{admitted.room}{_query(request)}"

        async def ask(node: Node, is_relayed: bool = False) -> Answer:
            headers = self._headers(admitted, _SDP)  # a ticket enters once
            if is_relayed:
                headers[RELAYED_HEADER] = "1"
            return await node.ask("POST", path, headers=headers, body=offer)

        if word == "whip":
            answer = await self._places.at_home(admitted.room, ask)
        else:
            answer = await self._watching.open(admitted.room, request.query.get("publisher", ""), ask)
        return _passed_back(answer, request)

    async def _about_session(self, request: web.Request, body: bytes) -> Answer:
        if not _SESSION.fullmatch(request.match_info["session"]):
            raise NotFound
        admitted = await self._scheduling.enter(actor_of(request), request.match_info["room"])
        word = request.path.split("/")[1]
        path = f"/{word}/{admitted.room}/{request.match_info['session']}"
        answer: Answer | None = None
        for node in await self._places.home_first(admitted.room):
            headers = self._headers(admitted, request.content_type if body else "")  # a ticket enters once
            if "If-Match" in request.headers:
                headers["If-Match"] = request.headers["If-Match"]
            with suppress(NodeGone):
                answer = await node.ask(request.method, path, headers=headers, body=body or None)
                if answer.status != HTTPStatus.NOT_FOUND:
                    break
        if answer is None:
            raise gone()
        return answer

    def _headers(self, admitted: Admitted, kind: str) -> dict[str, str]:
        headers = {TICKET_HEADER: self._rooms.ticket(admitted)}
        return {**headers, "Content-Type": kind} if kind else headers


def _query(request: web.Request) -> str:
    publisher = request.query.get("publisher", "")
    if not publisher:
        return ""
    if not _PUBLISHER.fullmatch(publisher):
        raise Refused("publisher is not a name.", code="bad_publisher")
    return f"?publisher={publisher}"


def _passed_back(answer: Answer, request: web.Request) -> web.Response:
    """The media process's answer under our own names."""
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    if "Location" in answer.headers:
        session = answer.headers["Location"].rpartition("/")[2]
        headers["Location"] = f"{request.path}/{session}"
        headers["Access-Control-Expose-Headers"] = "Location, Link"
    if answer.status == HTTPStatus.UNAUTHORIZED:  # our ticket, not the caller's token
        return web.json_response({"status": 503, "code": "unavailable"}, status=503, headers={"Retry-After": "1"})
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.body and kind:
        return web.Response(status=answer.status, body=answer.body, content_type=kind, headers=headers)
    return web.Response(status=answer.status, headers=headers)


def _admission(admitted: Admitted, now: datetime) -> Admission:
    return Admission(
        room=admitted.room,
        participant=admitted.participant,
        name=admitted.name,
        role=admitted.part,
        grants=frozenset(ExchangeGrant(grant) for grant in admitted.grants),
        expires_at=now + LIFETIME,
    )
