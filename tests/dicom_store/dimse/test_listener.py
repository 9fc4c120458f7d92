"""The listener as modalities see it: dcmtk and pynetdicom call it, hostile peers too."""

import asyncio
import shutil
import socket
import struct
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from dicom_store.app import Archive
from dicom_store.dimse.listener import Listening, serve_dimse
from dicom_store.dimse.sockets import DimseLimits
from dicom_store.model import Door, StudyUID
from dicom_store.ports import Action
from tests.builders.archives import everything_of
from tests.builders.films import BUNDLED, ct_series, dataset, film, uids
from tests.dicom_store.dimse.conftest import AET, Stations

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
FIND_PATIENT = "1.2.840.10008.5.1.4.1.2.1.1"
ECHO = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not here")


async def run(*words: object) -> int:
    """Start a program and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        return await process.wait()


def write(folder: Path, films: list[bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for place, data in enumerate(films):
        (folder / f"{place}.dcm").write_bytes(data)
    return folder


def call(
    at: Listening, *, calling: str = "EAST", called: str = AET, contexts: list[tuple[str, str | None]] | None = None
) -> Association:
    """Associate; blocks."""
    entity = AE(ae_title=calling)
    for abstract, transfer in contexts or [(ECHO, None), (CT, None), (FIND, None), (FIND_PATIENT, None)]:
        entity.add_requested_context(abstract, transfer) if transfer else entity.add_requested_context(abstract)
    return entity.associate("127.0.0.1", at.port, ae_title=called)


async def store(at: Listening, data: bytes, **words: Any) -> int | None:
    """Send one film; its status, None where the association ended instead."""

    def send() -> int | None:
        read = pydicom.dcmread(BytesIO(data))
        syntax = str(read.file_meta.TransferSyntaxUID)
        assoc = call(at, contexts=[(str(read.SOPClassUID), syntax)], **words)
        if not assoc.is_established:
            return None
        found = assoc.send_c_store(read)
        assoc.release()
        return getattr(found, "Status", None)

    return await asyncio.to_thread(send)


async def find(
    at: Listening, model: str = FIND, calling: str = "EAST", **keys: Any
) -> list[tuple[int, Dataset | None]]:
    def ask() -> list[tuple[int, Dataset | None]]:
        assoc = call(at, calling=calling)
        identifier = Dataset()
        for name, value in keys.items():
            setattr(identifier, name, value)
        found = [(status.Status, answer) for status, answer in assoc.send_c_find(identifier, model)]
        assoc.release()
        return found

    return await asyncio.to_thread(ask)


async def kept(archive: Archive, data: bytes, institution: str = "east") -> bytes:
    study, _, instance = uids(data)
    records = await archive.index.instances(everything_of(institution), StudyUID(study))
    (record,) = [each for each in records if each.instance == instance]
    return await archive.films.whole(record)


def raw_dataset(data: bytes) -> bytes:
    """A film without preamble and file meta."""
    length = struct.unpack("<I", data[140:144])[0]
    return data[144 + length :]


# ---------------------------------------------------------------- associations


@dcmtk
async def test_dcmtk_gets_an_echo(listening: Listening) -> None:
    assert await run("echoscu", "-aet", "EAST", "-aec", AET, "127.0.0.1", listening.port) == 0


@dcmtk
async def test_a_call_to_another_title_is_refused(listening: Listening) -> None:
    assert await run("echoscu", "-aet", "EAST", "-aec", "OTHER", "127.0.0.1", listening.port) != 0


async def test_an_unknown_station_is_refused_at_the_door(listening: Listening) -> None:
    assoc = await asyncio.to_thread(call, listening, calling="NOBODY")
    assert assoc.is_rejected
    primitive = assoc.acceptor.primitive
    assert (primitive.result, primitive.result_source, primitive.diagnostic) == (1, 1, 3)


async def test_more_associations_than_allowed_are_turned_away_for_now(archive: Archive, stations: Stations) -> None:
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, limits=DimseLimits(associations=2)) as at:
        held = [await asyncio.to_thread(call, at) for _ in range(3)]
        assert [each.is_established for each in held] == [True, True, False]
        for each in held[:2]:
            await asyncio.to_thread(each.release)
        # "For now" is what callers are told, so they try again: the server needs a moment to see that others have gone.
        async with asyncio.timeout(30):
            while not (again := await asyncio.to_thread(call, at)).is_established:
                await asyncio.sleep(0.1)
        await asyncio.to_thread(again.release)


# ---------------------------------------------------------------- films


@dcmtk
async def test_a_series_sent_by_dcmtk_is_there_byte_for_byte(
    listening: Listening, archive: Archive, tmp_path: Path
) -> None:
    films = ct_series(12, size=64)
    folder = write(tmp_path / "series", films)
    assert await run("storescu", "-aet", "EAST", "-aec", AET, "+sd", "127.0.0.1", listening.port, folder) == 0
    for data in films:
        assert raw_dataset(await kept(archive, data)) == raw_dataset(data)
    arrivals = await archive.index.arrivals_after(0)
    assert {(each.origin.door, each.origin.caller, each.origin.institution) for each in arrivals} == {
        (Door.DIMSE, "east", "east")
    }
    assert len(arrivals) == 12


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"])
async def test_films_in_odd_syntaxes_are_kept_as_sent(listening: Listening, archive: Archive, name: str) -> None:
    data = (BUNDLED / name).read_bytes()
    assert await store(listening, data) == 0
    sent, found = pydicom.dcmread(BytesIO(data)), pydicom.dcmread(BytesIO(await kept(archive, data)))
    assert found == sent
    assert found.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID


async def test_a_private_class_is_taken(listening: Listening, archive: Archive) -> None:
    data = film(SOPClassUID="1.3.12.2.1107.5.9.1")
    assert await store(listening, data) == 0
    assert await kept(archive, data)


async def test_the_same_film_twice_is_a_success_and_other_bytes_are_not(listening: Listening) -> None:
    made = dataset()
    first = film(SOPInstanceUID=made.SOPInstanceUID, StudyInstanceUID=made.StudyInstanceUID, SeriesInstanceUID="1.2.3")
    assert await store(listening, first) == 0
    assert await store(listening, first) == 0
    other = film(
        SOPInstanceUID=made.SOPInstanceUID, StudyInstanceUID=made.StudyInstanceUID, SeriesInstanceUID="1.2.3",
        PatientID="P2",
    )  # fmt: skip
    assert await store(listening, other) == 0x0111


async def test_the_same_film_of_another_institution_is_its_own_copy(listening: Listening, archive: Archive) -> None:
    data = film()
    assert await store(listening, data, calling="EAST") == 0
    assert await store(listening, data, calling="WEST") == 0
    assert await kept(archive, data, "east") == await kept(archive, data, "west")


async def test_a_station_that_may_not_store_is_told(listening: Listening, archive: Archive) -> None:
    assert await store(listening, film(), calling="READER") == 0x0124
    assert await archive.index.last_arrival() == 0


async def test_with_the_clinic_away_films_are_answered_try_again(
    listening: Listening, stations: Stations, archive: Archive
) -> None:
    stations.there = False
    assert await store(listening, film()) == 0xA700
    assert await archive.index.last_arrival() == 0
    stations.there = True
    assert await store(listening, film()) == 0


async def test_broken_films_are_refused_and_the_association_goes_on(listening: Listening) -> None:
    def send() -> list[int]:
        assoc = call(listening)
        statuses = []
        for broken in (dataset(StudyInstanceUID="../../etc"), dataset(SeriesInstanceUID="1" * 80), dataset()):
            broken.file_meta = pydicom.dcmread(BytesIO(film())).file_meta
            statuses.append(assoc.send_c_store(broken).Status)
        assoc.release()
        return statuses

    first, second, third = await asyncio.to_thread(send)
    assert first != 0
    assert second != 0
    assert third == 0


# ---------------------------------------------------------------- searches


async def test_studies_series_and_films_are_found(listening: Listening, stations: Stations) -> None:
    films = ct_series(3, PatientName="Wang^Fang=王^芳")
    for data in films:
        assert await store(listening, data) == 0
    study, series, _ = uids(films[0])
    found = await find(
        listening, QueryRetrieveLevel="STUDY", PatientName="wang*", StudyDate="20260101-20261231", StudyInstanceUID="",
        NumberOfStudyRelatedInstances="", ModalitiesInStudy="",
    )  # fmt: skip
    assert [status for status, _ in found] == [0xFF00, 0x0000]
    answer = found[0][1]
    assert answer is not None
    assert (answer.StudyInstanceUID, answer.NumberOfStudyRelatedInstances, answer.ModalitiesInStudy) == (study, 3, "CT")
    assert str(answer.PatientName) == "Wang^Fang=王^芳"
    assert (answer.QueryRetrieveLevel, answer.RetrieveAETitle) == ("STUDY", AET)
    assert stations.witnessed[-1][1] is Action.SEARCH

    found = await find(
        listening, QueryRetrieveLevel="SERIES", StudyInstanceUID=study, SeriesInstanceUID="", Modality=""
    )
    assert [each.SeriesInstanceUID for _, each in found if each] == [series]
    found = await find(
        listening, QueryRetrieveLevel="IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID="",
        InstanceNumber="",
    )  # fmt: skip
    assert {each.SOPInstanceUID for _, each in found if each} == {uids(data)[2] for data in films}


async def test_many_studies_of_a_patient_are_one_answer_at_patient_level(listening: Listening) -> None:
    for _ in range(3):
        assert await store(listening, film(PatientID="P7")) == 0
    found = await find(listening, FIND_PATIENT, QueryRetrieveLevel="PATIENT", PatientID="P*", PatientName="")
    assert [each.PatientID for _, each in found if each] == ["P7"]


async def test_more_answers_than_a_page_all_come(listening: Listening, archive: Archive, monkeypatch: Any) -> None:
    monkeypatch.setattr("dicom_store.dimse.find.PAGE", 2)
    for _ in range(5):
        assert await store(listening, film()) == 0
    found = await find(listening, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    assert len({each.StudyInstanceUID for _, each in found if each}) == 5


async def test_another_institution_finds_nothing(listening: Listening) -> None:
    data = film()
    assert await store(listening, data) == 0
    found = await find(listening, calling="WEST", QueryRetrieveLevel="STUDY", StudyInstanceUID=uids(data)[0])
    assert found == [(0x0000, None)]


@pytest.mark.parametrize(
    "keys",
    [{}, {"QueryRetrieveLevel": "GALAXY"}, {"QueryRetrieveLevel": "PATIENT", "PatientID": "1"},
     {"QueryRetrieveLevel": "STUDY", "StudyDate": "yesterday"},
     {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "not-a-uid"}],
)  # fmt: skip
async def test_a_search_that_is_not_understood_is_refused(listening: Listening, keys: dict[str, str]) -> None:
    ((status, answer),) = await find(listening, **({"PatientID": ""} | keys))
    assert (status, answer) == (0xA900, None)


async def test_a_search_with_a_broken_audit_tells_nothing(listening: Listening, stations: Stations) -> None:
    assert await store(listening, film()) == 0
    stations.audit_works = False
    assert await find(listening, QueryRetrieveLevel="STUDY", StudyInstanceUID="") == [(0xA700, None)]


# ---------------------------------------------------------------- retrieving

GET, MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"


def names(**keys: Any) -> Dataset:
    identifier = Dataset()
    for name, value in keys.items():
        setattr(identifier, name, value)
    return identifier


async def get(at: Listening, calling: str = "EAST", **keys: Any) -> tuple[list[int], dict[str, Dataset]]:
    """C-GET: the statuses, and what came."""
    came: dict[str, Dataset] = {}

    def keep(event: Any) -> int:
        came[event.dataset.SOPInstanceUID] = event.dataset
        return 0

    def ask() -> list[int]:
        entity = AE(ae_title=calling)
        entity.add_requested_context(GET)
        entity.add_requested_context(CT, "1.2.840.10008.1.2.1")
        role = build_role(CT, scp_role=True)
        assoc = entity.associate(
            "127.0.0.1", at.port, ae_title=AET, ext_neg=[role], evt_handlers=[(evt.EVT_C_STORE, keep)]
        )
        statuses = [status.Status for status, _ in assoc.send_c_get(names(**keys), GET)]
        assoc.release()
        return statuses

    return await asyncio.to_thread(ask), came


async def test_films_are_got_over_the_same_association(listening: Listening, stations: Stations) -> None:
    films = ct_series(3)
    for data in films:
        assert await store(listening, data) == 0
    study, series, instance = uids(films[0])
    statuses, came = await get(listening, QueryRetrieveLevel="STUDY", StudyInstanceUID=study)
    assert statuses[-1] == 0
    for data in films:
        sent = pydicom.dcmread(BytesIO(data))
        assert came[uids(data)[2]] == sent
    assert stations.witnessed[-1][1] is Action.READ
    level = {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": study, "SeriesInstanceUID": series}
    _, came = await get(listening, **level, SOPInstanceUID=instance)
    assert set(came) == {instance}


async def test_another_institution_gets_no_film(listening: Listening) -> None:
    data = film()
    assert await store(listening, data) == 0
    statuses, came = await get(listening, "WEST", QueryRetrieveLevel="STUDY", StudyInstanceUID=uids(data)[0])
    assert (statuses, came) == ([0], {})


@pytest.mark.parametrize("keys", [{}, {"StudyInstanceUID": "x"}, {"PatientID": "*"}])
async def test_a_request_that_means_everything_or_nothing_is_refused(
    listening: Listening, keys: dict[str, str]
) -> None:
    assert await store(listening, film()) == 0
    statuses, came = await get(listening, QueryRetrieveLevel="STUDY", **keys)
    assert statuses[-1] == 0xA900
    assert came == {}


@dcmtk
async def test_films_are_moved_to_a_registered_station_and_to_no_other(
    archive: Archive, stations: Stations, tmp_path: Path
) -> None:
    films = ct_series(4)
    came: dict[str, bytes] = {}
    peer = AE(ae_title="TELEPEER")
    peer.add_supported_context(CT, "1.2.840.10008.1.2.1")

    def keep(event: Any) -> int:
        came[event.request.AffectedSOPInstanceUID] = event.encoded_dataset(include_meta=False)
        return 0

    server = peer.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])

    async def places(ae_title: str) -> tuple[str, int] | None:
        return ("127.0.0.1", server.server_address[1]) if ae_title == "TELEPEER" else None

    try:
        async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, destinations=places) as at:
            for data in films:
                assert await store(at, data) == 0
            words = ["movescu", "-S", "-aet", "EAST", "-aec", AET, "-k", "QueryRetrieveLevel=STUDY"]
            asked = [*words, "-k", f"StudyInstanceUID={uids(films[0])[0]}"]
            assert await run(*asked, "-aem", "TELEPEER", "127.0.0.1", at.port) == 0
            assert came == {uids(data)[2]: raw_dataset(data) for data in films}
            came.clear()
            assert await run(*asked, "-aem", "ELSEWHERE", "127.0.0.1", at.port) != 0
            assert came == {}
    finally:
        await asyncio.to_thread(server.shutdown)


# ---------------------------------------------------------------- hostile peers


async def closes(port: int, sent: bytes, within: float = 10) -> bool:
    """Whether the listener ends a connection on which this was sent."""

    def talk() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=within) as peer:
            try:
                peer.sendall(sent)
                while peer.recv(4096):
                    pass
            except TimeoutError:
                return False
            except ConnectionError:
                return True
            return True

    return await asyncio.to_thread(talk)


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 64, b"\x01\x00\xff\xff\xff\xff", b"\x04\x00\xff\xff\xff\xff",
     b"\x01\x00\x00\x00\x00\x04abcd", b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00", b"\xff" * 4096],
)  # fmt: skip
async def test_nonsense_is_cut_off_and_others_go_on(archive: Archive, stations: Stations, sent: bytes) -> None:
    async with serve_dimse(
        archive, stations, ("127.0.0.1", 0), AET, limits=DimseLimits(begin=timedelta(seconds=1))
    ) as at:
        assert await closes(at.port, sent)
        assert await store(at, film()) == 0


async def test_a_silent_or_dripping_caller_is_cut_off(archive: Archive, stations: Stations) -> None:
    limits = DimseLimits(begin=timedelta(seconds=0.5), pause=timedelta(seconds=0.3), pdu=timedelta(seconds=1))
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, limits=limits) as at:
        assert await closes(at.port, b"")
        assert await closes(at.port, b"\x01\x00\x00\x00\x10\x00half")


async def over(at: Listening, data: bytes) -> int | None:
    """Send a film that may be too much; its status, None where the association was cut instead."""

    def send() -> int | None:
        assoc = call(at)
        ours = assoc.dul.socket.socket
        found = assoc.send_c_store(pydicom.dcmread(BytesIO(data)))
        status = getattr(found, "Status", None)
        if status is not None:
            assoc.release()
        ours.close()  # pynetdicom's requestor forgets it when it is cut off
        return status

    return await asyncio.to_thread(send)


async def test_a_film_over_the_limit_ends_its_association_only(archive: Archive, stations: Stations) -> None:
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, limits=DimseLimits(film_bytes=100_000)) as at:
        assert await over(at, film(size=512)) is None
        assert await over(at, film(size=16)) == 0


async def test_memory_is_shared_and_given_back(archive: Archive, stations: Stations) -> None:
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, limits=DimseLimits(held_bytes=700_000)) as at:
        for _ in range(4):  # 0.5 MB each: only one fits at a time
            assert await over(at, film(size=512)) == 0
        assert await over(at, film(size=768)) is None
        assert await over(at, film(size=512)) == 0


async def test_one_address_cannot_take_every_connection(archive: Archive, stations: Stations) -> None:
    async with serve_dimse(
        archive, stations, ("127.0.0.1", 0), AET, limits=DimseLimits(connections_per_address=3)
    ) as at:
        held = [socket.create_connection(("127.0.0.1", at.port)) for _ in range(3)]
        await asyncio.sleep(0.5)
        assert await closes(at.port, b"")
        for each in held:
            each.close()


async def test_the_listener_ends_with_associations_open(archive: Archive, stations: Stations) -> None:
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET) as at:
        assoc = await asyncio.to_thread(call, at)
        assert assoc.is_established
    async with asyncio.timeout(10):
        while assoc.is_established:
            await asyncio.sleep(0.05)
