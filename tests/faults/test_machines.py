"""kill -9 of the listener during C-STORE and of the web process during MLLP: what was acknowledged is there."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from dicom_store.labs.mllp import framed
from tests.builders.county import County, start, until
from tests.builders.films import ct_series, uids


@pytest.fixture(scope="module")
def house(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A demo of this module's own."""
    made = start(county, tmp_path_factory.mktemp("machines") / "data")
    yield made
    assert made.stop() == 0


def kill(house: County, name: str) -> None:
    before = house.pids()[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: house.pids().get(name, before) != before, 60)


def test_films_that_were_acknowledged_outlive_the_listener(house: County) -> None:
    films, acknowledged, begun = ct_series(80, size=128), [], threading.Event()
    where = house.facts["dimse"]

    def send() -> None:
        scanner = AE("SCANNER")
        scanner.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        call = scanner.associate(where["host"], where["port"], ae_title=where["aet"])
        assert call.is_established
        with suppress(RuntimeError, AttributeError):  # pynetdicom's words for an association that is gone
            for film in films:
                if getattr(call.send_c_store(pydicom.dcmread(BytesIO(film))), "Status", None) != 0:
                    break
                acknowledged.append(film)
                if len(acknowledged) == 5:
                    begun.set()
        if call.dul.socket is not None and call.dul.socket.socket is not None:
            call.dul.socket.socket.close()

    sending = threading.Thread(target=send)
    sending.start()
    assert begun.wait(120)
    kill(house, "dimse")
    sending.join(120)
    assert 5 <= len(acknowledged) < len(films)
    study, series, _ = uids(films[0])
    doctor = house.api("requester")
    found = doctor.good("GET", f"/dicomweb/studies/{study}/series/{series}/instances")
    held = {one["00080018"]["Value"][0] for one in found}
    assert {uids(film)[2] for film in acknowledged} <= held
    assert len(held) <= len(acknowledged) + 1  # at most the one whose answer was on its way
    until(lambda: any(one["reference"] == study for one in doctor.good("GET", "/api/v1/unmatched")["items"]), 60)


MESSAGE = (
    "MSH|^~\\&|ANALYSER|QS|X|X|20261120101010||ORU^R01|K{0}|P|2.3.1||||||UNICODE UTF-8\r"
    "PID|1||K{0}^^^^MR||患^者甲||19800101|F\r"
    "OBR|1||K{0}|CBC^血常规|||20261120101010\r"
    "OBX|1|NM|WBC^白细胞计数||12.3|10*9/L|3.5-9.5|H|||F\r"
)


def test_lab_reports_that_were_acknowledged_outlive_the_web_process(house: County) -> None:
    acknowledged: list[int] = []
    begun = threading.Event()
    where = house.facts["mllp"]

    def send() -> None:
        peer = socket.create_connection((where["host"], where["port"]), timeout=60)
        with peer, suppress(OSError):
            for number in range(3000):
                peer.sendall(framed(MESSAGE.format(number).encode()))
                if b"MSA|AA|" not in peer.recv(65536):
                    break
                acknowledged.append(number)
                if len(acknowledged) == 5:
                    begun.set()

    sending = threading.Thread(target=send)
    sending.start()
    assert begun.wait(120)
    kill(house, "web")
    sending.join(120)
    assert 5 <= len(acknowledged) < 3000
    house.wait_ready()
    doctor = house.api("requester")
    for number in acknowledged:
        (kept,) = doctor.good("GET", "/labs/reports", params={"identifier": f"K{number}"})
        assert kept["patient"]["name"] == "患者甲"
        assert kept["observations"][0]["value"]["text"] == "12.3"


def test_while_the_clinic_is_away_films_are_answered_try_again(house: County) -> None:
    (film,) = ct_series(1, size=64)
    where, web = house.facts["dimse"], house.pids()["web"]
    scanner = AE("LATECOMER")
    scanner.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    os.kill(web, signal.SIGSTOP)
    try:
        call = scanner.associate(where["host"], where["port"], ae_title=where["aet"])
        assert call.is_established
        assert call.send_c_store(pydicom.dcmread(BytesIO(film))).Status == 0xA700
    finally:
        os.kill(web, signal.SIGCONT)
    house.wait_ready()
    assert call.send_c_store(pydicom.dcmread(BytesIO(film))).Status == 0
    call.release()
