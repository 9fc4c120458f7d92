import pytest

from teleconsult.results.pages import filled_rows, put_back, shown_rows
from tests.builders.browsing import browsed


@pytest.fixture
async def site(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client) as made:
        yield made


def _rows(*rows: tuple[str, str, str, str], start: int = 0) -> dict[str, str]:
    cells = ("name", "value", "unit", "range")
    return {
        f"results.{at}.{cell}": text
        for at, row in enumerate(rows, start)
        for cell, text in zip(cells, row, strict=True)
    }


async def test_a_typed_report_stands_on_the_consult_with_flags(site):
    consult, doctor = await site.house.accepted(), await site.browser(site.house.requester)
    path = f"/consults/{consult}/labs/new"
    page = await doctor.get(path)
    rows = _rows(("血红蛋白", "98", "g/L", "130-175"), ("", "", "", ""), ("白细胞", "7.2", "10*9/L", "3.5-9.5"))
    page = await doctor.submit(page, path, title="血常规", **rows)
    assert page.path == f"/consults/{consult}?done=labs"
    assert "98 g/L" in page.text
    assert "↓ L" in page.text


async def test_a_row_without_its_result_is_named_where_it_stands(site):
    consult, doctor = await site.house.accepted(), await site.browser(site.house.requester)
    path = f"/consults/{consult}/labs/new"
    page = await doctor.submit(await doctor.get(path), path, **_rows(("血红蛋白", "", "g/L", ""), start=4))
    assert (page.status, "#results-4-value" in page.links) == (422, True)
    assert dict(page.form(path).fields)["results.4.name"] == "血红蛋白"


async def test_an_empty_report_is_refused(site):
    consult, doctor = await site.house.accepted(), await site.browser(site.house.requester)
    path = f"/consults/{consult}/labs/new"
    assert (await doctor.submit(await doctor.get(path), path, title="血常规")).status == 422


async def test_sent_twice_it_is_one_report(site):
    consult, doctor = await site.house.accepted(), await site.browser(site.house.requester)
    path = f"/consults/{consult}/labs/new"
    page = await doctor.get(path)
    for _ in range(2):
        await doctor.submit(page, path, **_rows(("血红蛋白", "98", "g/L", "130-175")))
    assert len(site.cabinet.held) == 1


def test_only_filled_rows_count_and_errors_find_their_row():
    typed = {"results.2.name": "钾", "results.7.value": "4.1", "results.1.name": "  "}
    assert filled_rows(typed) == [2, 7]
    assert put_back({"results.1.name": "x", "title": "y"}, [2, 7]) == {"results.7.name": "x", "title": "y"}
    assert shown_rows(typed)[7]["value"] == "4.1"
