import io
import os
import signal
from collections.abc import AsyncIterator
from typing import Any, cast

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, generate_uid

from dicom_store.app import Archive
from dicom_store.dicomweb.rendered import routes
from dicom_store.errors import NotRenderable
from dicom_store.model import Stored
from dicom_store.ports import Action
from dicom_store.render.ahead import Ahead
from dicom_store.render.pictures import WARM, Render
from dicom_store.workers import Job, Workers
from tests.builders.archives import Porter, origin, plain
from tests.builders.pictures import dataset, film, written
from tests.dicom_store.dicomweb.wire import parts_of

Client = TestClient[Any, Any]
EAST = {"Authorization": "Bearer east"}


@pytest.fixture
async def render(archive: Archive) -> AsyncIterator[Render]:
    async with Workers(count=1, warm=WARM) as workers:
        yield Render(workers, archive.films)


@pytest.fixture
async def client(archive: Archive, render: Render, porter: Porter) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(routes(archive, render, Ahead(render, archive.index), porter, plain))
    async with TestClient(TestServer(app), headers=EAST) as opened:
        yield opened


def path_of(stored: Stored) -> str:
    return f"/dicomweb/studies/{stored.key.study}/series/{stored.series}/instances/{stored.instance}"


def opened(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)))


FRAMES = np.stack([np.full((16, 24), value, np.uint8) for value in (10, 120, 230)])


async def test_a_film_is_shown_in_the_kind_that_is_wanted(client: Client, archive: Archive) -> None:
    path = path_of(await archive.ingest.accept(film(), origin()))
    for kind in ("image/jpeg", "image/png", "image/webp"):
        answer = await client.get(f"{path}/rendered", headers={"Accept": kind})
        assert (answer.status, answer.content_type) == (200, kind)
        assert opened(await answer.read()).shape[:2] == (64, 48)
    answer = await client.get(f"{path}/rendered", params={"viewport": "20,20", "window": "100,200", "quality": "50"})
    assert opened(await answer.read()).shape == (20, 15)


async def test_each_frame_is_shown(client: Client, archive: Archive) -> None:
    path = path_of(await archive.ingest.accept(film(FRAMES, NumberOfFrames=3), origin()))
    for number, value in ((1, 10), (2, 120), (3, 230)):
        answer = await client.get(f"{path}/frames/{number}/rendered?accept=image/png")
        assert opened(await answer.read()).max() == value
    for number, status in (("4", 406), ("0", 406), ("1,2", 200), ("x", 404)):
        assert (await client.get(f"{path}/frames/{number}/rendered")).status == status
    answer = await client.get(f"{path}/thumbnail?accept=image/png")
    assert opened(await answer.read()).max() == 120


async def test_several_frames_come_as_parts(client: Client, archive: Archive) -> None:
    path = path_of(await archive.ingest.accept(film(FRAMES, NumberOfFrames=3), origin()))
    answer = await client.get(
        f"{path}/frames/3,1/rendered", headers={"Accept": 'multipart/related; type="image/png"; q=0.5'}
    )
    parts = await parts_of(answer)
    assert [kind for kind, _ in parts] == ["image/png", "image/png"]
    assert [opened(body).max() for _, body in parts] == [230, 10]
    assert (await client.get(f"{path}/frames/3,1/rendered", headers={"Accept": "image/png"})).status == 406
    one = await client.get(f"{path}/frames/2/rendered", headers={"Accept": "multipart/related; type=image/png"})
    assert [opened(body).max() for _, body in await parts_of(one)] == [120]
    small = await client.get(f"{path}/frames/3/thumbnail?accept=image/png")
    assert opened(await small.read()).max() == 230


