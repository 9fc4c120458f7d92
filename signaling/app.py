"""Builds the exchange: the port, the rooms and their doors."""

import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from signaling.config import ExchangeSettings
from signaling.control import Control, at_home, is_house
from signaling.gate import Gate
from signaling.houseline import HouseGuard, house_key
from signaling.hub import Hub
from signaling.journal import Journal
from signaling.media.leg import Leg
from signaling.ports import Gatekeeper, Happening, Listener
from signaling.pulse import Pulse
from signaling.rooms import Rooms
from signaling.tickets import TicketReader, used_beside
from signaling.whip import StandardDoors

if TYPE_CHECKING:
    from signaling.presence import Presence
    from signaling.register import Register

ROOMS: web.AppKey[Rooms] = web.AppKey("rooms", Rooms)


class _Many:
    """One listener for all."""

    def __init__(self, listeners: tuple[Listener, ...]) -> None:
        self._listeners = listeners

    def heard(self, happening: Happening) -> None:
        for listener in self._listeners:
            listener.heard(happening)


def create_app(
    settings: ExchangeSettings,
    gatekeeper: Gatekeeper | None = None,
    listener: Listener | None = None,
    now: Callable[[], datetime] | None = None,
) -> web.Application:
    """Build the exchange as an application to run or to mount.

    Args:
        settings: Of this node.
        gatekeeper: Who reads tickets; by default tickets are verified with the settings' key.
        listener: Hears what happens, beside the journal.
        now: The time, aware.
    """
    clock = now or _now
    reader = gatekeeper or TicketReader(settings.ticket_key, clock, used_beside(settings.journal))
    register = _register(settings) if settings.neighbours else None
    gate = Gate(reader, register.first_use if register else None)
    app = web.Application(client_max_size=settings.max_frame_bytes)
    journal = Journal(settings.journal)
    rooms = Rooms(settings, _Many((journal, *([listener] if listener else []))), clock)
    app[ROOMS] = rooms
    app.router.add_get("/rtc", Hub(rooms, gate).handle)
    app.add_routes(StandardDoors(rooms, gate).table())
    pulse = Pulse(rooms)
    guard = HouseGuard(house_key(settings.ticket_key), clock) if settings.neighbours else None
    presence = _presence(rooms, pulse, register) if register else None
    app.add_routes(Control(rooms, journal, pulse, guard).table())
    app.router.add_get("/metrics", _metrics(rooms, guard))

    async def life(_: web.Application) -> AsyncIterator[None]:
        async with journal, rooms:  # the journal outlives the rooms: it writes what their end tells
            gc.collect()
            gc.freeze()  # what is here now stays: later collections and counts look only at what came after
            if presence is not None:
                await presence.begin()
            yield
        if register is not None:
            await register.close()

    async def farewell(_: web.Application) -> None:
        rooms.draining = True
        if presence is not None:
            await presence.leave()  # before people are sent away: they are not to be sent back here
        rooms.hang_up_all()

    app.cleanup_ctx.append(life)
    app.on_shutdown.append(farewell)
    return app


def _register(settings: ExchangeSettings) -> "Register":
    # Imported where there are neighbours: a node that is alone starts without Redis' library.
    from signaling.register import Register

    told = settings.neighbours
    assert told is not None  # noqa: S101 - the caller looked
    return Register(told.redis_url, house_key(settings.ticket_key))


def _presence(rooms: Rooms, pulse: Pulse, register: "Register") -> "Presence":
    from signaling.presence import Presence

    told = rooms.settings.neighbours
    assert told is not None  # noqa: S101 - the caller looked
    return Presence(rooms, pulse, register, (told.line_url, told.fingerprint))


def open_codecs() -> int:
    """How many codec contexts of PyAV live in this process: a relay that never decodes has none."""
    module = sys.modules.get("av.codec.context")
    if module is None:
        return 0
    return sum(1 for thing in gc.get_objects() if isinstance(thing, module.CodecContext))


def _metrics(rooms: Rooms, guard: HouseGuard | None) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def metrics(request: web.Request) -> web.Response:
        if not at_home(request) and not await is_house(request, guard):
            raise web.HTTPNotFound
        plane = rooms.plane
        live = list(rooms.live())
        figures = {
            "media_codec_contexts": open_codecs(),
            "media_rooms": len(live),
            "media_seats": sum(len(one.room.seats) for one in live),
            "media_peers": sum(len(one.peers) for one in live),
            "media_legs": sum(isinstance(peer, Leg) for one in live for peer in one.peers.values()),
            "media_draining": int(rooms.draining),
            "media_packets_in_total": plane.packets_in,
            "media_packets_out_total": plane.packets_out,
            "media_packets_refused_total": plane.refused,
            "media_datagrams_unknown_total": plane.unknown,
            "media_voice_reports_total": rooms.connections.voices,
            "media_voice_opinion_sum_total": round(rooms.connections.voices_mos, 2),
            "media_datagrams_dropped_total": plane.mux.dropped,
        }
        text = "".join(f"# TYPE {name} {_kind(name)}\n{name} {value}\n" for name, value in figures.items())
        return web.Response(text=text, content_type="text/plain")

    return metrics


def _kind(name: str) -> str:
    return "counter" if name.endswith("_total") else "gauge"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the exchange's one look at the clock
