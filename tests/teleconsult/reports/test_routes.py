from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from teleconsult.actor import Actor
from teleconsult.http.guard import Credentials, mount
from teleconsult.http.plumbing import Site, install
from teleconsult.reports.routes import ReportRoutes
from tests.builders.cases import OPINION, PASSWORD, House, a_house
from tests.builders.database import a_vault

FRAME = {"study_uid": "1.2", "series_uid": "1.2.3", "instance_uid": "1.2.3.4", "frame": 7, "note": "结节"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def client(house: House, aiohttp_client: Any) -> TestClient[Any, Any]:
    known = {"requester": house.requester, "specialist": house.specialist, "outsider": house.outsider}

    async def identify(credentials: Credentials) -> Actor | None:
        return known.get(credentials.authorization.removeprefix("Bearer "))

    app = web.Application()
    install(app, identify, house.database, a_vault(), Site())
    mount(app, ReportRoutes(house.reports).table())
    return await aiohttp_client(app, auto_decompress=False)


def by(name: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", "Accept-Language": "en", **more}


async def test_an_opinion_is_written_signed_fetched_and_checked_over_http(client: Any, house: House) -> None:
    consult = await house.accepted()
    url = f"/api/v1/consults/{consult}"
    saved = await client.put(f"{url}/report", json=OPINION, headers=by("specialist"))
    assert (saved.status, (await saved.json())["version"]) == (200, 1)
    saved = await client.put(f"{url}/report", json={"version": 1, "opinion": "肺癌可能。"}, headers=by("specialist"))
    assert (await saved.json())["content"]["findings"] == OPINION["findings"]

    key = {"Idempotency-Key": "0123456789abcdef"}
    added = [await client.post(f"{url}/key-images", json=FRAME, headers=by("specialist", **key)) for _ in range(2)]
    assert [each.status for each in added] == [201, 201]
    items = (await (await client.get(f"{url}/key-images", headers=by("specialist"))).json())["items"]
    assert [(each["frame"], each["note"]) for each in items] == [(7, "结节")]
    assert items[0]["thumbnail_url"].startswith(
        "/dicomweb/studies/1.2/series/1.2.3/instances/1.2.3.4/frames/7/rendered"
    )

    preview = await client.get(f"{url}/report.pdf?draft=1", headers=by("specialist"))
    assert (preview.status, (await preview.read())[:5]) == (200, b"%PDF-")
    body = {"version": 2, "password": PASSWORD}
    signed = await client.post(f"{url}/report/sign", json=body, headers=by("specialist"))
    assert signed.status == 200
    report = await signed.json()

    got = await client.get(f"{url}/report.pdf", headers=by("requester"))
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["ETag"] == f'"{report["pdf_sha256"]}"'
    assert got.headers["Content-Disposition"].endswith('-v1.pdf"')
    pdf = await got.read()
    again = await client.get(f"{url}/report.pdf", headers=by("requester", **{"If-None-Match": got.headers["ETag"]}))
    assert (again.status, await again.read()) == (304, b"")

    verdict = await (await client.post("/api/v1/verify", data=pdf, headers={"Content-Type": "application/pdf"})).json()
    assert (verdict["genuine"], verdict["code"]) == (True, report["code"])
    form = aiohttp.FormData()
    form.add_field("file", pdf[:-3] + b"\0" + pdf[-2:], filename="opinion.pdf", content_type="application/pdf")
    verdict = await (await client.post("/api/v1/verify", data=form)).json()
    assert (verdict["genuine"], verdict["reason"]) == (False, "changed")
    found = await (await client.get(f"/api/v1/verify/{report['code']}")).json()
    assert (found["version"], found["superseded_by"]) == (1, 0)
    assert (await client.get("/api/v1/verify-authority.pem")).status == 200


async def test_measurements_may_come_as_columns_of_a_form(client: Any, house: House) -> None:
    consult = await house.accepted()
    body = {"measurement_name": ["长径", ""], "measurement_value": ["22 mm", ""], "measurement_place": ["第 142 层"]}
    saved = await client.put(f"/api/v1/consults/{consult}/report", json=body, headers=by("specialist"))
    assert (await saved.json())["content"]["measurements"] == [{"name": "长径", "value": "22 mm", "place": "第 142 层"}]


async def test_a_stale_save_says_so_and_which_version_is_there(client: Any, house: House) -> None:
    consult = await house.accepted()
    url = f"/api/v1/consults/{consult}/report"
    await client.put(url, json={"version": 0, **OPINION}, headers=by("specialist"))
    answer = await client.put(url, json={"version": 0, "opinion": "x"}, headers=by("specialist"))
    assert (answer.status, (await answer.json())["code"]) == (409, "stale")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("report", {"findings": "长" * 20_001}),
        ("report", {"opinion": 7}),
        ("report", {"finding": "perhaps"}),
        ("report", {"unknown": "x"}),
        ("report", {"version": -1}),
        ("report", {"measurements": [{"name": "x", "value": "1"}] * 61}),
        ("report", {"measurement_name": {"a": 1}}),
        ("report", {"labs": ["x"] * 51}),
    ],
)
async def test_bad_drafts_are_refused_and_nothing_is_kept(client: Any, house: House, path: str, body: Any) -> None:
    consult = await house.accepted()
    answer = await client.put(f"/api/v1/consults/{consult}/{path}", json=body, headers=by("specialist"))
    assert answer.status == 422
    standing = await (await client.get(f"/api/v1/consults/{consult}/report", headers=by("specialist"))).json()
    assert standing["draft"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"study_uid": "../../etc"},
        {"instance_uid": ""},
        {"frame": 0},
        {"frame": 1 << 40},
        {"window_width": 0},
        {"note": "x" * 201},
        {"study_uid": None},
    ],
)
async def test_bad_key_images_are_refused(client: Any, house: House, change: dict[str, Any]) -> None:
    consult = await house.accepted()
    url = f"/api/v1/consults/{consult}/key-images"
    answer = await client.post(url, json=FRAME | change, headers=by("specialist"))
    assert answer.status == 422
    assert (await (await client.get(url, headers=by("specialist"))).json())["items"] == []


async def test_others_get_404_for_everything_and_strangers_401(client: Any, house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    url = f"/api/v1/consults/{consult}"
    doors = [
        ("GET", "/report", None),
        ("PUT", "/report", {"opinion": "x"}),
        ("GET", "/report.pdf", None),
        ("GET", "/report.pdf?draft=1", None),
        ("POST", "/report/lock", {}),
        ("DELETE", "/report/lock", None),
        ("POST", "/report/sign", {"password": PASSWORD}),
        ("POST", "/report/amend", {"reason": "x"}),
        ("POST", "/report/audit", {}),
        ("POST", "/report/reject", {"reason": "x"}),
        ("GET", "/phrases", None),
        ("GET", "/key-images", None),
        ("POST", "/key-images", FRAME),
        ("DELETE", "/key-images/1", None),
    ]
    for method, path, body in doors:
        kept = {"json": body} if body is not None else {}
        assert (await client.request(method, url + path, headers=by("outsider"), **kept)).status == 404, path
        assert (await client.request(method, url + path, **kept)).status == 401, path


async def test_what_is_no_report_is_told_so_without_a_login(client: Any) -> None:
    for sent in (b"", b"GIF89a", b"%PDF-1.4\n" + b"\xff" * 5000):
        answer = await client.post("/api/v1/verify", data=sent, headers={"Content-Type": "application/pdf"})
        assert (answer.status, (await answer.json())["genuine"]) == (200, False)
    assert (await client.get("/api/v1/verify/XXXX-XXXX")).status == 404
