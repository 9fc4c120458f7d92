"""The composition root: builds every part, mounts every route. Reads like a parts list; decides nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web

from dicom_store.app import Archive, WebRooms, open_archive
from dicom_store.app import routes as archive_routes
from dicom_store.ports import Translate
from teleconsult.access.links import Links
from teleconsult.access.pages import AccessPages
from teleconsult.access.routes import AccessRoutes, identify_with
from teleconsult.access.service import Access
from teleconsult.agreements.routes import AgreementRoutes
from teleconsult.agreements.service import Agreements
from teleconsult.audit.routes import AuditRoutes
from teleconsult.audit.seal import Sealer
from teleconsult.audit.trail import Trail, Witness
from teleconsult.bridges.agreed import ticket_key
from teleconsult.bridges.archive import ClinicGatekeeper
from teleconsult.bridges.arrivals import Arrivals
from teleconsult.bridges.figures import Figures
from teleconsult.bridges.films import ArchiveFilms, ArchiveKeyImages
from teleconsult.bridges.happenings import Happenings
from teleconsult.bridges.holdings import ArchiveHoldings
from teleconsult.bridges.labs import ArchiveLabs
from teleconsult.bridges.media_rooms import ExchangeRooms, MediaDoors
from teleconsult.bridges.printing import PrintedLabs
from teleconsult.bridges.recordings import RecordingShelf
from teleconsult.bridges.settings import archive_settings
from teleconsult.bridges.site import site_places
from teleconsult.bridges.visits import VisitCalls
from teleconsult.clock import Clock, SystemClock
from teleconsult.config import Settings
from teleconsult.consults.pages import RequestPages
from teleconsult.consults.routes import ConsultRoutes
from teleconsult.consults.service import Consults
from teleconsult.db import Database
from teleconsult.deadlines.rules import Calendar, Policy
from teleconsult.deadlines.service import Deadlines
from teleconsult.desk.calls import CallPages
from teleconsult.desk.check import CheckPages
from teleconsult.desk.duty import DutyNow
from teleconsult.desk.frame import around_pages
from teleconsult.desk.live import LiveRoutes
from teleconsult.desk.pages import DeskPages
from teleconsult.desk.recordings import RecordingPages
from teleconsult.desk.service import Desk, Rooms
from teleconsult.desk.visits import VisitPages
from teleconsult.duty.pages import DutyPages
from teleconsult.duty.service import Duty
from teleconsult.events import Bus
from teleconsult.followups.routes import FollowupRoutes
from teleconsult.followups.service import Followups
from teleconsult.http.guard import mount
from teleconsult.http.i18n import known_language, translate
from teleconsult.http.plumbing import Site, install
from teleconsult.notifications.codes import ReadOut
from teleconsult.notifications.pages import NotificationPages
from teleconsult.notifications.routes import NotificationRoutes
from teleconsult.notifications.service import Notifications
from teleconsult.people.pages import PeoplePages
from teleconsult.people.routes import PeopleRoutes
from teleconsult.people.service import People
from teleconsult.portal.pages import PortalPages
from teleconsult.portal.routes import PortalRoutes
from teleconsult.portal.service import Portal
from teleconsult.reactions import Reactions
from teleconsult.reports.pages import ReportPages
from teleconsult.reports.press import Press
from teleconsult.reports.release import Site as PrintedSite
from teleconsult.reports.routes import ReportRoutes
from teleconsult.reports.service import Films, Reports, Tools
from teleconsult.reports.signing import open_signer
from teleconsult.results.pages import ResultPages
from teleconsult.results.routes import ResultRoutes
from teleconsult.results.service import Results
from teleconsult.scheduling.playing import RecordingRoutes
from teleconsult.scheduling.routes import SchedulingRoutes
from teleconsult.scheduling.service import Scheduling
from teleconsult.stations.pages import StationPages
from teleconsult.stations.ports import AET, Doors
from teleconsult.stations.service import Stations
from teleconsult.unmatched.intake import Intake
from teleconsult.unmatched.pages import UnmatchedPages
from teleconsult.unmatched.routes import UnmatchedRoutes
from teleconsult.unmatched.service import Unmatched
from teleconsult.vault import Vault

if TYPE_CHECKING:
    from teleconsult.wake import RedisWake

SIGNER = "Teleconsult"
ANCHORS = "audit-anchors.log"
"""Copies of the audit chain's anchors beside the database, so that an old copy of it is noticed."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """All parts of one open clinic."""

    settings: Settings
    clock: Clock
    vault: Vault
    database: Database
    bus: Bus
    trail: Trail
    sealer: Sealer
    people: People
    access: Access
    agreements: Agreements
    deadlines: Deadlines
    notifications: Notifications
    consults: Consults
    results: Results
    reports: Reports
    desk: Desk
    archive: Archive
    web_rooms: WebRooms
    gatekeeper: ClinicGatekeeper
    arrivals: Arrivals
    stations: Stations
    duty: Duty
    unmatched: Unmatched
    scheduling: Scheduling
    media: MediaDoors
    happenings: Happenings
    figures: Figures
    followups: Followups
    portal: Portal

    def background(self) -> dict[str, Callable[[], Coroutine[None, None, None]]]:
        """What runs for ever beside the doors, by name."""
        return {
            "events": self.bus.run,
            "seal": self.sealer.run,
            "deadlines": self.deadlines.run,
            "arrivals": self.arrivals.run,
            "happenings": self.happenings.run,
            "recordings": partial(self.scheduling.keep_recordings, timedelta(days=self.settings.recording_days)),
        }


