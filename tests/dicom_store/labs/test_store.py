import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dicom_store.errors import LabRefused, NotFound, Unavailable
from dicom_store.labs.model import LabPatient, LabReport, LabReportId, Numeric
from dicom_store.labs.store import LabSearch, LabStore, Resent
from dicom_store.labs.tables import lab_messages, lab_reports
from dicom_store.model import ArrivalKind, Door, Origin
from dicom_store.ports import LabReportStored, Scope
from dicom_store.storage.index import Index
from dicom_store.storage.keys import KeyRing
from tests.dicom_store.labs.conftest import TOWN, VILLAGE, Clock, observation

Make = Callable[..., LabReport]
ORIGIN = Origin(VILLAGE, Door.FORM, "doctor", "consult-7")
OWN = Scope(institutions=frozenset({VILLAGE}))


def corrected(report: LabReport) -> LabReport:
    return replace(report, observations=(observation(value=Numeric("11.9", Decimal("11.9"))),))


async def count(index: Index, table: object) -> int:
    return int((await index.rows(select(func.count()).select_from(table)))[0][0])  # type: ignore[arg-type]


async def test_a_kept_report_comes_back_as_it_was(store: LabStore, report: Make, clock: Clock) -> None:
    kept_id = await store.add(report(), ORIGIN)
    kept = await store.get(OWN, kept_id)
    assert kept.report == report()
    assert (kept.version, kept.replaces, kept.replaced_by) == (1, None, None)
    assert kept.origin == ORIGIN
    assert kept.received_at == clock.now


async def test_a_report_arrives_in_the_same_transaction(
    store: LabStore, index: Index, report: Make, heard: list[LabReportStored]
) -> None:
    kept_id = await store.add(report(), ORIGIN)
    (arrival,) = await index.arrivals_after(0)
    assert (arrival.kind, arrival.subject, arrival.origin) == (ArrivalKind.LAB, kept_id, ORIGIN)
    assert heard == [LabReportStored(kept_id, ORIGIN)]


async def test_nothing_of_a_patient_is_readable_in_the_database(
    store: LabStore, report: Make, tmp_path: Path, index: Index
) -> None:
    await store.add(report(), ORIGIN)
    await index.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("archive.db*"))
    for secret in ("王芳", "T000123", "白细胞", "1965-01-02"):
        assert secret.encode() not in raw


async def test_a_payload_moved_to_another_row_does_not_open(store: LabStore, report: Make, tmp_path: Path) -> None:
    first = await store.add(report(), ORIGIN)
    second = await store.add(report(order="FL2", patient=LabPatient("李四", "T9")), ORIGIN)
    with sqlite3.connect(tmp_path / "archive.db") as database:
        database.execute(
            "UPDATE lab_reports SET payload = (SELECT payload FROM lab_reports WHERE id = ?) WHERE id = ?",
            (second, first),
        )
    database.close()
    with pytest.raises(Unavailable):
        await store.get(OWN, first)


async def test_another_institutions_report_is_not_there(store: LabStore, report: Make) -> None:
    kept_id = await store.add(report(), ORIGIN)
    for scope in (Scope(), Scope(institutions=frozenset({TOWN})), Scope(lab_reports=frozenset({"f" * 32}))):
        with pytest.raises(NotFound):
            await store.get(scope, kept_id)
        with pytest.raises(NotFound):
            await store.versions(scope, kept_id)
        assert await store.search(scope, LabSearch()) == []
    assert (await store.get(Scope(lab_reports=frozenset({kept_id})), kept_id)).id == kept_id


async def test_a_corrected_report_is_a_new_version_that_names_the_old(store: LabStore, report: Make) -> None:
    first = await store.add(report(), ORIGIN)
    second = await store.add(corrected(report()), ORIGIN)
    assert second != first
    old, new = await store.versions(OWN, first)
    assert (old.id, old.replaced_by, new.id, new.replaces, new.version) == (first, second, second, first, 2)
    assert old.report == report()
    assert [each.id for each in await store.search(OWN, LabSearch())] == [second]
    assert {each.id for each in await store.search(OWN, LabSearch(all_versions=True))} == {first, second}


async def test_who_may_see_one_version_sees_only_that_one(store: LabStore, report: Make) -> None:
    first = await store.add(report(), ORIGIN)
    await store.add(corrected(report()), ORIGIN)
    assert [each.id for each in await store.versions(Scope(lab_reports=frozenset({first})), first)] == [first]


