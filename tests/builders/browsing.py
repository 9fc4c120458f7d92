"""The clinic's pages over a house of `builders.cases`, and a browser without scripts that fills in their forms."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient

from teleconsult.access.pages import AccessPages
from teleconsult.access.routes import AccessRoutes, identify_with
from teleconsult.access.service import Access
from teleconsult.actor import SYSTEM, Actor, InstitutionId
from teleconsult.agreements.service import Agreements
from teleconsult.consults.pages import RequestPages
from teleconsult.consults.ports import LabSummary, StudyRef, StudySummary
from teleconsult.consults.routes import ConsultRoutes
from teleconsult.desk.check import CheckPages
from teleconsult.desk.frame import around_pages, nav
from teleconsult.desk.pages import DeskPages
from teleconsult.desk.ports import Duty
from teleconsult.desk.service import Desk, Rooms
from teleconsult.http.guard import mount
from teleconsult.http.jinja import NAV
from teleconsult.http.plumbing import Site, install
from teleconsult.notifications.pages import NotificationPages
from teleconsult.notifications.service import Notifications
from teleconsult.people.pages import PeoplePages
from teleconsult.reports.pages import ReportPages
from teleconsult.reports.routes import ReportRoutes
from teleconsult.results.pages import ResultPages
from teleconsult.results.ports import Analyte, KeptReport, KeptResult, NewReport
from teleconsult.results.service import Results
from tests.builders.cases import PASSWORD, ZONE, House, a_house
from tests.builders.database import a_vault
from tests.builders.people import cheap_passwords


class Cabinet:
    """Films and lab reports in memory: satisfies `results.ports.LabStore` and `consults.ports.Archive`."""

    def __init__(self) -> None:
        self.held: dict[str, KeptReport] = {}
        self.films: dict[StudyRef, StudySummary] = {}

    async def studies(self, refs: Collection[StudyRef]) -> list[StudySummary]:
        return [self.films[ref] for ref in refs if ref in self.films]

    async def lab_reports(self, ids: Collection[str]) -> list[LabSummary]:
        found = [self.held[one] for one in ids if one in self.held]
        return [
            LabSummary(one.id, InstitutionId(one.institution), one.title, one.taken_at, len(one.results), 0)
            for one in found
        ]

    async def add(self, actor: Actor, report: NewReport) -> str:
        number = f"lab-{len(self.held) + 1}"
        results = tuple(_kept(one.name, one.value, one.unit, one.range) for one in report.results)
        taken = report.collected_at or datetime.fromisoformat("2026-11-20T11:00:00+08:00")
        self.held[number] = KeptReport(
            number, actor.institution, report.title, taken, taken, results, laboratory=report.laboratory
        )
        return number

    async def read(self, ids: Collection[str]) -> list[KeptReport]:
        return [self.held[one] for one in ids if one in self.held]

    def analytes(self) -> tuple[Analyte, ...]:
        return (
            Analyte("718-7", "HGB", "血红蛋白", "Haemoglobin", "g/L", "130-175"),
            Analyte("6690-2", "WBC", "白细胞", "White blood cells", "10*9/L", "3.5-9.5"),
        )


def _kept(name: str, value: str, unit: str, range_text: str) -> KeptResult:
    low, _, high = range_text.partition("-")
    number = Decimal(value) if value.replace(".", "").isdecimal() else None
    bounds = [Decimal(each) if each.replace(".", "").isdecimal() else None for each in (low, high)]
    flag = ""
    if number is not None and bounds[0] is not None and bounds[1] is not None:
        flag = "L" if number < bounds[0] else "H" if number > bounds[1] else "N"
    return KeptResult(name, value, unit, number=number, range=range_text, low=bounds[0], high=bounds[1], computed=flag)


@dataclass(slots=True)
class Pages:
    """The application and what a test reaches behind it."""

    app: web.Application
    access: Access
    notifications: Notifications
    results: Results
    desk: Desk


async def the_pages(house: House, cabinet: Cabinet, duty: Duty | None = None) -> Pages:
    """All pages over a house; everybody logs in with their name and the house's password."""
    access = Access(house.database, house.people, cheap_passwords())
    notifications = Notifications(house.database)
    results = Results(house.database, house.consults, cabinet)
    agreements = Agreements(house.database, a_vault(), ZONE)
    rooms = Rooms(house.consults, house.people, house.reports, results, notifications)
    desk = Desk(house.database, rooms, ZONE, duty=duty)
    app = web.Application()
    install(app, identify_with(access), house.database, a_vault(), Site())
    app[NAV] = nav
    app.middlewares.append(around_pages(desk))
    for table in (
        AccessPages(access, house.people),
        AccessRoutes(access, house.people),
        PeoplePages(house.people),
        RequestPages(house.consults, house.people, agreements),
        ConsultRoutes(house.consults),
        ReportPages(house.reports, house.consults, desk.lab_values),
        ReportRoutes(house.reports),
        ResultPages(results, house.consults),
        NotificationPages(notifications, house.consults),
        DeskPages(desk, house.consults),
        CheckPages(),
    ):
        mount(app, table.table())
    for actor in (house.requester, house.coordinator, house.specialist, house.colleague, house.auditor, house.outsider):
        await access.set_password(SYSTEM, actor.id, PASSWORD)
    return Pages(app, access, notifications, results, desk)


