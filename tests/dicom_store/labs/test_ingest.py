import asyncio

import pytest
from sqlalchemy import func, select

from dicom_store.errors import Unavailable
from dicom_store.labs.hl7 import parse
from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.model import Flag
from dicom_store.labs.store import LabSearch, LabStore
from dicom_store.labs.tables import lab_reports
from dicom_store.model import Door
from dicom_store.ports import Action, Caller, Scope
from dicom_store.storage.index import Index
from tests.dicom_store.labs.conftest import INTEROP, VILLAGE, Clock, Gate
from tests.dicom_store.labs.messages import POTASSIUM, WBC, oru

OWN = Scope(institutions=frozenset({VILLAGE}))


def verdict(answer: bytes) -> str:
    return parse_ack(answer)[0]


def parse_ack(answer: bytes) -> tuple[str, str]:
    message = parse(answer)
    return message.segments[1].get(1), message.segments[1].get(2)


async def count(index: Index) -> int:
    return int((await index.rows(select(func.count()).select_from(lab_reports)))[0][0])


async def test_a_message_is_kept_and_then_accepted(ingest: LabIngest) -> None:
    assert parse_ack(await ingest.answer(oru(WBC, POTASSIUM).encode(), "127.0.0.1")) == ("AA", "M1")
    (kept,) = await ingest.store.search(OWN, LabSearch(identifier="T000123"))
    assert kept.origin.door is Door.MLLP
    assert kept.origin.caller == "station"
    wbc, potassium = kept.report.observations
    assert (wbc.ucum, wbc.computed, wbc.computed_from) == ("10*9/L", Flag.HIGH, "range")
    assert (potassium.computed, potassium.critical) == (Flag.VERY_HIGH, True)


async def test_a_message_sent_again_is_accepted_again_and_kept_once(ingest: LabIngest, index: Index) -> None:
    raw = oru(WBC)
    assert verdict(await ingest.answer(raw.encode(), "127.0.0.1")) == "AA"
    later = raw.replace("|20260310101500|", "|20260310111500|")
    assert verdict(await ingest.answer(later.encode(), "127.0.0.1")) == "AA"
    assert await count(index) == 1


async def test_an_analyser_that_counts_anew_loses_nothing(ingest: LabIngest, index: Index) -> None:
    await ingest.answer(oru(WBC).encode(), "127.0.0.1")
    await ingest.answer(oru(WBC, name="李^四").encode(), "127.0.0.1")
    assert await count(index) == 2


async def test_the_same_message_fifty_times_at_once_is_one_report(ingest: LabIngest, index: Index) -> None:
    raw = oru(WBC).encode()
    answers = await asyncio.gather(*(ingest.answer(raw, "127.0.0.1") for _ in range(50)))
    assert {verdict(each) for each in answers} == {"AA"}
    assert await count(index) == 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (oru(WBC).replace("ORU^R01", "ADT^A01").encode(), ("AR", "M1")),
        (oru(WBC, app="STRANGER").encode(), ("AR", "M1")),
        (oru().encode(), ("AE", "M1")),
        (oru(WBC).replace("PID|", "ZID|").encode(), ("AE", "M1")),
        (oru(WBC).encode() + b"OBX|\xff\xff\r", ("AE", "M1")),
        (oru(WBC).encode() + b"ZZZ|1\r" * 10_001, ("AE", "M1")),
        (b"GET / HTTP/1.1\r\n\r\n", ("AR", "")),
        (b"", ("AR", "")),
    ],
)
async def test_what_is_not_kept_is_answered_with_its_reason(
    ingest: LabIngest, index: Index, raw: bytes, expected: tuple[str, str]
) -> None:
    answer = await ingest.answer(raw, "127.0.0.1")
    assert parse_ack(answer) == expected
    assert parse(answer).segments[1].get(3)
    assert await count(index) == 0


async def test_a_refusal_never_repeats_the_patient(ingest: LabIngest) -> None:
    answer = await ingest.answer(oru("TX|a||" + "x" * 70_000).encode(), "127.0.0.1")
    assert verdict(answer) == "AE"
    assert "测试" not in answer.decode()
    assert len(answer) < 1000


async def test_a_station_that_may_not_store_is_told(store: LabStore, clock: Clock) -> None:
    ingest = LabIngest(store, Gate({"station": Scope()}), clock)
    assert verdict(await ingest.answer(oru(WBC).encode(), "127.0.0.1")) == "AR"


async def test_with_the_clinic_away_the_sender_keeps_the_message(store: LabStore, clock: Clock) -> None:
    class Away(Gate):
        async def scope(self, caller: Caller, action: Action) -> Scope:
            raise Unavailable("The clinic does not answer.")

    away = LabIngest(store, Away({"station": OWN}), clock)
    assert verdict(await away.answer(oru(WBC).encode(), "127.0.0.1")) == "AR"


@pytest.mark.skipif(not INTEROP.exists(), reason="shared test data is not here")
async def test_every_real_message_is_accepted_or_refused_and_reads_back(ingest: LabIngest) -> None:
    verdicts: dict[str, int] = {}
    for path in sorted(INTEROP.glob("*/*.hl7")):
        raw = path.read_bytes()
        if b"|ORU^R01" in raw[:1000]:
            said = verdict(await ingest.answer(raw, "127.0.0.1"))
            verdicts[said] = verdicts.get(said, 0) + 1
    assert verdicts["AA"] >= 100
    assert set(verdicts) <= {"AA", "AE"}
    names = {kept.report.patient.name for kept in await ingest.store.search(OWN, LabSearch(identifier="T000123"))}
    assert names == {"测试甲一", "测试甲二", "测试甲三", "测试丁", "测试戊", "测试丙", "唡哵唦哱", "㑇𠮷𤭢"}