async def test_a_series_and_a_study_are_shown(client: Client, archive: Archive) -> None:
    study, series = generate_uid(), generate_uid()
    for number, value in enumerate((50, 100, 150)):
        pixels = np.full((20, 30), value, np.uint8)
        made = film(pixels, StudyInstanceUID=study, SeriesInstanceUID=series, InstanceNumber=number)
        await archive.ingest.accept(made, origin())
    broken = film(PhotometricInterpretation="HSV", StudyInstanceUID=study, SeriesInstanceUID=series, InstanceNumber=9)
    await archive.ingest.accept(broken, origin())
    base = f"/dicomweb/studies/{study}"
    for path in (base, f"{base}/series/{series}"):
        answer = await client.get(f"{path}/rendered", headers={"Accept": "multipart/related; type=image/png"})
        parts = await parts_of(answer)
        assert [opened(body).max() for _, body in parts] == [50, 100, 150]
        tag = {"If-None-Match": answer.headers["ETag"], "Accept": "multipart/related; type=image/png"}
        assert (await client.get(f"{path}/rendered", headers=tag)).status == 304
        assert [kind for kind, _ in await parts_of(await client.get(f"{path}/rendered"))] == ["image/jpeg"] * 3
        page = await client.get(f"{path}/rendered", headers={"Accept": "text/html,image/webp,image/png,*/*;q=0.8"})
        assert page.content_type == "image/png"
        assert opened(await page.read()).max() == 150


async def test_nothing_of_a_study_that_cannot_be_shown_is_406(client: Client, archive: Archive) -> None:
    stored = await archive.ingest.accept(film(PhotometricInterpretation="HSV"), origin())
    for accept in ("multipart/related", "image/png", "*/*"):
        answer = await client.get(f"/dicomweb/studies/{stored.key.study}/rendered", headers={"Accept": accept})
        assert answer.status == 406


async def test_windows_have_names_and_parts_can_be_mirrored(client: Client, archive: Archive) -> None:
    ramp = np.tile(np.arange(24, dtype=np.uint8) * 10, (16, 1))
    path = path_of(await archive.ingest.accept(film(ramp), origin()))
    named = await client.get(f"{path}/rendered?accept=image/png&window=brain")
    assert np.array_equal(
        opened(await named.read()),
        opened(await (await client.get(f"{path}/rendered?accept=image/png&window=40,80,linear")).read()),
    )
    mirrored = await client.get(f"{path}/rendered?accept=image/png&window=127.5,255,linear-exact&viewport=24,16,,,-24,")
    assert np.array_equal(opened(await mirrored.read()), ramp[:, ::-1])


async def test_large_films_of_many_compressed_frames_are_shown_frame_by_frame(client: Client, archive: Archive) -> None:
    import imagecodecs

    noise = np.random.default_rng(1).integers(0, 255, (4, 1200, 1200), dtype=np.uint8)
    made = dataset(noise, NumberOfFrames=4)
    made.PixelData = encapsulate(
        [bytes(imagecodecs.jpeg2k_encode(frame, codecformat="J2K", level=0, reversible=True)) for frame in noise]
    )
    data = written(made, JPEG2000Lossless)
    assert len(data) > 4 << 20
    path = path_of(await archive.ingest.accept(data, origin()))
    answer = await client.get(f"{path}/frames/3/rendered?accept=image/png")
    assert np.array_equal(opened(await answer.read()), noise[2])


async def test_thumbnails_of_series_and_study_show_the_middle_of_the_largest_series(
    client: Client, archive: Archive
) -> None:
    study = generate_uid()
    for series, values in ((generate_uid(), [10]), (generate_uid(), [50, 100, 150])):
        for number, value in enumerate(values):
            pixels = np.full((300, 600), value, np.uint8)
            stored = await archive.ingest.accept(
                film(pixels, StudyInstanceUID=study, SeriesInstanceUID=series, InstanceNumber=number), origin()
            )
    base = f"/dicomweb/studies/{study}"
    for path in (base, f"{base}/series/{stored.series}"):
        picture = opened(await (await client.get(f"{path}/thumbnail?accept=image/png")).read())
        assert (picture.shape, picture.max()) == ((128, 256), 100)


async def test_a_known_picture_is_not_sent_again(client: Client, archive: Archive) -> None:
    path = path_of(await archive.ingest.accept(film(), origin()))
    first = await client.get(f"{path}/rendered")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert (await client.get(f"{path}/rendered", headers=tag)).status == 304
    assert (await client.get(f"{path}/rendered?quality=10", headers=tag)).status == 200


