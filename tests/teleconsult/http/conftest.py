"""A small site with every kind of door, served for real; two people known by cookie or bearer token."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import Field

from teleconsult.actor import Actor, Permission
from teleconsult.errors import NotFound, Stale, StepRefused, TooMany, Unavailable
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import Credentials, body_of, form_of, mount, query_of
from teleconsult.http.plumbing import SERVER_OPTIONS, Site, install
from teleconsult.http.routing import Public, Route, get, post
from teleconsult.people.state import Role
from tests.builders.clock import FixedClock
from tests.builders.database import a_database, a_vault
from tests.builders.people import an_actor

PEOPLE = {"wang": an_actor(Role.REQUESTER, user="wang"), "chen": an_actor(Role.SPECIALIST, user="chen")}


class ThingBody(Incoming):
    name: str = Field(min_length=1, max_length=50)
    count: int = Field(1, ge=0)
    tags: list[str] = Field(default_factory=list)


class ThingQuery(Incoming):
    q: str = ""
    page: int = 1


class ThingAnswer(Outgoing):
    number: int
    name: str


class Things:
    """Handlers that count their effects."""

    def __init__(self) -> None:
        self.made = 0

    def table(self) -> list[Route]:
        may = Permission.CONSULT_CREATE
        return [
            post("/api/v1/things", self.make, may, body=ThingBody, answer=ThingAnswer, status=201, creates=True),
            get("/api/v1/things", self.find, Permission.SELF, query=ThingQuery, answer=ThingAnswer),
            get("/api/v1/errors/{kind}", self.fail, Public.PUBLIC),
            get("/things", self.page, Permission.SELF, page=True),
            get("/errors/{kind}", self.fail, Permission.SELF, page=True),
            post("/things", self.form, may, page=True, creates=True),
            post("/public", self.public, Public.PUBLIC, page=True),
        ]

    async def make(self, request: web.Request) -> ThingAnswer:
        await asyncio.sleep(0.01)
        self.made += 1
        return ThingAnswer(number=self.made, name=body_of(request, ThingBody).name)

    async def find(self, request: web.Request) -> ThingAnswer:
        query = query_of(request, ThingQuery)
        return ThingAnswer(number=query.page, name=query.q)

    async def page(self, _request: web.Request) -> web.Response:
        return web.Response(text="<p>things</p>", content_type="text/html")

    async def public(self, _request: web.Request) -> web.Response:
        return web.Response(text="done")

    async def form(self, request: web.Request) -> web.Response:
        form = await form_of(request, ThingBody)
        self.made += 1
        return web.Response(status=303, headers={"Location": f"/things?made={self.made}&name={len(form.tags)}"})

    async def fail(self, request: web.Request) -> web.Response:
        raise {
            "stale": Stale(current=7),
            "step": StepRefused("This cannot be done now.", moves=["submit", "withdraw"]),
            "missing": NotFound(),
            "often": TooMany("Too many tries. Please wait {seconds} seconds.", retry_after=_seconds(9), seconds=9),
            "away": Unavailable("The archive does not answer.", retry_after=_seconds(3)),
        }.get(request.match_info["kind"]) or RuntimeError("patient Wang Fang, born 1961")


def _seconds(number: int):
    from datetime import timedelta

    return timedelta(seconds=number)


async def identify(shown: Credentials) -> Actor | None:
    if shown.authorization:
        found = PEOPLE.get(shown.authorization.removeprefix("Bearer "))
    else:
        found = PEOPLE.get(shown.cookies.get("teleconsult_session", ""))
    return replace(found, address=shown.address) if found else None


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(tmp_path: Path, clock: FixedClock):
    async with a_database(tmp_path, clock) as made:
        yield made


@pytest.fixture
def app(database, things) -> web.Application:
    made = web.Application()
    install(made, identify, database, a_vault(), Site(version="1.2.3"))
    mount(made, things.table())

    async def archive(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    made.router.add_post("/dicomweb/studies", archive)
    made.router.add_get("/rtc", archive)
    return made


@pytest.fixture
async def client(aiohttp_client, app):
    server = TestServer(app)
    await server.start_server(**SERVER_OPTIONS)
    return await aiohttp_client(server)
