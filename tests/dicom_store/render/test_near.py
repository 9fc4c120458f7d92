"""A picture made near is the picture that a worker makes; what is not plain goes to a worker."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from dicom_store.archive import Archive
from dicom_store.errors import FilmRefused, NotRenderable
from dicom_store.model import InstanceRecord, StudyUID
from dicom_store.render.look import Look, PictureKind, Region, Window
from dicom_store.render.near import Near, may_be_plain
from dicom_store.render.pictures import WARM, Render
from dicom_store.workers import Workers
from tests.builders import films
from tests.builders.archives import everything_of, origin
from tests.builders.pictures import film

LOOKS = [
    Look(),
    Look(kind=PictureKind.PNG, window=Window(500, 900)),
    Look(box=(20, 20)),
    Look(region=Region(8, 4, 16, 16, mirror_x=True)),
]


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(count=1, warm=WARM) as made:
        yield made


async def record_of(archive: Archive, data: bytes) -> InstanceRecord:
    stored = await archive.ingest.accept(data, origin())
    return await archive.index.instance(
        everything_of("east"), StudyUID(stored.key.study), stored.series, stored.instance
    )


async def test_both_make_the_same_bytes(archive: Archive, workers: Workers, near: Near) -> None:
    record = await record_of(archive, film(WindowCenter=100, WindowWidth=500))
    assert may_be_plain(record)
    for look in LOOKS:
        here = await Render(workers, archive.films, near=near).picture(record, 1, look)
        assert here == await Render(workers, archive.films).picture(record, 1, look)


async def test_a_plain_film_needs_no_worker(archive: Archive, near: Near) -> None:
    record = await record_of(archive, film(WindowCenter=100, WindowWidth=500))
    nobody = Workers(count=1, warm=WARM)  # never entered: whoever asked it would be refused
    assert (await Render(nobody, archive.films, near=near).picture(record)).width == record.columns


async def test_what_is_not_in_memory_is_read_and_shown_all_the_same(
    archive: Archive, near: Near, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await record_of(archive, film(WindowCenter=100, WindowWidth=500))
    nobody = Workers(count=1, warm=WARM)
    quickly = await Render(nobody, archive.films, near=near).picture(record)
    monkeypatch.setattr(os, "RWF_NOWAIT", 1 << 20)  # no kernel knows it: as on a file system that cannot tell
    assert archive.films.whole_in_memory(record) is None
    assert await Render(nobody, archive.films, near=near).picture(record) == quickly


async def test_real_films_look_the_same(archive: Archive, workers: Workers, near: Near) -> None:
    for path in films.real_films():
        try:
            record = await record_of(archive, path.read_bytes())
        except FilmRefused:
            continue
        here = await near.picture(path.read_bytes(), Look()) if may_be_plain(record) else None
        if here is not None:
            made = await Render(workers, archive.films).picture(record)
            assert here == (made.body, made.width, made.height), path.name


@pytest.mark.parametrize(
    "change", [{"VOILUTFunction": "SIGMOID"}, {"PresentationLUTShape": "INVERSE"}, {"RescaleSlope": 0}], ids=str
)
async def test_what_is_not_plain_after_all_goes_to_a_worker(
    archive: Archive, workers: Workers, near: Near, change: dict[str, Any]
) -> None:
    data = film(WindowCenter=100, WindowWidth=500, RescaleIntercept=0, **({"RescaleSlope": 1} | change))
    record = await record_of(archive, data)
    assert may_be_plain(record)
    assert await near.picture(data, Look()) is None
    shown = await Render(workers, archive.films, near=near).picture(record)
    assert shown == await Render(workers, archive.films).picture(record)


@pytest.mark.parametrize(
    "data",
    [
        film(np.zeros((32, 32, 3), np.uint8), PhotometricInterpretation="RGB"),
        film(np.zeros((3, 32, 32), np.uint16), NumberOfFrames=3),
        film(np.zeros((2048, 1025), np.uint16)),
    ],
    ids=["colour", "frames", "large"],
)
async def test_other_films_are_not_even_tried(archive: Archive, data: bytes) -> None:
    assert not may_be_plain(await record_of(archive, data))


async def test_a_part_outside_of_the_picture_is_refused(near: Near) -> None:
    with pytest.raises(NotRenderable):
        await near.picture(film(WindowCenter=100, WindowWidth=500), Look(region=Region(1000, 0, 5, 5)))
    assert near.idle


async def test_who_is_at_work_is_not_idle(near: Near) -> None:
    seen, making = [near.idle], []
    for _ in range(2):
        begun = near.picture(film(WindowCenter=100, WindowWidth=500), Look()).__await__()
        next(begun)
        making.append(begun)
        seen.append(near.idle)
    for one in making:
        one.close()
    assert [*seen, near.idle] == [True, True, False, True]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no such calls")
async def test_those_who_draw_keep_apart_and_give_way(near: Near) -> None:
    mine = os.sched_getaffinity(0), os.nice(0)
    both = threading.Barrier(2, timeout=20)
    places: list[tuple[set[int], int]] = []

    def at_work() -> None:  # in each of the two threads
        both.wait()
        places.append((os.sched_getaffinity(0), os.nice(0)))

    drawing = [near.picture(at_work, Look()) for _ in range(2)]
    assert await asyncio.gather(*drawing) == [None, None]
    (one, nice), (other, _) = places
    assert nice > mine[1]
    assert (one | other) == mine[0]
    assert len(mine[0]) == 1 or not one & other
    assert (os.sched_getaffinity(0), os.nice(0)) == mine


def test_the_archive_starts_without_numpy() -> None:
    code = "import sys, dicom_store.app; assert not {'numpy', 'PIL', 'pydicom'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