@dataclass(slots=True)
class Form:
    """A form as it stands in a page: where it goes and what it holds."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._form: Form | None = None
        self._area: str | None = None
        self._select: str | None = None
        self._quiet = 0
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag in ("script", "style", "template"):
            self._quiet += 1
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._form)
        if self._form is None or self._quiet or not given.get("name"):
            return
        name = given["name"]
        if tag == "input" and given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                self._form.fields.append((name, given.get("value", "on")))
        elif tag == "input":
            self._form.fields.append((name, given.get("value", "")))
        elif tag == "textarea":
            self._area = name
            self._form.fields.append((name, ""))
        elif tag == "select":
            self._select = name
        elif tag == "button":
            self._form.buttons.append((name, given.get("value", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._form is not None:
            name, so_far = self._form.fields[-1]
            self._form.fields[-1] = (name, so_far + data)
        elif not self._quiet:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea" and self._area is not None and self._form is not None:
            name, text = self._form.fields[-1]
            self._form.fields[-1] = (name, text.removeprefix("\n"))
            self._area = None
        if tag in ("script", "style", "template"):
            self._quiet -= 1
        if tag == "select":
            self._select = None


@dataclass(slots=True)
class Page:
    """What came back: status, where one is, words, forms."""

    status: int
    path: str
    html: str
    text: str
    forms: list[Form]
    ids: list[str]
    links: list[str]

    def form(self, action: str) -> Form:
        """The form that is posted to an address; the last, where a page has several."""
        return next(form for form in reversed(self.forms) if form.action == action and form.method == "post")


class Browser:
    """One person without scripts: follows redirects, keeps cookies, sends forms with some fields changed."""

    def __init__(self, client: TestClient[Any, Any], language: str = "en") -> None:
        self._client = client
        self._cookies: dict[str, str] = {"lang": language}

    async def log_in(self, pages: Pages, house: House, actor: Actor) -> "Browser":
        """Log in through the real page."""
        user = await house.people.user(actor.id)
        await self.post("/login", {"login": user.login, "password": PASSWORD})
        self._cookies["lang"] = "en"
        return self

    async def get(self, path: str) -> Page:
        """Open a page."""
        return await self._follow("GET", path, None)

    async def post(self, path: str, fields: Mapping[str, Any] | Sequence[tuple[str, str]]) -> Page:
        """Send fields."""
        data = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        return await self._follow("POST", path, data)

    async def submit(self, page: Page, action: str, **changes: str | list[str]) -> Page:
        """Send a form of a page with changes; `go="next"` presses that button."""
        form = page.form(action)
        kept = [(name, text) for name, text in form.fields if name not in changes]
        for name, text in changes.items():
            kept.extend((name, one) for one in (text if isinstance(text, list) else [text]))
        return await self.post(action, kept)

    async def _follow(self, method: str, path: str, data: list[tuple[str, str]] | None) -> Page:
        for _ in range(6):
            answer = await self._client.request(
                method,
                path,
                data=data,
                headers={"Accept": "text/html", "Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())},
                allow_redirects=False,
            )
            for name, morsel in answer.cookies.items():
                self._cookies[name] = morsel.value
            if answer.status not in (302, 303):
                break
            location = urlsplit(answer.headers["Location"])
            method, data = "GET", None
            path = location.path + (f"?{location.query}" if location.query else "")
        html = await answer.text()
        reader = _Reader()
        reader.feed(html)
        words = " ".join(" ".join(reader.text).split())
        return Page(answer.status, path, html, words, reader.forms, reader.ids, reader.links)


@dataclass(slots=True)
class Browsed:
    """A house with its pages, and browsers for its people."""

    house: House
    pages: Pages
    cabinet: Cabinet
    client: TestClient[Any, Any]

    async def browser(self, actor: Actor) -> Browser:
        """A browser in which somebody is logged in."""
        return await Browser(self.client).log_in(self.pages, self.house, actor)

    def stranger(self) -> Browser:
        """A browser in which nobody is."""
        return Browser(self.client)


@asynccontextmanager
async def browsed(folder: Path, aiohttp_client: Any, **options: Any) -> AsyncIterator[Browsed]:
    """`async with browsed(tmp_path, aiohttp_client, needs_audit=True) as site:`."""
    cabinet = Cabinet()
    async with a_house(folder, archive=cabinet, **options) as house:
        pages = await the_pages(house, cabinet)
        client = await aiohttp_client(pages.app, cookie_jar=DummyCookieJar())
        yield Browsed(house, pages, cabinet, client)
