import asyncio
import base64
import hashlib
from typing import Any

from aiohttp.test_utils import TestClient
from blake3 import blake3

from dicom_store.app import Archive
from dicom_store.model import InstanceUID, SeriesUID, StudyUID
from dicom_store.uploads.reception import Reception
from tests.builders.doorkeeper import NOT_YOURS, VILLAGE, Doorkeeper, as_
from tests.builders.pictures import SERIES, STUDY, film
from tests.dicom_store.uploads.conftest import Clock

Client = TestClient[Any, Any]
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


def told(**words: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in words.items())


async def begin(client: Client, length: int, who: str = "doctor", **words: str) -> str:
    headers = TUS | as_(who) | {"Upload-Length": str(length), "Upload-Metadata": told(**words)}
    answer = await client.post("/uploads", headers=headers)
    assert answer.status == 201, await answer.text()
    return answer.headers["Location"]


async def send(client: Client, url: str, offset: int, data: bytes, who: str = "doctor", **more: str) -> Any:
    return await client.patch(url, data=data, headers=BYTES | as_(who) | {"Upload-Offset": str(offset)} | more)


async def offset_of(client: Client, url: str, who: str = "doctor") -> int:
    answer = await client.head(url, headers=TUS | as_(who))
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


async def become(client: Client, url: str, who: str = "doctor", **headers: str) -> Any:
    for _ in range(200):
        answer = await client.get(url, headers=as_(who) | headers)
        assert answer.status == 200
        body = await answer.json()
        if body["state"] == "done":
            return body
        await asyncio.sleep(0.05)
    raise AssertionError("never finished")


async def test_a_film_sent_in_pieces_is_kept_byte_for_byte(
    client: Client, archive: Archive, keeper: Doorkeeper
) -> None:
    data = film()
    url = await begin(client, len(data), filename="slice.dcm", reference="consult-7")
    half = len(data) // 2
    assert (await send(client, url, 0, data[:half])).headers["Upload-Offset"] == str(half)
    assert await offset_of(client, url) == half
    last = await send(client, url, half, data[half:])
    assert (last.status, last.headers["Upload-Result"]) == (204, url)
    assert last.headers["Upload-Result-Counts"] == "verified=1, refused=0, skipped=0"
    shown = await become(client, url)
    (file,) = shown["files"]
    assert file["fate"] == "verified"
    assert (file["study_uid"], file["series_uid"], file["blake3"]) == (STUDY, SERIES, blake3(data).hexdigest())
    record = await archive.index.instance(
        keeper.scopes["doctor"], StudyUID(STUDY), SeriesUID(SERIES), InstanceUID(file["instance_uid"])
    )
    assert await archive.blobs.read(record.blob) == data
    assert (keeper.vouched[0].reference, keeper.vouched[0].institution) == ("consult-7", VILLAGE)
    assert await offset_of(client, url) == len(data)


async def test_the_options_name_what_the_server_can(client: Client) -> None:
    answer = await client.options("/uploads", headers=as_("doctor"))
    assert answer.status == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert "termination" in answer.headers["Tus-Extension"]
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,crc32"


async def test_a_film_may_come_with_the_creation(client: Client) -> None:
    data = film()
    headers = BYTES | as_("doctor") | {"Upload-Length": str(len(data))}
    answer = await client.post("/uploads", data=data, headers=headers)
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, str(len(data)))
    assert (await become(client, answer.headers["Location"]))["counts"]["verified"] == 1


async def test_a_wrong_offset_is_409_and_says_the_right_one(client: Client) -> None:
    url = await begin(client, 100)
    await send(client, url, 0, b"x" * 10)
    answer = await send(client, url, 5, b"y" * 10)
    assert answer.status == 409
    assert "10" in (await answer.json())["title"]
    assert await offset_of(client, url) == 10