async def test_the_same_report_again_is_the_same_row(store: LabStore, index: Index, report: Make) -> None:
    first = await store.add(report(), ORIGIN)
    assert await store.add(report(), ORIGIN) == first
    assert await count(index, lab_reports) == 1
    assert len(await index.arrivals_after(0)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"patient": LabPatient("李四", "T000123")},
        {"patient": LabPatient("王芳", "T000999")},
        {"collected_at": datetime(2026, 3, 11, tzinfo=UTC)},
        {"sender": "LIS|别的医院"},
        {"panel": "电解质"},
        {"order": ""},
    ],
)
async def test_an_order_number_used_again_replaces_nobody_elses_report(
    store: LabStore, report: Make, changes: dict[str, object]
) -> None:
    first = await store.add(report(), ORIGIN)
    second = await store.add(report(**changes), ORIGIN)
    assert (await store.get(OWN, first)).replaced_by is None
    assert (await store.get(OWN, second)).version == 1


async def test_the_same_order_at_another_institution_is_another_report(store: LabStore, report: Make) -> None:
    first = await store.add(report(), ORIGIN)
    await store.add(corrected(report()), Origin(TOWN, Door.FORM, "stranger"))
    assert (await store.get(OWN, first)).replaced_by is None


async def test_a_person_corrects_by_naming_the_current_version(store: LabStore, report: Make) -> None:
    first = await store.add(report(order=""), ORIGIN)
    second = await store.add(corrected(report(order="")), ORIGIN, replaces=first)
    assert (await store.get(OWN, second)).version == 2
    for stale in (first, LabReportId("f" * 32)):
        with pytest.raises(LabRefused) as refused:
            await store.add(report(order=""), ORIGIN, replaces=stale)
        assert refused.value.code == "not_current"
    with pytest.raises(LabRefused):
        await store.add(report(), Origin(TOWN, Door.FORM, "stranger"), replaces=second)


async def test_a_message_sent_again_makes_no_second_row(store: LabStore, index: Index, report: Make) -> None:
    resent = Resent("LIS|县医院", "M1", b"digest")
    first = await store.add_all([report(), report(panel="电解质")], ORIGIN, resent)
    assert await store.add_all([report(), report(panel="电解质")], ORIGIN, resent) == first
    assert await count(index, lab_reports) == 2
    assert await count(index, lab_messages) == 1


async def test_a_message_with_one_bad_report_keeps_nothing(store: LabStore, index: Index, report: Make) -> None:
    with pytest.raises(LabRefused):
        await store.add_all([report(), report(observations=())], ORIGIN, Resent("a", "b", b"c"))
    assert await count(index, lab_reports) == 0
    assert await count(index, lab_messages) == 0


async def test_reports_are_found_by_patient_time_and_danger(store: LabStore, report: Make) -> None:
    day = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
    early = await store.add(report(collected_at=day - timedelta(days=30)), ORIGIN)
    late = await store.add(report(observations=(observation(critical=True),), order="FL2"), ORIGIN)
    other = await store.add(report(patient=LabPatient("Duck Donald", "x 9"), order="FL3"), ORIGIN)

    async def found(**words: object) -> list[str]:
        return [each.id for each in await store.search(OWN, LabSearch(**words))]  # type: ignore[arg-type]

    assert await found(identifier="t000123") == [late, early]
    assert await found(name="ｄｕｃｋ　ｄｏｎａｌｄ") == [other]
    assert await found(name="王 芳", since=day) == [late]
    assert await found(name="王芳", before=day) == [early]
    assert await found(critical=True) == [late]
    assert await found(limit=1) != await found(limit=1, offset=1)
    assert await found(identifier="T00012") == []


async def test_times_with_any_offset_are_compared_as_moments(store: LabStore, report: Make) -> None:
    china = timezone(timedelta(hours=8))
    kept = await store.add(report(collected_at=datetime(2026, 3, 10, 0, 30, tzinfo=china)), ORIGIN)
    search = LabSearch(since=datetime(2026, 3, 9, 16, tzinfo=UTC), before=datetime(2026, 3, 9, 17, tzinfo=UTC))
    assert [each.id for each in await store.search(OWN, search)] == [kept]


async def test_reports_under_an_old_key_are_still_found_and_read(
    store: LabStore, index: Index, report: Make, clock: Clock
) -> None:
    first = await store.add(report(), ORIGIN)
    renewed = LabStore(index, KeyRing(b"n" * 32, (b"k" * 32,)), clock)
    (found,) = await renewed.search(OWN, LabSearch(identifier="T000123"))
    assert found.id == first
    assert await renewed.add(report(), ORIGIN) == first
    second = await renewed.add(corrected(report()), ORIGIN)
    assert (await renewed.get(OWN, second)).replaces == first


async def test_reports_are_given_by_id_in_the_asked_order(store: LabStore, report: Make) -> None:
    ids = [await store.add(report(order=f"FL{place}"), ORIGIN) for place in range(3)]
    asked = [ids[2], "f" * 32, ids[0], ids[2]]
    assert [each.id for each in await store.of(asked)] == [ids[2], ids[0]]
