"""kill -9 in the middle of receiving: what was acknowledged is there, nothing is half there, and work goes on."""

import asyncio
import contextlib
import socket
import sys
import threading
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from dicom_store.app import open_archive
from dicom_store.dimse.listener import Listening
from dicom_store.labs.mllp import framed
from dicom_store.labs.store import LabSearch
from dicom_store.model import StudyUID
from tests.builders.archives import everything_of, settings
from tests.builders.films import ct_series, uids
from tests.dicom_store.dimse.conftest import AET
from tests.dicom_store.dimse.test_listener import CT, call
from tests.dicom_store.labs.messages import WBC, oru

pytestmark = pytest.mark.fault


@contextlib.asynccontextmanager
async def process(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, int]]:
    """A listener in a process of its own; its DIMSE and MLLP ports."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.dicom_store.dimse.serve", str(folder),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    try:
        assert started.stdout is not None
        async with asyncio.timeout(60):
            dimse, mllp = (await started.stdout.readline()).split()
        yield started, int(dimse), int(mllp)
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


def send_films(port: int, films: list[bytes], acknowledged: list[bytes], begun: threading.Event) -> None:
    """Send until the listener is gone; note what was acknowledged."""
    assoc = call(Listening("127.0.0.1", port, AET), contexts=[(CT, "1.2.840.10008.1.2.1")])
    ours = assoc.dul.socket.socket
    with contextlib.suppress(RuntimeError):  # pynetdicom's word for an association that is gone
        for data in films:
            if getattr(assoc.send_c_store(pydicom.dcmread(BytesIO(data))), "Status", None) != 0:
                break
            acknowledged.append(data)
            if len(acknowledged) == 3:
                begun.set()
    ours.close()


async def test_acknowledged_films_survive_kill_9_and_the_rest_can_be_sent_again(tmp_path: Path) -> None:
    films = ct_series(60, size=256)
    acknowledged: list[bytes] = []
    begun = threading.Event()
    async with process(tmp_path) as (listener, port, _):
        sending = asyncio.ensure_future(asyncio.to_thread(send_films, port, films, acknowledged, begun))
        assert await asyncio.to_thread(begun.wait, 30)
        listener.kill()
        await sending
    assert 3 <= len(acknowledged) < len(films)
    async with open_archive(settings(tmp_path)) as archive:
        records = await archive.index.instances(everything_of("east"), StudyUID(uids(films[0])[0]))
        found = {record.instance: await archive.films.whole(record) for record in records}
        assert {uids(data)[2] for data in acknowledged} <= set(found)
        assert len(found) <= len(acknowledged) + 1  # at most the one whose answer was on its way
        for data in acknowledged:
            assert pydicom.dcmread(BytesIO(found[uids(data)[2]])) == pydicom.dcmread(BytesIO(data))
    async with process(tmp_path) as (_, port, _):
        again: list[bytes] = []
        await asyncio.to_thread(send_films, port, films, again, begun)
        assert again == films


def send_messages(port: int, acknowledged: list[str], begun: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer, contextlib.suppress(OSError):
        for number in range(5000):
            peer.sendall(framed(oru(WBC, control_id=f"M{number}", name=f"患者^{number}号").encode()))
            answer = peer.recv(65536)
            if b"MSA|AA|" not in answer:
                break
            acknowledged.append(f"患者{number}号")
            if number == 5:
                begun.set()


async def test_acknowledged_lab_reports_survive_kill_9(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    begun = threading.Event()
    async with process(tmp_path) as (listener, _, port):
        sending = asyncio.ensure_future(asyncio.to_thread(send_messages, port, acknowledged, begun))
        assert await asyncio.to_thread(begun.wait, 30)
        listener.kill()
        await sending
    async with open_archive(settings(tmp_path)) as archive:
        for name in acknowledged:
            (kept,) = await archive.labs.search(everything_of("east"), LabSearch(name=name))
            assert kept.report.observations[0].value.text == "12.3"
        assert len(await archive.labs.search(everything_of("east"), LabSearch(limit=200))) <= len(acknowledged) + 1