async def test_damaged_bytes_are_460_and_not_kept(client: Client) -> None:
    url = await begin(client, 100)
    good = base64.b64encode(hashlib.sha1(b"x" * 10, usedforsecurity=False).digest()).decode()
    assert (await send(client, url, 0, b"z" * 10, **{"Upload-Checksum": f"sha1 {good}"})).status == 460
    assert await offset_of(client, url) == 0
    assert (await send(client, url, 0, b"x" * 10, **{"Upload-Checksum": f"sha1 {good}"})).status == 204
    assert (await send(client, url, 10, b"x" * 10, **{"Upload-Checksum": "md5 AAAA"})).status == 400
    assert await offset_of(client, url) == 10


async def test_nobody_else_can_tell_that_an_upload_exists(client: Client) -> None:
    url = await begin(client, 100)
    for who in ("nurse", "stranger"):
        assert (await client.head(url, headers=TUS | as_(who))).status == 404
        assert (await client.get(url, headers=as_(who))).status == 404
        assert (await send(client, url, 0, b"x", who)).status == 404
        assert (await client.delete(url, headers=TUS | as_(who))).status == 404
    assert (await client.head(url, headers=TUS)).status == 401
    assert await offset_of(client, url) == 0


async def test_who_may_not_store_or_not_into_that_consult_cannot_begin(client: Client) -> None:
    begun = TUS | {"Upload-Length": "10"}
    assert (await client.post("/uploads", headers=begun | as_("reader"))).status == 403
    metadata = {"Upload-Metadata": told(reference=NOT_YOURS)}
    assert (await client.post("/uploads", headers=begun | metadata | as_("doctor"))).status == 403


async def test_a_removed_upload_is_gone(client: Client, archive: Archive) -> None:
    url = await begin(client, 100)
    await send(client, url, 0, b"x" * 10)
    assert (await client.delete(url, headers=TUS | as_("doctor"))).status == 204
    assert (await client.head(url, headers=TUS | as_("doctor"))).status == 404
    assert not list((archive.settings.data_dir / "uploads").glob("open/*/*"))


async def test_patch_may_come_as_post(client: Client) -> None:
    url = await begin(client, 10)
    headers = BYTES | as_("doctor") | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await client.post(url, data=b"x" * 4, headers=headers)).status == 204
    assert await offset_of(client, url) == 4


async def test_packed_requests_and_other_media_types_are_415(client: Client) -> None:
    url = await begin(client, 100)
    assert (await send(client, url, 0, b"x", **{"Content-Encoding": "gzip"})).status == 415
    assert (await send(client, url, 0, b"x", **{"Content-Type": "text/plain"})).status == 415


async def test_more_bytes_than_announced_are_413(client: Client) -> None:
    url = await begin(client, 4)
    assert (await send(client, url, 0, b"12345")).status == 413

    async def endless() -> Any:
        while True:
            yield b"x" * 1000

    assert (await send(client, url, 0, endless())).status == 413  # type: ignore[arg-type]
    assert await offset_of(client, url) == 0


async def test_too_large_and_too_many_are_refused(client: Client) -> None:
    headers = TUS | as_("doctor")
    assert (await client.post("/uploads", headers=headers | {"Upload-Length": str(65 << 20)})).status == 413
    for _ in range(5):
        await begin(client, 10)
    assert (await client.post("/uploads", headers=headers | {"Upload-Length": "10"})).status == 429


async def test_what_is_no_film_gets_a_reason_in_the_callers_language(client: Client) -> None:
    data = b"just some text, " * 50
    url = await begin(client, len(data), filename="notes.txt")
    await send(client, url, 0, data)
    (file,) = (await become(client, url, **{"Accept-Language": "zh"}))["files"]
    assert (file["name"], file["fate"]) == ("notes.txt", "refused")
    assert file["reason"].startswith("[zh] ")


async def test_an_empty_file_is_refused_not_forgotten(client: Client) -> None:
    url = await begin(client, 0, filename="empty.dcm")
    assert (await become(client, url))["counts"]["refused"] == 1