async def test_every_picture_is_witnessed_or_not_given(client: Client, archive: Archive, porter: Porter) -> None:
    stored = await archive.ingest.accept(film(), origin())
    await client.get(f"{path_of(stored)}/rendered")
    assert porter.witnessed == [("east", Action.READ, frozenset({stored.key}))]
    porter.audit_works = False
    answer = await client.get(f"{path_of(stored)}/rendered")
    assert answer.status == 503
    assert answer.content_type == "application/problem+json"


async def test_another_institutions_film_is_not_there(client: Client, archive: Archive) -> None:
    stored = await archive.ingest.accept(film(), origin("west"))
    study = f"/dicomweb/studies/{stored.key.study}"
    for path in (
        f"{path_of(stored)}/rendered",
        f"{path_of(stored)}/frames/1/rendered",
        f"{path_of(stored)}/thumbnail",
        f"{study}/series/{stored.series}/thumbnail",
        f"{study}/thumbnail",
    ):
        assert (await client.get(path)).status == 404
        assert (await client.get(path, headers={"Authorization": "Bearer west"})).status == 200
        assert (await client.get(path, headers={"Authorization": ""})).status == 401


async def test_what_cannot_be_shown_is_406_with_a_reason(client: Client, archive: Archive) -> None:
    path = path_of(await archive.ingest.accept(film(PhotometricInterpretation="HSV"), origin()))
    answer = await client.get(f"{path}/rendered")
    assert answer.status == 406
    assert (await answer.json())["code"] == "photometric"
    assert (await client.get(f"{path}/rendered", headers={"Accept": "video/mp4"})).status == 406


async def test_pictures_are_remembered_within_bounds(archive: Archive, porter: Porter) -> None:
    stored = await archive.ingest.accept(film(), origin())
    scope = await porter.scope(await porter.identify(_credentials()), Action.READ)
    record = (await archive.index.instances(scope, stored.key.study))[0]
    async with Workers(count=1, warm=WARM) as workers:
        render = Render(workers, archive.films, cache_bytes=1 << 20)
        first = await render.picture(record)
        assert await render.picture(record) is first
        assert (first.width, first.height) == (48, 64)
        small = Render(workers, archive.films, cache_bytes=100)
        assert await small.picture(record) is not await small.picture(record)


async def test_a_film_that_takes_too_long_is_refused_and_the_next_is_shown(archive: Archive, porter: Porter) -> None:
    stored = await archive.ingest.accept(film(), origin())
    scope = await porter.scope(await porter.identify(_credentials()), Action.READ)
    record = (await archive.index.instances(scope, stored.key.study))[0]
    async with Workers(count=1, warm=WARM) as workers:
        await Render(workers, archive.films).picture(record)
        # A worker that stands still: a picture in no time at all would now and then be made in time.
        os.kill(cast("int", await workers.run(Job("os", "getpid"))), signal.SIGSTOP)
        with pytest.raises(NotRenderable):
            await Render(workers, archive.films, seconds=0.1).picture(record)
        assert await Render(workers, archive.films).picture(record)


def _credentials() -> Any:
    from dicom_store.ports import Credentials

    return Credentials(authorization="Bearer east")


async def test_a_bomb_costs_its_sender_a_refusal_and_nobody_else_anything() -> None:
    import zlib

    from pydicom.uid import DeflatedExplicitVRLittleEndian

    from dicom_store.render.look import Look
    from dicom_store.workers import JobFailed, JobFailure

    made = dataset(np.zeros((64, 64), np.uint8))
    made.PixelData = b""
    packed = written(made, DeflatedExplicitVRLittleEndian)
    start = packed.index(b"DICM") + 4
    meta = packed[: start + 12 + int.from_bytes(packed[start + 8 : start + 12], "little")]
    squeeze = zlib.compressobj(9, wbits=-15)
    block = squeeze.compress(bytes(1 << 24)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    bomb = meta + block * 256
    assert len(bomb) < 8 << 20
    picture = Job("dicom_store.render.work", "picture")
    async with Workers(count=1, warm=WARM, memory_bytes=1 << 30) as workers:
        with pytest.raises((JobFailed, NotRenderable)) as failed:
            await workers.run(picture, bomb, 1, Look(), seconds=20)
        if isinstance(failed.value, JobFailed):
            assert failed.value.why in (JobFailure.MEMORY, JobFailure.TIMEOUT, JobFailure.DIED)
        assert await workers.run(picture, film(), 1, Look())
