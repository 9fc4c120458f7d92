"""Whoever walks through a series finds the next pictures made; whoever jumps about costs nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from dicom_store.archive import Archive
from dicom_store.model import InstanceRecord, InstanceUID
from dicom_store.render.ahead import Ahead
from dicom_store.render.look import Look
from dicom_store.render.near import Near
from dicom_store.render.pictures import WARM, Render
from dicom_store.workers import Workers
from tests.builders import films
from tests.builders.archives import everything_of, origin

LOOK = Look()
SCOPE = everything_of("east")


@pytest.fixture
async def render(archive: Archive) -> AsyncIterator[Render]:
    async with Workers(count=2, warm=WARM) as workers:
        yield Render(workers, archive.films)


@pytest.fixture
async def series(archive: Archive) -> list[InstanceRecord]:
    for film in films.ct_series(8):
        stored = await archive.ingest.accept(film, origin())
    return await archive.index.instances(SCOPE, stored.key.study, stored.series)


class Walker:
    """Asks for pictures as the door does; counts how often the series is listed."""

    def __init__(self, render: Render, archive: Archive, series: Sequence[InstanceRecord]) -> None:
        self.render, self.index, self.series, self.listed = render, archive.index, series, 0
        self.some_instances = self.index.some_instances
        self.ahead = Ahead(render, self)

    async def names(self, *asked: Any) -> Sequence[InstanceUID]:
        self.listed += 1
        return await self.index.names(*asked)

    async def walk(self, *places: int) -> list[int]:
        """Ask for these films of the series; which others are remembered afterwards."""
        looking = asyncio.get_running_loop().create_task(self.ahead.run())
        for place in places:
            await self.render.picture(self.series[place], 1, LOOK)
            self.ahead.asked(self.series[place], 1, LOOK)
        held = 0
        for _ in range(200):
            await asyncio.sleep(0.05)
            if (
                held == (held := len(self.remembered()))
                and self.ahead._queue.empty()
                and self.render._workers.free == 2
            ):
                break
        looking.cancel()
        await asyncio.wait([looking])
        return sorted(self.remembered() - set(places))

    def remembered(self) -> set[int]:
        hashes = {key[0] for key in self.render._cache}
        return {number for number, record in enumerate(self.series) if record.digest in hashes}


@pytest.mark.parametrize(("places", "made"), [((0, 1), [2, 3, 4]), ((6, 5), [2, 3, 4]), ((6, 7), [])])
async def test_the_next_pictures_are_made_either_way(
    archive: Archive, render: Render, series: list[InstanceRecord], places: tuple[int, ...], made: list[int]
) -> None:
    walker = Walker(render, archive, series)
    assert await walker.walk(*places) == made
    assert walker.listed == 1


@pytest.mark.parametrize("places", [(0,), (0, 4), (3, 3)])
async def test_who_does_not_walk_gets_nothing_ahead(
    archive: Archive, render: Render, series: list[InstanceRecord], places: tuple[int, ...]
) -> None:
    assert await Walker(render, archive, series).walk(*places) == []


@pytest.mark.parametrize(("begun", "made"), [(0, [1, 2, 3]), (1, []), (7, [])])
async def test_who_begins_at_the_beginning_will_go_on_where_that_costs_little(
    archive: Archive, render: Render, near: Near, series: list[InstanceRecord], begun: int, made: list[int]
) -> None:
    plain = Render(render._workers, archive.films, near=near)
    assert await Walker(plain, archive, series).walk(begun) == made


async def test_frames_of_one_film_are_walked_through_too(archive: Archive, render: Render) -> None:
    film = films.film(NumberOfFrames=5, PixelData=bytes(16 * 16 * 2 * 5))
    stored = await archive.ingest.accept(film, origin())
    record = (await archive.index.instances(SCOPE, stored.key.study))[0]
    walker = Walker(render, archive, [record])
    looking = asyncio.get_running_loop().create_task(walker.ahead.run())
    for frame in (1, 2):
        await render.picture(record, frame, LOOK)
        walker.ahead.asked(record, frame, LOOK)
    async with asyncio.timeout(20):
        while len(render._cache) < 5:
            await asyncio.sleep(0.02)
    looking.cancel()
    await asyncio.wait([looking])


async def test_a_film_that_cannot_be_shown_stops_nobody(archive: Archive, render: Render) -> None:
    shared = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}
    for number in range(5):
        odd = {"PhotometricInterpretation": "HSV"} if number == 2 else {}
        await archive.ingest.accept(films.film(InstanceNumber=number, **shared, **odd), origin())
    records = await archive.index.instances(SCOPE, "1.2")  # type: ignore[arg-type]
    walker = Walker(render, archive, records)
    assert await walker.walk(0, 1) == []
    assert await walker.walk(3, 4) == [0, 1]  # from before


async def test_a_film_that_comes_before_the_others_moves_their_places(archive: Archive, render: Render) -> None:
    shared = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}
    for film in films.ct_series(20, **shared):
        stored = await archive.ingest.accept(film, origin())
    records = await archive.index.instances(SCOPE, stored.key.study)
    walker = Walker(render, archive, records)
    assert await walker.walk(0, 1) == [2, 3, 4]
    await archive.ingest.accept(films.film(16, InstanceNumber=0, **shared), origin())
    assert await walker.walk(11, 12) == [0, 1, 2, 3, 4]  # what came next is not where it was: nothing is made
    assert await walker.walk(13) == [0, 1, 2, 3, 4, 11, 12, 14, 15, 16]
    assert walker.listed == 2


async def test_a_film_that_came_last_is_walked_to(
    archive: Archive, render: Render, series: list[InstanceRecord]
) -> None:
    walker = Walker(render, archive, series)
    assert await walker.walk(5, 6) == [7]
    shared = {"StudyInstanceUID": series[0].key.study, "SeriesInstanceUID": series[0].series}
    for number in (9, 10):
        await archive.ingest.accept(films.film(16, InstanceNumber=number, **shared), origin())
    walker.series = await archive.index.instances(SCOPE, series[0].key.study, series[0].series)
    assert await walker.walk(7, 8) == [5, 6, 9]
