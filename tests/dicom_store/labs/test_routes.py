import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.routes import MAX_BODY_BYTES, routes
from dicom_store.ports import Action, Scope
from tests.dicom_store.labs.conftest import Gate
from tests.dicom_store.labs.messages import oru
from tests.dicom_store.labs.test_form import body

Client = TestClient[web.Request, web.Application]


def as_(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


@pytest.fixture
async def client(ingest: LabIngest, gate: Gate, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    app = web.Application()
    app.add_routes(routes(ingest, gate, lambda message, _language: message))
    return await aiohttp_client(app)


async def posted(client: Client, **changes: Any) -> str:
    answer = await client.post("/labs/reports", json=body(**changes), headers=as_("doctor"))
    assert answer.status == 201
    found = await answer.json()
    assert answer.headers["Location"] == f"/labs/reports/{found['id']}"
    return str(found["id"])


async def test_a_typed_report_is_stored_and_read_back(client: Client, gate: Gate) -> None:
    kept = await posted(client)
    answer = await client.get(f"/labs/reports/{kept}", headers=as_("doctor"))
    found = await answer.json()
    assert found["patient"]["name"] == "王芳"
    assert found["critical"] is True
    potassium, antigen = found["observations"]
    assert potassium["value"] == {"kind": "numeric", "text": ">7.0", "number": "7.0", "comparator": ">"}
    assert potassium["computed"] == {"flag": "HH", "from": "typical"}
    assert potassium["range"] == {"text": "3.5-5.3", "low": "3.5", "high": "5.3"}
    assert antigen["computed"] == {"flag": "A", "from": "range"}
    assert gate.witnessed == [("doctor", Action.READ, (kept,))]
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_numbers_stay_as_typed(client: Client) -> None:
    raw = '{"patient":{"name":"x"},"observations":[{"name":"K","value":5.10},{"name":"Na","value":140}]}'
    answer = await client.post("/labs/reports", data=raw, headers={**as_("doctor"), "Content-Type": "application/json"})
    kept = (await answer.json())["id"]
    found = await (await client.get(f"/labs/reports/{kept}", headers=as_("doctor"))).json()
    assert [each["value"]["text"] for each in found["observations"]] == ["5.10", "140"]


async def test_another_institution_sees_and_changes_nothing(client: Client, gate: Gate) -> None:
    kept = await posted(client)
    for name in ("stranger", "reader"):
        for path in (kept, f"{kept}/versions", f"{kept}/attachments/0"):
            assert (await client.get(f"/labs/reports/{path}", headers=as_(name))).status == 404
        assert await (await client.get("/labs/reports", headers=as_(name))).json() == []
    correction = await client.post("/labs/reports", json=body(replaces=kept), headers=as_("stranger"))
    assert correction.status == 422
    assert gate.witnessed == []


async def test_who_holds_a_single_report_reads_that_one(client: Client, gate: Gate) -> None:
    kept, _other = await posted(client), await posted(client, order="2")
    gate.scopes["specialist"] = Scope(lab_reports=frozenset({kept}))
    found = await (await client.get("/labs/reports", headers=as_("specialist"))).json()
    assert [each["id"] for each in found] == [kept]
    assert gate.witnessed == [("specialist", Action.SEARCH, (kept,))]


async def test_nobody_reads_without_a_token(client: Client) -> None:
    for path in ("/labs/reports", "/labs/analytes", f"/labs/reports/{'0' * 32}"):
        assert (await client.get(path)).status == 401
    assert (await client.post("/labs/reports", json=body())).status == 401


async def test_who_may_not_store_is_told(client: Client) -> None:
    assert (await client.post("/labs/reports", json=body(), headers=as_("reader"))).status == 403
    other = await client.post("/labs/reports", json=body(reference="somebody-elses"), headers=as_("doctor"))
    assert other.status == 403


async def test_a_correction_is_a_new_version(client: Client) -> None:
    first = await posted(client)
    second = await posted(client, replaces=first, comment="复核后更正")
    found = await (await client.get(f"/labs/reports/{first}/versions", headers=as_("doctor"))).json()
    assert [(each["id"], each["version"]) for each in found] == [(first, 1), (second, 2)]
    stale = await client.post("/labs/reports", json=body(replaces=first), headers=as_("doctor"))
    assert (stale.status, (await stale.json())["code"]) == (422, "not_current")


async def test_a_search_finds_by_patient(client: Client) -> None:
    kept = await posted(client)
    for query, expected in (("identifier=T1", [kept]), ("identifier=T2", []), ("name=王芳&critical=true", [kept])):
        found = await (await client.get(f"/labs/reports?{query}", headers=as_("doctor"))).json()
        assert [each["id"] for each in found] == expected


@pytest.mark.parametrize(
    "query", ["pateint=1", "since=yesterday", "since=2026-01-01", "limit=x", "limit=-1", "limit=²"]
)
async def test_a_search_that_is_not_understood_is_refused(client: Client, query: str) -> None:
    answer = await client.get(f"/labs/reports?{query}", headers=as_("doctor"))
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"a":NaN}', b"[" * 200_000, b'{"patient":{"name":"\\ud800"}}',
     b'{"observations":' + b"[" * 100_000, b"x" * (MAX_BODY_BYTES + 1), b'{"value": 1' + b"0" * 5000 + b"}"],
)  # fmt: skip
async def test_a_hostile_body_gets_a_clear_reason(client: Client, raw: bytes) -> None:
    headers = {**as_("doctor"), "Content-Type": "application/json"}
    answer = await client.post("/labs/reports", data=io.BytesIO(raw), headers=headers)
    assert answer.status == (413 if len(raw) > MAX_BODY_BYTES else 422)
    assert (await answer.json())["code"]


async def test_other_types_and_compression_are_refused(client: Client) -> None:
    for headers in ({"Content-Type": "text/html"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
        answer = await client.post("/labs/reports", data=b"{}", headers={**as_("doctor"), **headers})
        assert answer.status == 415


async def test_a_document_in_a_report_never_opens_as_a_page(client: Client, ingest: LabIngest) -> None:
    script = "ED|1^x^L||^text^HTML^Base64^PHNjcmlwdD4="
    picture = "ED|2^x^L||^Image^PNG^Base64^iVBORw0="
    await ingest.answer(oru(script, picture).encode(), "127.0.0.1")
    (found,) = await (await client.get("/labs/reports", headers=as_("doctor"))).json()
    assert [each["value"].get("content") for each in found["observations"]] == [None, None]
    document = await client.get(f"/labs/reports/{found['id']}/attachments/0", headers=as_("doctor"))
    assert document.content_type == "application/octet-stream"
    assert document.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in document.headers["Content-Security-Policy"]
    assert await document.read() == b"<script>"
    shown = await client.get(f"/labs/reports/{found['id']}/attachments/1", headers=as_("doctor"))
    assert shown.content_type == "image/png"
    assert (await client.get(f"/labs/reports/{found['id']}/attachments/9", headers=as_("doctor"))).status == 404


async def test_the_analyte_table_serves_forms(client: Client) -> None:
    found = await (await client.get("/labs/analytes", headers=as_("doctor"))).json()
    potassium = next(each for each in found["analytes"] if each["abbreviation"] == "K")
    assert potassium["zh"] == "钾"
    assert potassium["male"] == {"low": "3.5", "high": "5.3"}


async def test_every_route_names_its_permission(ingest: LabIngest, gate: Gate) -> None:
    for each in routes(ingest, gate, lambda message, _language: message):
        assert isinstance(each.handler.permission, Action)  # type: ignore[union-attr]
