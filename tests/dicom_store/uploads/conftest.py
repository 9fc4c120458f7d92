"""An archive with its upload door on a temporary folder."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dicom_store.app import Archive, open_archive
from dicom_store.config import ArchiveSettings
from dicom_store.uploads.finish import Finisher
from dicom_store.uploads.protocol import Limits
from dicom_store.uploads.reception import Reception
from dicom_store.uploads.routes import routes
from dicom_store.uploads.shelf import Shelf
from dicom_store.workers import Workers
from tests.builders.doorkeeper import Doorkeeper, say_it_plainly


class Clock:
    """The real time, moved on at will."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits() -> Limits:
    return Limits(max_bytes=64 << 20, max_open=5)


@pytest.fixture
def keeper() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture
async def archive(tmp_path: Path, clock: Clock) -> AsyncIterator[Archive]:
    settings = ArchiveSettings(data_dir=tmp_path / "data", key=b"k" * 32, clock=clock)
    async with open_archive(settings) as opened:
        yield opened


@pytest.fixture
async def reception(archive: Archive, clock: Clock, limits: Limits) -> AsyncIterator[Reception]:
    folder = archive.settings.data_dir / "uploads"
    async with Workers(count=1) as workers:
        made = Reception(
            Shelf(folder, archive.blobs.keys), archive.blobs, Finisher(archive.ingest, workers, folder), clock, limits
        )
        await made.start()
        yield made
        await made.close()


@pytest.fixture
async def client(reception: Reception, keeper: Doorkeeper) -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.add_routes(routes(reception, keeper, say_it_plainly))
    async with TestClient(TestServer(app)) as opened:
        yield opened
