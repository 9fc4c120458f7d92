from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import DummyCookieJar

from teleconsult.actor import Actor
from tests.builders.browsing import Browser, Cabinet, Pages, the_pages
from tests.builders.cases import House, a_house


@pytest.fixture
def cabinet() -> Cabinet:
    return Cabinet()


@pytest.fixture
async def house(tmp_path: Path, cabinet: Cabinet) -> AsyncIterator[House]:
    async with a_house(tmp_path, archive=cabinet) as made:
        yield made


@pytest.fixture
async def pages(house: House, cabinet: Cabinet) -> Pages:
    return await the_pages(house, cabinet)


@pytest.fixture
async def client(pages: Pages, aiohttp_client: Any) -> Any:
    return await aiohttp_client(pages.app, cookie_jar=DummyCookieJar())


@pytest.fixture
def browser_of(client: Any, pages: Pages, house: House) -> Any:
    async def made(actor: Actor) -> Browser:
        return await Browser(client).log_in(pages, house, actor)

    return made
