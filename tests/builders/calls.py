"""A site with calls: the clinic's doors served for real, a media process's exchange behind a real Unix socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, web
from aiohttp.test_utils import TestServer

from signaling.app import create_app
from signaling.config import ExchangeSettings
from signaling.shelf import SealedShelf
from teleconsult.access.links import Links
from teleconsult.access.routes import identify_with
from teleconsult.access.service import Access
from teleconsult.actor import SYSTEM, Actor
from teleconsult.bridges.arrivals import BridgeCursor  # noqa: F401 - its table belongs to a whole site
from teleconsult.bridges.exchange import ticket_key
from teleconsult.bridges.figures import Figures
from teleconsult.bridges.happenings import Happenings
from teleconsult.bridges.media_rooms import ExchangeRooms, MediaDoors
from teleconsult.bridges.node import Node, UnixWay
from teleconsult.bridges.places import Directory, OneMachine, Places
from teleconsult.bridges.recordings import RecordingShelf
from teleconsult.bridges.visits import VisitCalls
from teleconsult.clock import SystemClock
from teleconsult.config import Settings
from teleconsult.consults.views import ConsultView
from teleconsult.events import Bus
from teleconsult.followups.fields import BookFields
from teleconsult.followups.routes import FollowupRoutes
from teleconsult.followups.service import Followups
from teleconsult.followups.views import Booked
from teleconsult.http.guard import mount
from teleconsult.http.plumbing import SERVER_OPTIONS, install
from teleconsult.http.plumbing import Site as Plumbing
from teleconsult.notifications.codes import ReadOut
from teleconsult.portal.routes import PortalRoutes
from teleconsult.portal.service import Portal
from teleconsult.reactions import Reactions
from teleconsult.results.ports import NoLabStore
from teleconsult.results.service import Results
from teleconsult.scheduling.playing import RecordingRoutes
from teleconsult.scheduling.routes import SchedulingRoutes
from teleconsult.scheduling.service import Scheduling
from tests.builders.consults import Site, a_site
from tests.builders.people import cheap_passwords

KEY = b"tickets-of-tests-are-signed-so!!"


@dataclass
class CallSite:
    """Everything a test of calls needs."""

    site: Site
    folder: Path
    bus: Bus
    access: Access
    node: Node
    places: Places
    scheduling: Scheduling
    links: Links
    followups: Followups
    portal: Portal
    media: MediaDoors
    happenings: Happenings
    figures: Figures
    shelf: SealedShelf
    exchange: web.AppRunner | None = None
    server: TestServer | None = None
    http: ClientSession | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------ the media process
    async def start_exchange(self) -> None:
        settings = ExchangeSettings(KEY, udp_port=0, journal=self.folder / "happenings.jsonl")
        self.exchange = web.AppRunner(
            create_app(settings, now=self.site.clock.now), access_log=None, shutdown_timeout=1.0
        )
        await self.exchange.setup()
        await web.UnixSite(self.exchange, str(self.folder / "media.sock")).start()

    async def stop_exchange(self) -> None:
        if self.exchange is not None:
            await self.exchange.cleanup()
            (self.folder / "media.sock").unlink(missing_ok=True)
            self.exchange = None

    # ------------------------------------------------------------ as somebody
    async def bearer(self, who: Actor) -> dict[str, str]:
        if who.id not in self.tokens:
            make = self.access.make_patient_token if who.patient else self.access.make_token
            self.tokens[who.id] = await make(SYSTEM, who.id, "test")
        return {"Authorization": f"Bearer {self.tokens[who.id]}"}

    async def ask(self, method: str, path: str, who: Actor | None = None, **more: Any) -> tuple[int, Any]:
        assert self.http is not None
        assert self.server is not None
        headers = {**(await self.bearer(who) if who else {}), **more.pop("headers", {})}
        async with self.http.request(method, self.server.make_url(path), headers=headers, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def joined(self, who: Actor, consult: ConsultView, visit: str = "") -> dict[str, Any]:
        more = f"?visit={visit}" if visit else ""
        status, told = await self.ask("POST", f"/api/v1/consults/{consult.id}/calls{more}", who)
        assert status == 201, told
        return told  # type: ignore[no-any-return]

    async def said_hello(self, ticket: str, **headers: str) -> ClientWebSocketResponse:
        assert self.http is not None
        assert self.server is not None
        socket = await self.http.ws_connect(self.server.make_url("/rtc"), headers=headers)
        await socket.send_json({"type": "hello", "version": 1, "ticket": ticket})
        return socket

    async def in_call(
        self, who: Actor, consult: ConsultView, visit: str = ""
    ) -> tuple[ClientWebSocketResponse, dict[str, Any]]:
        socket = await self.said_hello((await self.joined(who, consult, visit))["ticket"])
        return socket, await socket.receive_json(timeout=10)

    async def booked(self, consult: ConsultView, who: Actor | None = None, **changes: Any) -> Booked:
        fields: dict[str, Any] = {"starts_at": self.now + timedelta(hours=1), "reason": "复查", **changes}
        return await self.followups.book(who or self.site.specialist, consult.id, BookFields.model_validate(fields))

    # ------------------------------------------------------------ time
    @property
    def now(self) -> datetime:
        return self.site.clock.now()

    async def settle(self) -> None:
        """What was committed has had its reactions."""
        while await self.bus.relay_once():
            pass

    async def heard(self, least: int = 1) -> None:
        """The exchange's happenings are on the record."""
        async with asyncio.timeout(20):
            while least > 0:
                least -= await self.happenings.take_in(self.node)
        await self.settle()


