"""kill -9 at the worst moments: nothing that was acknowledged is lost, nothing is half done."""

import asyncio
import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from blake3 import blake3

from tests.builders.doorkeeper import as_
from tests.builders.pictures import film

TUS = {"Tus-Resumable": "1.0.0"} | as_("doctor")
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


@contextmanager
def server(folder: Path, *words: str) -> Iterator[str]:
    """A running server's address; killed at the end."""
    command = [sys.executable, "-m", "tests.dicom_store.uploads.server", str(folder), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.send_signal(signal.SIGKILL)


async def verified(http: aiohttp.ClientSession, url: str) -> Any:
    for _ in range(200):
        answer = await http.get(url, headers=TUS)
        assert answer.status == 200, await answer.text()
        shown = await answer.json()
        if shown["state"] == "done":
            return shown["files"]
        await asyncio.sleep(0.05)
    raise AssertionError("never finished")


@pytest.mark.fault
async def test_a_killed_server_has_every_acknowledged_byte(tmp_path: Path) -> None:
    data = film(np.random.default_rng(1).integers(0, 4000, (1024, 2048), dtype=np.uint16))
    acknowledged = 0
    async with aiohttp.ClientSession() as http:
        with server(tmp_path) as address:
            headers = TUS | {"Upload-Length": str(len(data))}
            path = (await http.post(f"{address}/uploads", headers=headers)).headers["Location"]
            for _ in range(2):
                piece = data[acknowledged : acknowledged + 700_000]
                answer = await http.patch(
                    address + path, data=piece, headers=BYTES | {"Upload-Offset": str(acknowledged)}
                )
                acknowledged = int(answer.headers["Upload-Offset"])
            going = asyncio.Event()

            async def slowly() -> Any:
                for start in range(acknowledged, len(data), 50_000):
                    yield data[start : start + 50_000]
                    if start > acknowledged + 1_500_000:
                        going.set()
                        await asyncio.sleep(600)

            patch = asyncio.ensure_future(
                http.patch(address + path, data=slowly(), headers=BYTES | {"Upload-Offset": str(acknowledged)})
            )
            await going.wait()
        await asyncio.wait([patch])
        assert isinstance(patch.exception(), aiohttp.ClientError)
        with server(tmp_path) as address:
            answer = await http.head(address + path, headers=TUS)
            offset = int(answer.headers["Upload-Offset"])
            assert offset >= acknowledged == 1_400_000
            answer = await http.patch(
                address + path, data=io.BytesIO(data[offset:]), headers=BYTES | {"Upload-Offset": str(offset)}
            )
            assert answer.status == 204
            (file,) = await verified(http, address + path)
    assert (file["fate"], file["blake3"]) == ("verified", blake3(data).hexdigest())


@pytest.mark.fault
async def test_killed_between_the_last_byte_and_the_archive_it_is_finished_at_the_next_start(tmp_path: Path) -> None:
    data = film()
    async with aiohttp.ClientSession() as http:
        with server(tmp_path, "SLOW") as address:
            headers = BYTES | {"Upload-Length": str(len(data))}
            create = asyncio.ensure_future(http.post(f"{address}/uploads", data=data, headers=headers))
            while not (parts := list(tmp_path.glob("uploads/open/*/*.part"))) or parts[0].stat().st_size < len(data):
                await asyncio.sleep(0.02)
        await asyncio.wait([create])
        assert create.exception() is not None
        with server(tmp_path) as address:
            for _ in range(2):  # and once more from the stored result
                (file,) = await verified(http, f"{address}/uploads/{parts[0].stem}")
                assert (file["fate"], file["blake3"]) == ("verified", blake3(data).hexdigest())
            while parts[0].exists():  # the result is told a moment before its bytes are thrown away
                await asyncio.sleep(0.02)
