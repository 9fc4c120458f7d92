"""A modality that asks whether its films are safe is told so by an event, where it listens or where it asked."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from dicom_store.app import Archive
from dicom_store.dimse.commitment import MAX_FILMS, question_of
from dicom_store.dimse.listener import Listening, serve_dimse
from dicom_store.errors import QueryRefused
from tests.builders.films import ct_series, film, uids
from tests.dicom_store.dimse.conftest import AET, Stations
from tests.dicom_store.dimse.test_listener import CT, store

WELL_KNOWN = "1.2.840.10008.1.20.1.1"


def request(films: list[tuple[str, str]]) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = []
    for sop_class, instance in films:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        asked.ReferencedSOPSequence.append(item)
    return asked


class Told:
    """What a modality was told."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Dataset]] = []
        self.came = threading.Event()

    def hear(self, event: Any) -> tuple[int, None]:
        self.events.append((event.event_type, event.event_information))
        self.came.set()
        return 0, None


async def ask(
    at: Listening, asked: Dataset, told: Told | None = None, *, calling: str = "EAST", action: int = 1
) -> int | None:
    """Send an N-ACTION; with `told`, wait on the same association for the event."""

    def talk() -> int | None:
        entity = AE(ae_title=calling)
        entity.add_requested_context(StorageCommitmentPushModel)
        heard = [(evt.EVT_N_EVENT_REPORT, told.hear)] if told else []
        assoc = entity.associate("127.0.0.1", at.port, ae_title=AET, evt_handlers=heard)
        assert assoc.is_established
        status, _ = assoc.send_n_action(asked, action, StorageCommitmentPushModel, WELL_KNOWN)
        if told:
            assert told.came.wait(20)
        assoc.release()
        return getattr(status, "Status", None)

    return await asyncio.to_thread(talk)


async def test_over_the_association_that_asked(listening: Listening) -> None:
    films = ct_series(3)
    for data in films:
        assert await store(listening, data) == 0
    told = Told()
    asked = request([(CT, uids(data)[2]) for data in films])
    assert await ask(listening, asked, told) == 0
    (kind, what) = told.events[0]
    assert (kind, what.TransactionUID) == (1, asked.TransactionUID)
    assert [item.ReferencedSOPInstanceUID for item in what.ReferencedSOPSequence] == [uids(data)[2] for data in films]
    assert "FailedSOPSequence" not in what


async def test_what_is_not_here_or_of_another_class_is_named(listening: Listening) -> None:
    data = film()
    assert await store(listening, data) == 0
    told = Told()
    missing = generate_uid()
    asked = request([(CT, uids(data)[2]), (CT, missing), ("1.2.840.10008.5.1.4.1.1.4", uids(data)[2])])
    assert await ask(listening, asked, told) == 0
    (kind, what) = told.events[0]
    assert kind == 2
    assert [item.ReferencedSOPInstanceUID for item in what.ReferencedSOPSequence] == [uids(data)[2]]
    reasons = [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in what.FailedSOPSequence]
    assert reasons == [(missing, 0x0112), (uids(data)[2], 0x0119)]


async def test_another_institutions_films_are_not_safe_for_this_one(listening: Listening) -> None:
    data = film()
    assert await store(listening, data) == 0
    told = Told()
    assert await ask(listening, request([(CT, uids(data)[2])]), told, calling="WEST") == 0
    assert told.events[0][0] == 2


async def test_where_the_station_listens(archive: Archive, stations: Stations) -> None:
    told = Told()
    modality = AE(ae_title="EAST")
    modality.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    heard = [(evt.EVT_N_EVENT_REPORT, told.hear)]
    server = modality.start_server(("127.0.0.1", 0), block=False, evt_handlers=heard)

    async def places(ae_title: str) -> tuple[str, int] | None:
        return ("127.0.0.1", server.server_address[1]) if ae_title == "EAST" else None

    try:
        async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, destinations=places) as at:
            data = film()
            assert await store(at, data) == 0
            asked = request([(CT, uids(data)[2])])
            assert await ask(at, asked) == 0
            assert await asyncio.to_thread(told.came.wait, 20)
            assert (told.events[0][0], told.events[0][1].TransactionUID) == (1, asked.TransactionUID)
    finally:
        await asyncio.to_thread(server.shutdown)


async def test_questions_that_are_none_are_refused(listening: Listening) -> None:
    assert await ask(listening, request([])) == 0x0115
    assert await ask(listening, request([(CT, "1.2.3")]), action=2) == 0x0123
    assert await ask(listening, request([(CT, "1.2.3")]), calling="READER") == 0x0124


@pytest.mark.parametrize("change", ["no transaction", "bad uid", "too many"])
def test_a_question_is_bounded(change: str) -> None:
    asked = request([(CT, "1.2.3")])
    if change == "no transaction":
        del asked.TransactionUID
    elif change == "bad uid":
        asked.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "../x"
    else:
        asked.ReferencedSOPSequence = list(asked.ReferencedSOPSequence) * (MAX_FILMS + 1)
    with pytest.raises(QueryRefused):
        question_of(asked)