@asynccontextmanager
async def open_clinic(settings: Settings, url: str, clock: Clock | None = None) -> AsyncIterator[Clinic]:
    """Build and open everything, without any door; close it again at the end.

    Args:
        settings: Of the site.
        url: The site's address as people type it: it stands on opinions.
        clock: The time.
    """
    clock = clock or SystemClock()
    vault, zone = settings.vault(), ZoneInfo(settings.time_zone)
    database = Database(settings.clinic_database_url, clock)
    wake = _wake(settings.redis_url) if settings.redis_url else None
    bus = Bus(database, wake)
    witness = Witness(database)
    people = People(database, vault, witness)
    access = Access(database, people)
    agreements = Agreements(database, vault, zone)
    deadlines = Deadlines(database, Policy(Calendar(zone)), bus.poke)
    notifications = Notifications(database, on_commit=bus.poke)
    arrivals = Arrivals(database)
    stations = Stations(database)
    duty = Duty(database, agreements, zone)
    try:
        async with open_archive(archive_settings(settings, vault, clock), [arrivals]) as archive:
            labs = ArchiveLabs(archive.labs)
            films = ArchiveFilms(archive, labs, zone)
            consults = Consults(
                database,
                vault,
                agreements,
                deadlines,
                zone=zone,
                archive=films,
                roster=duty,
                witness=witness,
                on_commit=bus.poke,
            )
            gatekeeper = ClinicGatekeeper(access, consults, witness, stations.identify, database)
            results = Results(database, consults, labs, witness)
            holdings = ArchiveHoldings(archive.index, archive.labs, zone)
            unmatched = Unmatched(database, people, consults, holdings, witness)
            arrivals.follow(archive.index, consults, results, Intake(database, people, consults, holdings))
            async with WebRooms(archive, gatekeeper) as rooms, site_places(settings, clock) as places:
                signer = open_signer(settings.data_dir / "signing", vault, clock, SIGNER)
                tools = Tools(
                    vault, Press(settings.data_dir / "fonts"), signer, PrintedSite(url, settings.time_zone), witness
                )
                pictures = ArchiveKeyImages(archive, rooms.render, gatekeeper)
                reports = Reports(database, consults, people, access, tools, Films(pictures, PrintedLabs(results)))
                consults.let_reports_move(reports)
                exchange = ExchangeRooms(places, ticket_key(settings), clock)
                shelf = RecordingShelf(settings.data_dir / "recordings", vault.subkey("recordings"))
                scheduling = Scheduling(database, vault, consults, exchange, shelf)
                media = MediaDoors(places, exchange, scheduling)
                links = Links(database, vault, access.identity, ReadOut(notifications))
                followups = Followups(
                    database, vault, consults, scheduling.diary, links, notifications,
                    witness=witness, on_commit=bus.poke,
                )  # fmt: skip
                scheduling.let_visits_be_joined(VisitCalls(followups, consults, vault))
                consults.let_diary_be_asked(scheduling.diary)
                portal = Portal(database, links, followups, scheduling, people, witness)
                Reactions(consults, notifications, scheduling, results).on(bus)
                desk = Desk(
                    database, Rooms(consults, people, reports, results, notifications), zone, films, DutyNow(duty)
                )
                yield Clinic(
                    settings=settings, clock=clock, vault=vault, database=database, bus=bus, trail=Trail(database),
                    sealer=Sealer(database, vault, settings.data_dir / ANCHORS), people=people, access=access,
                    agreements=agreements, deadlines=deadlines, notifications=notifications, consults=consults,
                    results=results, reports=reports, desk=desk, archive=archive, web_rooms=rooms,
                    gatekeeper=gatekeeper, arrivals=arrivals, stations=stations, duty=duty, unmatched=unmatched,
                    scheduling=scheduling,
                    media=media,
                    happenings=Happenings(database, places, scheduling, bus), figures=Figures(places, media.lines),
                    followups=followups, portal=portal,
                )  # fmt: skip
    finally:
        if wake is not None:
            await wake.close()
        await database.close()