async def last_words(socket: ClientWebSocketResponse, seconds: float = 10) -> tuple[list[dict[str, Any]], int | None]:
    """All that comes until the socket closes, and its close code."""
    async with asyncio.timeout(seconds):
        words = [frame.json() async for frame in socket]
    return words, socket.close_code


@asynccontextmanager
async def a_call_site(
    folder: Path, media: Sequence[Path] = (), settings: Settings | None = None, directory: Directory | None = None
) -> AsyncIterator[CallSite]:
    """`async with a_call_site(tmp_path) as calls:`.

    Args:
        folder: For database, socket and journal.
        media: Sockets of media processes that run already; without any, one is made inside this process.
        settings: Of those processes: its tickets' key, and the true time, which it goes by.
        directory: Knows the media processes, instead of those sockets.
    """
    nodes = [Node(path.stem, UnixWay(path)) for path in media or [folder / "media.sock"]]
    async with a_site(folder) as site, Places(directory or OneMachine(nodes)) as places:
        if settings is not None:
            site.clock.at = SystemClock().now()
        made = _put_together(site, folder, (nodes[0], places), KEY if settings is None else ticket_key(settings))
        app = web.Application(client_max_size=0)
        install(app, identify_with(made.access), site.database, site.vault, Plumbing(language="en"))
        doors = (
            SchedulingRoutes(made.scheduling), RecordingRoutes(made.scheduling),
            FollowupRoutes(made.followups), PortalRoutes(made.portal), made.media,
            made.figures,
        )  # fmt: skip
        for room in doors:
            mount(app, room.table())
        made.server = TestServer(app)
        await made.server.start_server(**SERVER_OPTIONS)
        if not media and directory is None:
            await made.start_exchange()
        try:
            async with ClientSession() as http:
                made.http = http
                yield made
        finally:
            await made.media.lines.close_all()
            await made.stop_exchange()
            await made.server.close()


def _put_together(site: Site, folder: Path, media_process: tuple[Node, Places], key: bytes) -> CallSite:
    node, places = media_process
    database, vault, consults = site.database, site.vault, site.consults
    bus = Bus(database)
    access = Access(database, site.people, cheap_passwords())
    exchange = ExchangeRooms(places, key, site.clock)
    shelf = SealedShelf(folder / "recordings", KEY[:32])
    scheduling = Scheduling(database, vault, consults, exchange, RecordingShelf(folder / "recordings", KEY[:32]))
    media = MediaDoors(places, exchange, scheduling)
    links = Links(database, vault, access.identity, ReadOut(site.notifications))
    followups = Followups(database, vault, consults, scheduling.diary, links, site.notifications)
    scheduling.let_visits_be_joined(VisitCalls(followups, consults, vault))
    consults.let_diary_be_asked(scheduling.diary)
    portal = Portal(database, links, followups, scheduling, site.people)
    Reactions(consults, site.notifications, scheduling, Results(database, consults, NoLabStore())).on(bus)
    happenings = Happenings(database, places, scheduling, bus)
    figures = Figures(places, media.lines)
    return CallSite(
        site, folder, bus, access, node, places, scheduling, links, followups, portal, media, happenings, figures, shelf
    )
