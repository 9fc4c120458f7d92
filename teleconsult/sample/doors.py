"""The demo's one-tap links: a secret path logs one of the made-up people in. Exists only beside the sample county."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from teleconsult.access.cookies import set_session
from teleconsult.app import Clinic
from teleconsult.errors import NotFound
from teleconsult.http.guard import mount
from teleconsult.http.origin import address_of
from teleconsult.http.routing import Public, Route, get


class SampleDoors:
    """The links.

    Args:
        clinic: With the sample county in it.
        told: What `build` said.
    """

    def __init__(self, clinic: Clinic, told: Mapping[str, Any]) -> None:
        self._access = clinic.access
        self._keys: Mapping[str, str] = told["keys"]
        self._password: str = told["password"]

    def table(self) -> list[Route]:
        """All routes."""
        # Who has the key, printed on the console of whoever started the demo, is let in by it.
        return [get("/demo/{key}", self.enter, Public.PUBLIC, page=True, status=303, summary="Enter the demo")]

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Log in as the person of this link."""
        login = self._keys.get(request.match_info["key"])
        if login is None:
            raise NotFound
        device = request.headers.get("User-Agent", "")
        session = await self._access.log_in(login, self._password, address_of(request), device)
        response = web.Response(status=303, headers={"Location": "/"})
        set_session(request, response, session)
        return response


def mount_sample_doors(app: web.Application, clinic: Clinic, told: Mapping[str, Any]) -> None:
    """Put the links on the site."""
    mount(app, SampleDoors(clinic, told).table())
