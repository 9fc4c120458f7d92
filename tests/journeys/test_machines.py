"""Scanners and analysers at the doors of the running county: what they send arrives, waits or is matched, unchanged."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

from dicom_store.labs.hl7 import parse
from dicom_store.labs.ingest import CHINA
from dicom_store.labs.mllp import framed
from dicom_store.labs.oru import reports_of
from tests.builders.county import County, until

TESTDATA = Path(__file__).resolve().parents[3] / "shared" / "testdata"
STORESCU = shutil.which("storescu")
TOO_NEW = {"1.2.840.10008.5.1.4.1.1.66.7"}
"""Classes that dcmtk does not know yet."""
LITTLE = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")

needs_dcmtk = pytest.mark.skipif(STORESCU is None, reason="dcmtk is not installed here: no scanner calls")


def storescu(demo: County, *films: Path, called: str | None = None) -> subprocess.CompletedProcess[bytes]:
    where = demo.facts["dimse"]
    return subprocess.run(
        [str(STORESCU), "-aet", "SCANNER", "-aec", called or where["aet"], "-R", where["host"], str(where["port"]),
         *films],
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip


def sendable() -> list[Path]:
    """Films that dcmtk sends as they are: native little endian, with file meta information."""
    found = []
    for path in sorted((TESTDATA / "dicom").rglob("*.dcm")) if TESTDATA.exists() else ():
        try:
            film = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:  # noqa: BLE001, S112 - hostile files are among them
            continue
        meta = film.file_meta
        whole = all(film.get(name) for name in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"))
        same = film.get("SOPInstanceUID") == meta.get("MediaStorageSOPInstanceUID")
        if whole and same and film.SOPClassUID not in TOO_NEW and meta.get("TransferSyntaxUID") in LITTLE:
            found.append(path)
    return found


def even(value: bytes) -> bytes:
    """As dcmtk sends a value of odd length."""
    return value + b"\0" * (len(value) % 2)


def kept(demo: County, film: pydicom.Dataset) -> bytes:
    path = f"/dicomweb/studies/{film.StudyInstanceUID}/series/{film.SeriesInstanceUID}/instances/{film.SOPInstanceUID}"
    answer = demo.api("requester").get(path, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert answer.status_code == 200, answer.text[:300]
    return answer.content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]


def waiting(demo: County) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = demo.api("requester").good("GET", f"/api/v1/unmatched?cursor={cursor}")
        items += page["items"]
        cursor = page["cursor"]
        if not cursor:
            return items


@needs_dcmtk
def test_films_of_a_scanner_wait_and_come_back_as_they_were_sent(demo: County) -> None:
    films = sendable()[:60] or [Path(str(get_testdata_file(name))) for name in ("MR_small_implicit.dcm", "rtdose.dcm")]
    here = {one["00080018"]["Value"][0] for one in demo.api("requester").good("GET", "/dicomweb/instances?limit=1000")}
    first: dict[str, Path] = {}
    for path in films:  # of two films with one UID the first is kept, also where the sample brought it
        uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        if uid not in here:
            first.setdefault(uid, path)
    assert first
    sent = storescu(demo, *first.values())
    assert sent.returncode == 0, sent.stderr[-2000:]
    for path in first.values():
        film = pydicom.dcmread(path)
        back = pydicom.dcmread(BytesIO(kept(demo, film)))
        assert back.StudyInstanceUID == film.StudyInstanceUID
        assert back.get("PixelData", b"") == even(film.get("PixelData", b""))
        assert back.get("PatientName") == film.get("PatientName")
    studies = {str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID) for path in first.values()}
    until(lambda: studies <= {one["reference"] for one in waiting(demo)}, 60)


@needs_dcmtk
def test_a_call_to_another_title_is_refused(demo: County) -> None:
    film = Path(str(get_testdata_file("CT_small.dcm")))
    refused = storescu(demo, film, called="SOMEBODY")
    assert refused.returncode != 0
    assert b"Called AE Title Not Recognized" in refused.stderr


class Analyser:
    """An HL7 sender."""

    def __init__(self, demo: County) -> None:
        where = demo.facts["mllp"]
        self._peer = socket.create_connection((where["host"], where["port"]), timeout=60)

    def send(self, message: bytes) -> bytes:
        self._peer.sendall(framed(message))
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            more = self._peer.recv(65536)
            assert more, "the connection was closed"
            answer += more
        return answer

    def close(self) -> None:
        self._peer.close()


@pytest.fixture
def analyser(demo: County) -> Iterator[Analyser]:
    made = Analyser(demo)
    yield made
    made.close()


def labs(demo: County, **asked: str) -> list[dict[str, Any]]:
    answer = demo.api("requester").get("/labs/reports", params={"limit": "200", "all_versions": "true", **asked})
    assert answer.status_code == 200, answer.text[:300]
    return list(answer.json())


@pytest.mark.skipif(not TESTDATA.exists(), reason="the sourced messages are not here")
def test_sourced_messages_are_acknowledged_and_read_back_with_their_values(demo: County, analyser: Analyser) -> None:
    taken = chinese = 0
    for path in sorted((TESTDATA / "interop" / "hl7v2").rglob("*.hl7")):
        raw = path.read_bytes()
        if b"ORU" not in raw[:400]:
            continue
        answer = analyser.send(raw)
        if b"MSA|AA" not in answer:
            continue
        taken += 1
        for report in reports_of(parse(raw), CHINA):
            number = {"identifier": report.patient.identifier} if report.patient.identifier else {}
            name = {"name": report.patient.name} if report.patient.name else {}
            found = labs(demo, **(number or name))
            values = {
                (row["name"], row["code"], row["value"].get("text", ""), row["unit"])
                for one in found
                for row in one["observations"]
            }
            assert report.patient.name in {one["patient"]["name"] for one in found}, path.name
            chinese += path.parent.name == "synthetic_zh"
            for row in report.observations:
                assert (row.name, row.code, row.value.text, row.unit) in values, (path.name, row.name)
    assert taken >= 100
    assert chinese >= 7, "names in GB18030, GBK (declared, undeclared, under a false name) and UTF-8"


def test_a_known_patients_count_goes_to_the_only_open_case_and_a_critical_one_is_told(
    demo: County, analyser: Analyser
) -> None:
    doctor = demo.api("requester")
    number, name = f"QS{time.time_ns() % 10**8}", "温如玉"
    patient = doctor.good("POST", "/api/v1/patients", {"name": name, "sex": "female", "record_number": number})
    consult = doctor.good("POST", "/api/v1/consults", {"patient_id": patient["id"], "question": "血小板低怎么办？"})
    message = (
        f"MSH|^~\\&|ANALYSER|QS|X|X|20261120101010||ORU^R01|{number}|P|2.3.1||||||UNICODE UTF-8\r"
        f"PID|1||{number}^^^^MR||温^如玉||19800101|F\r"
        f"OBR|1||{number}|CBC^血常规|||20261120101010\r"
        "OBX|1|NM|PLT^血小板计数||11|10*9/L|125-350|LL|||F\r"
    )
    assert b"MSA|AA" in analyser.send(message.encode())

    def tables() -> list[Any]:
        return list(doctor.good("GET", f"/api/v1/consults/{consult['id']}/materials")["items"])

    until(lambda: [one["kind"] for one in tables()] == ["lab_report"], 30)
    told = "/api/v1/notifications"
    until(lambda: any(one["word"] == "result.critical" for one in doctor.good("GET", told)["items"]), 30)
    assert all(one["patient_number"] != number for one in waiting(demo))
