from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from teleconsult.actor import Actor
from teleconsult.audit.models import AuditRow
from teleconsult.consults.ports import LabSummary, StudyRef, StudySummary
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound
from teleconsult.events import OutboxRow
from teleconsult.http.guard import Credentials, mount
from teleconsult.http.plumbing import Site, install
from teleconsult.results.ports import Analyte, KeptReport, KeptResult, NewReport, NewResult
from teleconsult.results.routes import ResultRoutes
from teleconsult.results.service import LabFields, Results
from tests.builders.cases import House, a_house
from tests.builders.clock import NOON
from tests.builders.database import a_vault

POTASSIUM = NewResult("钾", "6.9", "mmol/L", "3.5-5.3")


class Cupboard:
    """Satisfies `results.ports.LabStore` and `consults.ports.Archive`: keeps reports, judges potassium alone."""

    def __init__(self) -> None:
        self.kept: dict[str, KeptReport] = {}
        self.came: list[NewReport] = []

    async def add(self, actor: Actor, report: NewReport) -> str:
        number = f"lab-{len(self.kept) + 1}"
        self.came.append(report)
        results = tuple(self._judged(each) for each in report.results)
        at = report.collected_at or NOON
        self.kept[number] = KeptReport(number, actor.institution, report.title, at, NOON, results, report.laboratory)
        return number

    def _judged(self, result: NewResult) -> KeptResult:
        kept = KeptResult(result.name, result.value, result.unit, result.code, result.system, range=result.range)
        if not result.value.replace(".", "").isdecimal():
            return kept
        number = Decimal(result.value)
        kept = replace(kept, number=number)
        if result.code != "2823-3" or number <= Decimal("5.3"):
            return kept
        high = number > Decimal("6.5")
        return replace(kept, computed="HH" if high else "H", computed_from="range", critical=high)

    async def read(self, ids: Collection[str]) -> list[KeptReport]:
        return [self.kept[each] for each in ids if each in self.kept]

    def analytes(self) -> tuple[Analyte, ...]:
        return (Analyte("2823-3", "K", "钾", "Potassium", "mmol/L", "3.5–5.3"),)

    async def studies(self, refs: Collection[StudyRef]) -> list[StudySummary]:
        return []

    async def lab_reports(self, ids: Collection[str]) -> list[LabSummary]:
        found = await self.read(ids)
        return [
            LabSummary(each.id, each.institution, each.title, each.taken_at, len(each.results), 0) for each in found
        ]  # type: ignore[arg-type]


@pytest.fixture
def cupboard() -> Cupboard:
    return Cupboard()


@pytest.fixture
async def house(tmp_path: Path, cupboard: Cupboard) -> AsyncIterator[House]:
    async with a_house(tmp_path, archive=cupboard) as made:
        yield made


@pytest.fixture
def results(house: House, cupboard: Cupboard) -> Results:
    return Results(house.database, house.consults, cupboard, house.witness)


def typed(*found: NewResult, **more: Any) -> LabFields:
    return LabFields("电解质", found or (POTASSIUM,), **more)


async def test_a_typed_report_stands_on_the_consult_with_unit_range_and_flag(
    house: House, results: Results, cupboard: Cupboard
) -> None:
    consult = await house.accepted()
    number = await results.add(house.requester, consult, typed())
    (table,) = await results.tables_of(house.specialist, consult)
    row = table.rows[0]
    assert (table.id, table.laboratory) == (number, "石渡镇卫生院")
    assert (row.name, row.name_en, row.value, row.unit, row.range) == ("钾", "Potassium", "6.9", "mmol/L", "3.5-5.3")
    assert (row.flag, row.arrow, row.critical) == ("HH", "↑↑", True)
    came = cupboard.came[0]
    assert (came.patient_name, came.birth_date, came.reference) == ("周𠮷明", "1959-03-08", consult)
    assert (came.results[0].code, came.results[0].system) == ("2823-3", "LN")


