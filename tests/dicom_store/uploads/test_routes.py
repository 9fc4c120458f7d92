import asyncio
import base64
import hashlib
from typing import Any

from aiohttp.test_utils import TestClient

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
    assert (file["study_uid"], file["series_uid"], file["sha256"]) == (STUDY, SERIES, hashlib.sha256(data).hexdigest())
    record = await archive.index.instance(
        keeper.scopes["doctor"], StudyUID(STUDY), SeriesUID(SERIES), InstanceUID(file["instance_uid"])
    )
    assert await archive.blobs.read(record.blob) == data
    assert (keeper.vouched[0].reference, keeper.vouched[0].institution) == ("consult-7", VILLAGE)
    assert await offset_of(client, url) == len(data)
