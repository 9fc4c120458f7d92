"""Viewers whom the room's own node has no place for watch at another one, through the web's usual doors."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from signaling.app import ROOMS, create_app
from signaling.config import ExchangeSettings
from signaling.media.leg import Leg
from teleconsult.bridges.agreed import media_names, media_socket, ticket_key
from teleconsult.config import Settings
from tests.builders.calls import a_call_site
from tests.teleconsult.bridges.test_media_rooms import _only_loopback, picture_of, playing, publishing  # noqa: F401

MOST = 2
"""Viewers of a room at the first node."""


@pytest.fixture
async def nodes(tmp_path):
    settings = Settings(data_dir=tmp_path / "house", media_processes=2)
    (tmp_path / "house" / "run").mkdir(parents=True)
    async with AsyncExitStack() as stack:
        made = {}
        for name, most in zip(media_names(settings), (MOST, 250), strict=True):
            app = create_app(ExchangeSettings(ticket_key(settings), name=name, udp_port=0, max_viewers=most))
            runner = web.AppRunner(app, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.UnixSite(runner, str(media_socket(settings, name))).start()
            made[name] = app[ROOMS]
        made["media-1"]._make("another")  # so that the first is idler
        paths = [media_socket(settings, name) for name in made]
        made["calls"] = await stack.enter_async_context(a_call_site(tmp_path, paths, settings))
        yield made


def legs(rooms):
    return [one for live in rooms.live() for one in live.peers.values() if isinstance(one, Leg)]


async def test_the_seventh_viewer_sees_as_the_first_one_and_there_is_one_leg(nodes):
    calls = nodes["calls"]
    publisher, _ = await publishing(calls, "/whip/ward3", calls.site.doctor)
    opened = [await playing(calls, "/whep/ward3", calls.site.colleague) for _ in range(MOST)]
    opened += await asyncio.gather(*(playing(calls, "/whep/ward3", calls.site.colleague) for _ in range(5)))
    for viewer, _ in opened:
        assert (await picture_of(viewer)).width == 640
    assert [len(legs(nodes[name])) for name in ("media", "media-1")] == [1, 1]
    room = f"w.{calls.site.village}.ward3"
    assert [len(nodes[name].room(room).peers) for name in ("media", "media-1")] == [1 + MOST + 1, 1 + 5]
    assert nodes["media-1"].room(room).is_relayed
    for viewer, location in opened:
        assert (await calls.ask("DELETE", location, calls.site.colleague))[0] == 200
        await viewer.close()
    async with asyncio.timeout(20):
        while legs(nodes["media"]) or nodes["media-1"].room(room):
            await asyncio.sleep(0.1)
    await publisher.close()


async def test_whoever_is_revoked_sees_nothing_where_they_watch(nodes):
    calls = nodes["calls"]
    publisher, _ = await publishing(calls, "/whip/ward3", calls.site.doctor)
    others = [(await playing(calls, "/whep/ward3", calls.site.doctor))[0] for _ in range(MOST)]
    viewer, _ = await playing(calls, "/whep/ward3", calls.site.colleague)
    await picture_of(viewer)
    (token,) = await calls.access.tokens_of(calls.site.colleague)
    await calls.access.revoke(calls.site.colleague, token.id)
    await calls.settle()
    there = nodes["media-1"].room(f"w.{calls.site.village}.ward3")
    assert [who for who, one in there.peers.items() if not isinstance(one, Leg)] == []
    for one in (publisher, viewer, *others):
        await one.close()
