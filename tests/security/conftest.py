"""Two cases of two specialists, and the list of all doors as the site really mounts them."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from teleconsult.app import build_web, open_clinic
from teleconsult.config import Settings
from teleconsult.http.plumbing import Site
from teleconsult.http.routing import ROUTE_OF, Public, Route
from tests.builders.county import Api, County
from tests.builders.walks import Case, case, token_of


@dataclass(frozen=True)
class Door:
    """One route as it is mounted.

    Attributes:
        needs: The permission's text, "public" for nobody's, "" for a route that names none.
    """

    method: str
    path: str
    needs: str
    route: Route | None


@pytest.fixture(scope="session")
def doors(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Door]:
    """Every route of the site, of the clinic's rooms and of the archive."""
    data = tmp_path_factory.mktemp("doors") / "data"
    shutil.copytree(county, data)

    async def listed() -> list[Door]:
        found = []
        async with open_clinic(Settings(data_dir=data), "http://127.0.0.1") as clinic:
            for mounted in build_web(clinic, Site()).router.routes():
                path = mounted.resource.canonical if mounted.resource else ""
                route = getattr(mounted.handler, ROUTE_OF, None)
                needs = route.needs if route else getattr(mounted.handler, "permission", "")
                word = "public" if isinstance(needs, Public) else str(needs or "")
                found.append(Door(mounted.method, path, word, route))
        return found

    return asyncio.run(listed())


@dataclass(frozen=True)
class Cases:
    """Two consults of one clinic that have nothing to do with each other."""

    open: Case
    signed: Case
    doctor: Api
    specialist_of_open: Api
    specialist_of_signed: Api


@pytest.fixture(scope="session")
def cases(demo: County) -> Cases:
    """One is being written by its specialist, the other is signed and delivered by another specialist."""
    doctor, first = demo.api("requester"), demo.api("specialist")
    second = Api(demo.url, token_of(demo, "linyuan"))
    return Cases(
        open=case(demo, doctor, first, signed=False),
        signed=case(demo, doctor, second, signed=True),
        doctor=doctor,
        specialist_of_open=first,
        specialist_of_signed=second,
    )