async def test_a_critical_value_is_told_once(house: House, results: Results) -> None:
    consult = await house.accepted()
    number = await results.add(house.requester, consult, typed())
    assert not await results.note_critical(consult, number)
    await results.add(house.requester, consult, typed(replace(POTASSIUM, value="4.1")))
    async with house.database.read() as session:
        kinds = list(await session.scalars(select(OutboxRow.kind).where(OutboxRow.kind == "CriticalValue")))
    assert len(kinds) == 1


async def test_two_reports_show_the_course(house: House, results: Results) -> None:
    consult = await house.accepted()
    for days, value in ((3, "5.9"), (1, "4.4")):
        await results.add(
            house.requester,
            consult,
            typed(replace(POTASSIUM, value=value), collected_at=NOON - timedelta(days=days)),
        )
    newest, _ = await results.tables_of(house.requester, consult)
    assert [str(point.value) for point in newest.rows[0].trend] == ["5.9", "4.4"]


async def test_others_see_and_add_nothing(house: House, results: Results, cupboard: Cupboard) -> None:
    consult = await house.accepted()
    with pytest.raises(NotFound):
        await results.tables_of(house.outsider, consult)
    with pytest.raises(NotFound):
        await results.add(house.outsider, consult, typed())
    with pytest.raises(NotAllowed):
        await results.add(house.coordinator, consult, typed())
    assert cupboard.kept == {}


async def test_empty_or_future_values_are_refused_by_field(house: House, results: Results, cupboard: Cupboard) -> None:
    consult = await house.accepted()
    wrong = typed(NewResult("", "1"), NewResult("钾", " "), collected_at=NOON + timedelta(hours=1))
    with pytest.raises(FieldsRefused) as refused:
        await results.add(house.requester, consult, wrong)
    assert set(refused.value.errors) == {"results.0.name", "results.1.value", "collected_at"}
    assert cupboard.kept == {}


async def test_reading_results_is_noted(house: House, results: Results) -> None:
    consult = await house.accepted()
    assert await results.tables_of(house.specialist, consult) == ()
    await results.add(house.requester, consult, typed())
    await results.tables_of(house.specialist, consult)
    async with house.database.read() as session:
        read = list(await session.scalars(select(AuditRow.actor).where(AuditRow.action == "lab.read")))
    assert read == [house.specialist.id]


async def test_over_http(house: House, results: Results, aiohttp_client: Any) -> None:
    known = {"requester": house.requester, "outsider": house.outsider}

    async def identify(credentials: Credentials) -> Actor | None:
        return known.get(credentials.authorization.removeprefix("Bearer "))

    app = web.Application()
    install(app, identify, house.database, a_vault(), Site())
    mount(app, ResultRoutes(results).table())
    client = await aiohttp_client(app, auto_decompress=False)
    consult = await house.accepted()
    url = f"/api/v1/consults/{consult}/labs"
    by = {"Authorization": "Bearer requester"}
    body = {"title": "电解质", "results": [{"name": "钾", "value": "6.9", "unit": "mmol/L", "range": "3.5-5.3"}]}
    key = by | {"Idempotency-Key": "0123456789abcdef"}
    made = [await client.post(url, json=body, headers=key) for _ in range(2)]
    assert [each.status for each in made] == [201, 201]
    items = (await (await client.get(url, headers=by)).json())["items"]
    assert [(each["title"], each["critical"], each["rows"][0]["flag"]) for each in items] == [("电解质", 1, "HH")]
    for bad in ({}, {"results": []}, body | {"x": 1}, body | {"collected_at": "2026-11-20 08:00"}, {"results": [{}]}):
        assert (await client.post(url, json=bad, headers=by)).status == 422
    assert (await client.get(url, headers={"Authorization": "Bearer outsider"})).status == 404
    assert (await client.get(url)).status == 401
    assert len((await (await client.get("/api/v1/analytes", headers=by)).json())["items"]) == 1