def _wake(url: str) -> "RedisWake":
    # Imported where a site has Redis: the others start without it.
    from teleconsult.wake import RedisWake

    return RedisWake(url)


def build_web(clinic: Clinic, site: Site) -> web.Application:
    """The clinic's doors: plumbing, rooms, pages, and the archive's doors."""
    app = web.Application(client_max_size=0)
    install(app, identify_with(clinic.access), clinic.database, clinic.vault, site)
    app.middlewares.append(around_pages(clinic.desk))
    for room in (
        AccessRoutes(clinic.access, clinic.people),
        PeopleRoutes(clinic.people),
        AuditRoutes(clinic.trail),
        AgreementRoutes(clinic.agreements),
        NotificationRoutes(clinic.notifications),
        ConsultRoutes(clinic.consults),
        ResultRoutes(clinic.results),
        ReportRoutes(clinic.reports),
        SchedulingRoutes(clinic.scheduling),
        RecordingRoutes(clinic.scheduling),
        clinic.media,
        clinic.figures,
        FollowupRoutes(clinic.followups),
        PortalRoutes(clinic.portal),
        DeskPages(clinic.desk, clinic.consults, clinic.scheduling),
        RecordingPages(clinic.consults, clinic.scheduling),
        CheckPages(),
        CallPages(clinic.consults, clinic.scheduling),
        VisitPages(clinic.consults, clinic.followups),
        PortalPages(clinic.portal),
        LiveRoutes(clinic.bus, clinic.database),
        AccessPages(clinic.access, clinic.people),
        PeoplePages(clinic.people),
        RequestPages(clinic.consults, clinic.people, clinic.agreements),
        ResultPages(clinic.results, clinic.consults),
        ReportPages(clinic.reports, clinic.consults, clinic.desk.lab_values),
        NotificationPages(clinic.notifications, clinic.consults),
        UnmatchedRoutes(clinic.unmatched),
        UnmatchedPages(clinic.unmatched),
        DutyPages(clinic.duty, clinic.people),
        StationPages(clinic.stations, Doors(AET, str(clinic.settings.dimse_bind), str(clinic.settings.mllp_bind))),
    ):
        mount(app, room.table())
    app.on_shutdown.append(_say_goodbye(clinic))
    app.add_routes(archive_routes(clinic.archive, clinic.web_rooms, clinic.gatekeeper, _translator(site.language)))
    return app


def _say_goodbye(clinic: Clinic) -> Callable[[web.Application], Awaitable[None]]:
    """Open calls are told to come back before the server waits for them."""

    async def goodbye(_: web.Application) -> None:
        await clinic.media.lines.close_all()

    return goodbye


def _translator(default: str) -> Translate:
    """Says the archive's refusals in the language a request asks for; their fields are filled in by the archive."""

    def say(message: str, language: str) -> str:
        first = language.split(",")[0].split(";")[0]
        return translate(message, known_language(first) or default)

    return say
