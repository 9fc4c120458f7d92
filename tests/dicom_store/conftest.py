"""What tests of the archive share: an open archive on a temporary folder, and an HTTP client in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from dicom_store.app import Archive, create_app, open_archive
from tests.builders.archives import Porter, plain, settings


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with open_archive(settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
def porter() -> Porter:
    return Porter()


@pytest.fixture
async def app(archive: Archive, porter: Porter) -> web.Application:
    return create_app(archive, porter, plain)


@pytest.fixture
async def client(aiohttp_client: Any, app: web.Application) -> Any:
    return await aiohttp_client(app, headers={"Authorization": "Bearer east"})
