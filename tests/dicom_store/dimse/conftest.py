"""A listener on a free port in front of a temporary archive; a gatekeeper that knows stations by AE title."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_store.app import Archive, open_archive
from dicom_store.dimse.listener import Listening, serve_dimse
from dicom_store.errors import NotIdentified, Unavailable
from dicom_store.model import InstitutionId
from dicom_store.ports import Action, Caller, Scope
from tests.builders.archives import Porter, settings

AET = "TELECONSULT"


class Stations(Porter):
    """Knows EAST and WEST (of institutions `east` and `west`) and READER, which may only search.

    Attributes:
        there: False is a clinic that does not answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.there = True

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        if not self.there:
            raise Unavailable("The clinic does not answer.")
        if ae_title not in {"EAST", "WEST", "READER"}:
            raise NotIdentified("This station is not registered.")
        return Caller(ae_title.lower())

    async def scope(self, caller: Caller, action: Action) -> Scope:
        if not self.there:
            raise Unavailable("The clinic does not answer.")
        if caller.id == "reader":
            return Scope(institutions=frozenset({InstitutionId("east")}))
        return await super().scope(caller, action)


@pytest.fixture
def stations() -> Stations:
    return Stations()


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with open_archive(settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def listening(archive: Archive, stations: Stations) -> AsyncIterator[Listening]:
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET) as found:
        yield found