async def test_the_same_film_again_is_a_duplicate(client: Client) -> None:
    data = film()
    for duplicate in (False, True):
        url = await begin(client, len(data))
        await send(client, url, 0, data)
        assert (await become(client, url))["files"][0]["duplicate"] is duplicate


async def test_what_came_before_the_line_broke_is_kept(client: Client) -> None:
    url = await begin(client, 5 << 20)
    broken = asyncio.Event()

    async def half() -> Any:
        yield b"x" * (2 << 20)
        broken.set()
        await asyncio.sleep(60)

    job = asyncio.ensure_future(send(client, url, 0, half()))  # type: ignore[arg-type]
    await broken.wait()
    await asyncio.sleep(0.2)
    job.cancel()
    await asyncio.wait([job])
    assert await offset_of(client, url) == 2 << 20


async def test_who_comes_back_pushes_the_hanging_request_aside(client: Client) -> None:
    url = await begin(client, 3 << 20)
    hanging = asyncio.Event()

    async def stuck() -> Any:
        yield b"x" * (1 << 20)
        yield b"y" * 1000
        hanging.set()
        await asyncio.sleep(60)

    job = asyncio.ensure_future(send(client, url, 0, stuck()))  # type: ignore[arg-type]
    await hanging.wait()
    await asyncio.sleep(0.2)
    offset = await offset_of(client, url)
    assert offset == (1 << 20) + 1000
    assert (await send(client, url, offset, b"z" * 10)).status == 204
    job.cancel()
    await asyncio.wait([job])


async def test_an_upload_that_nothing_reaches_expires(client: Client, reception: Reception, clock: Clock) -> None:
    url = await begin(client, 100)
    clock.ahead = reception.limits.open_for
    assert (await send(client, url, 0, b"x")).status == 410
    clock.ahead *= 2
    await reception.sweep()
    assert (await client.head(url, headers=TUS | as_("doctor"))).status == 404


async def test_a_result_can_be_read_for_its_time_only(client: Client, reception: Reception, clock: Clock) -> None:
    data = film()
    url = await begin(client, len(data))
    await send(client, url, 0, data)
    await become(client, url)
    clock.ahead = reception.limits.result_for * 0.9
    await reception.sweep()
    assert (await client.get(url, headers=as_("doctor"))).status == 200
    clock.ahead = reception.limits.result_for * 1.1
    await reception.sweep()
    assert (await client.get(url, headers=as_("doctor"))).status == 404


async def test_bytes_left_by_a_kill_behind_the_stored_result_are_thrown_away(
    client: Client, archive: Archive, reception: Reception
) -> None:
    data = film()
    url = await begin(client, len(data))
    await send(client, url, 0, data[:-1])
    (part,) = archive.settings.data_dir.glob("uploads/open/*/*.part")
    kept = part.with_suffix(".kept")
    kept.hardlink_to(part)
    await send(client, url, len(data) - 1, data[-1:])
    before = await become(client, url)
    while part.exists():  # the result is told a moment earlier
        await asyncio.sleep(0.01)
    kept.replace(part)
    await reception.sweep()
    assert not part.exists()
    assert await become(client, url) == before


async def test_no_plain_bytes_or_names_are_on_the_disk(client: Client, archive: Archive) -> None:
    data = film(PatientName="Zhang^San")
    url = await begin(client, len(data), filename="ZhangSan.dcm")
    await send(client, url, 0, data[:-1])
    for path in (archive.settings.data_dir / "uploads").rglob("*"):
        assert not path.is_file() or b"Zhang" not in path.read_bytes()
    await send(client, url, len(data) - 1, data[-1:])
    await become(client, url)
    for path in (archive.settings.data_dir / "uploads").rglob("*"):
        assert not path.is_file() or b"Zhang" not in path.read_bytes()
