"""The JSON doors, served as the app serves them: real tokens, real rows."""

import asyncio
import io

import pytest
from aiohttp import web

from teleconsult.access.routes import identify_with
from teleconsult.access.service import Access
from teleconsult.agreements.routes import AgreementRoutes
from teleconsult.consults.clips import MOST_BYTES
from teleconsult.consults.routes import ConsultRoutes
from teleconsult.http.guard import mount
from teleconsult.http.plumbing import Site as Plumbing
from teleconsult.http.plumbing import install
from teleconsult.notifications.routes import NotificationRoutes
from tests.builders.consults import QUESTION
from tests.builders.people import cheap_passwords

API = "/api/v1/consults"
SOUND = b"\x1a\x45\xdf\xa3" + b"a voice " * 1000


class Phone:
    """Somebody at the API."""

    def __init__(self, client, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    async def say(self, method: str, path: str, body=None, **headers) -> tuple[int, dict]:
        answer = await self._client.request(
            method, path, json=body, headers=self._headers | {k.replace("_", "-"): v for k, v in headers.items()}
        )
        return answer.status, await answer.json()

    async def send(self, path: str, body: bytes, **headers) -> tuple[int, dict]:
        answer = await self._client.post(path, data=io.BytesIO(body), headers=self._headers | headers)
        return answer.status, await answer.json()

    async def fetch(self, path: str, **headers) -> tuple[int, dict, bytes]:
        answer = await self._client.get(path, headers=self._headers | headers)
        return answer.status, dict(answer.headers), await answer.read()

    async def move(self, consult: dict, move: str, **needs) -> tuple[int, dict]:
        return await self.say(
            "POST", f"{API}/{consult['id']}/moves", {"move": move, "version": consult["version"], **needs}
        )


@pytest.fixture
async def phones(site, aiohttp_client):
    access = Access(site.database, site.people, cheap_passwords())
    app = web.Application()
    install(app, identify_with(access), site.database, site.vault, Plumbing())
    rooms = (ConsultRoutes(site.consults), AgreementRoutes(site.agreements), NotificationRoutes(site.notifications))
    for room in rooms:
        mount(app, room.table())
    client = await aiohttp_client(app)
    return {name: Phone(client, await access.make_token(actor, actor.id, "test")) for name, actor in site.staff.items()}


def request(site, **changes) -> dict:
    return {
        "patient_id": site.patient,
        "question": QUESTION,
        "history": "咳嗽 2 周",
        "kind": "clinical",
        "priority": "urgent",
        "anticoagulants": "no",
        "target_institution_id": site.county,
        "consent_how": "paper",
    } | changes


async def drafted(site, phones) -> dict:
    status, consult = await phones["doctor"].say("POST", API, request(site))
    assert status == 201, consult
    return consult


def words(answer: dict) -> set[str]:
    return {offer["move"] for offer in answer["moves"]}


async def test_the_walk_from_draft_to_accepted_over_the_api(site, phones):
    consult = await drafted(site, phones)
    assert {"id", "number", "state", "version", "moves"} <= consult.keys()
    assert consult["state"] == "draft"
    (submit,) = [it for it in consult["moves"] if it["move"] == "submit"]
    assert [need["name"] for need in submit["needs"]] == ["reason"]
    status, consult = await phones["doctor"].move(consult, "submit", reason="影像在上传")
    assert (status, consult["state"], words(consult)) == (200, "triage", {"withdraw"})
    _, seen = await phones["coordinator"].say("GET", f"{API}/{consult['id']}")
    assert {"assign", "redirect", "reject", "return_for_material", "cancel"} == words(seen)
    status, _ = await phones["coordinator"].move(seen, "assign", specialist_id=site.specialist.id)
    assert status == 200
    _, seen = await phones["specialist"].say("GET", f"{API}/{consult['id']}")
    status, seen = await phones["specialist"].move(seen, "accept")
    assert (status, seen["state"]) == (200, "accepted")
    _, page = await phones["doctor"].say("GET", f"{API}?mine=true&state=accepted")
    assert [row["patient"]["name"] for row in page["items"]] == ["周启明"]


async def test_who_declines_is_told_that_it_is_done_but_sees_no_more(site, phones):
    consult = await site.accepted()
    status, answer = await phones["specialist"].move(
        {"id": consult.id, "version": consult.version}, "decline", reason="x"
    )
    assert (status, answer["state"], answer["moves"]) == (200, None, [])
    assert (await phones["specialist"].say("GET", f"{API}/{consult.id}"))[0] == 404


async def test_stale_and_not_allowed_are_409_with_the_moves(site, phones):
    consult = await drafted(site, phones)
    status, told = await phones["doctor"].move(consult | {"version": 7}, "submit")
    assert (status, told["code"], told["version"]) == (409, "stale", 1)
    assert "submit" in words(told)
    status, told = await phones["doctor"].move(consult, "accept")
    assert (status, told["code"]) == (409, "not_allowed")
    assert words(told) == {"submit", "withdraw"}


async def test_a_repeated_post_makes_one_consult_and_one_message(site, phones):
    answers = await asyncio.gather(
        *(phones["doctor"].say("POST", API, request(site), Idempotency_Key="k1") for _ in range(10))
    )
    assert len({answer["id"] for _, answer in answers}) == 1
    consult = await site.accepted()
    path = f"{API}/{consult.id}/messages"
    for _ in range(2):
        status, _ = await phones["doctor"].say("POST", path, {"text": "在吗"}, Idempotency_Key="k2")
        assert status == 201
    assert len((await phones["specialist"].say("GET", path))[1]["items"]) == 1


async def test_autosave_answers_the_new_version(site, phones):
    consult = await drafted(site, phones)
    path = f"{API}/{consult['id']}"
    status, saved = await phones["doctor"].say("PUT", path, {"version": 1, "question": "新的问题", "kind": "imaging"})
    assert (status, saved["version"]) == (200, 2)
    status, told = await phones["doctor"].say("PUT", path, {"version": 1, "question": "旧的"})
    assert (status, told["code"], told["version"]) == (409, "stale", 2)
    assert (await phones["doctor"].say("GET", path))[1]["question"] == "新的问题"


async def test_of_two_cases_each_specialist_knows_one(site, phones):
    mine = await site.accepted()
    from teleconsult.consults.state import Move

    other = await site.make(site.coordinator, await site.submitted(), Move.ASSIGN, specialist_id=site.third.id)
    for name, consult in (("third", mine), ("specialist", other), ("city_coordinator", mine), ("colleague", mine)):
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/timeline", None),
            ("GET", "/messages", None),
            ("GET", "/materials", None),
            ("POST", "/moves", {"move": "accept", "version": consult.version}),
            ("POST", "/messages", {"text": "x"}),
            ("POST", "/messages/seen", {"seen": 1}),
        ):
            status, told = await phones[name].say(method, f"{API}/{consult.id}{path}", body)
            assert status == 404, (name, path, told)
    status, told = await phones["third"].say("POST", f"{API}/{mine.id}/materials", {"study_uid": "1.2"})
    assert status == 404
    assert (await phones["third"].say("GET", f"{API}/unknown"))[1]["detail"] == told["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", "长" * 2001),
        ("history", "长" * 8001),
        ("kind", "surgery"),
        ("priority", "now"),
        ("patient_id", "../../etc/passwd"),
        ("patient_id", "' or 1=1 --"),
        ("target_institution_id", "x" * 65),
        ("consent_how", "telepathy"),
        ("surprise", 1),
        ("question", 7),
        ("question", ["a"]),
    ],
)
async def test_bad_fields_are_named_and_nothing_is_kept(site, phones, field, value):
    status, told = await phones["doctor"].say("POST", API, request(site, **{field: value}))
    assert (status, list(told["errors"])) == (422, [field])
    assert (await phones["doctor"].say("GET", API))[1]["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"move": "fly", "version": 1},
        {"move": "submit"},
        {"move": "submit", "version": 0},
        {"move": "submit", "version": 1, "reason": "长" * 2001},
        {"move": "submit", "version": 1, "items": [{"text": "x"}] * 31},
        {"move": "submit", "version": 1, "starts_at": "2026-11-20T10:00:00"},
        {"move": "submit", "version": 1, "member_ids": ["a"] * 21},
        {"move": "submit", "version": 1, "consent": {"how": "paper", "by": "dog"}},
        [],
        "submit",
        None,
    ],
)
async def test_bad_moves_are_refused_before_anything_is_looked_up(site, phones, body):
    consult = await drafted(site, phones)
    status, _ = await phones["doctor"].say("POST", f"{API}/{consult['id']}/moves", body)
    assert status in {400, 415, 422}
    assert (await phones["doctor"].say("GET", f"{API}/{consult['id']}"))[1]["version"] == 1


@pytest.mark.parametrize(
    "query", ["state=gone", "which=theirs", "cursor=%00", "q=" + "x" * 101, "unknown=1", "mine=maybe"]
)
async def test_bad_queries_are_refused(phones, query):
    status, _ = await phones["doctor"].say("GET", f"{API}?{query}")
    assert status in {400, 422}


async def test_materials_come_and_go_by_the_api(site, phones):
    site.shelf.add(site.village, "1.2.3")
    consult = await drafted(site, phones)
    path = f"{API}/{consult['id']}/materials"
    status, made = await phones["doctor"].say("POST", path, {"study_uid": "1.2.3"})
    assert (status, made["reference"], made["study"]["images"]) == (201, "1.2.3", 3)
    for bad in ({"study_uid": "../x"}, {}, {"study_uid": "1.2.3", "lab_report_id": "x"}, {"study_uid": "9.9"}):
        assert (await phones["doctor"].say("POST", path, bad))[0] == 422
    assert (await phones["doctor"].say("DELETE", f"{path}/{made['id']}"))[0] == 200
    assert (await phones["doctor"].say("GET", path))[1] == {"items": []}


async def test_agreements_and_the_consent_text_are_told(site, phones):
    _, told = await phones["doctor"].say("GET", "/api/v1/agreements")
    assert [item["invited_id"] for item in told["items"]] == [site.county]
    status, text = await phones["doctor"].say("GET", "/api/v1/consent-texts/current?language=en")
    assert (status, text["version"]) == (200, 1)
    assert "My doctor has explained" in text["body"]
    new = {"body": "我同意本次远程会诊，并已了解其目的、过程和费用以及可能的局限。"}
    assert (await phones["doctor"].say("POST", "/api/v1/consent-texts", new))[0] == 403
    status, text = await phones["administrator"].say("POST", "/api/v1/consent-texts", new)
    assert (status, text["version"]) == (201, 2)
    body = {"inviting_id": site.village, "invited_id": site.village, "title": "x", "starts_on": "2026-01-01"}
    assert (await phones["administrator"].say("POST", "/api/v1/agreements", body))[0] == 422


async def test_notices_are_listed_counted_and_marked(site, phones):
    from teleconsult.notifications.ports import Notice

    notice = Notice("consult.assign", "Request {number} was assigned.", "/consults/c", (("number", "HZ1"),))
    await site.notifications.tell([site.doctor.id], "c", "moved/c/2", notice)
    _, told = await phones["doctor"].say("GET", "/api/v1/notifications")
    assert (told["unread"], told["items"][0]["fields"]) == (1, {"number": "HZ1"})
    assert (await phones["coordinator"].say("GET", "/api/v1/notifications"))[1]["items"] == []
    status, told = await phones["doctor"].say("POST", "/api/v1/notifications/read", {"subject": "c"})
    assert (status, told["unread"]) == (200, 0)


async def test_a_spoken_message_is_sent_once_heard_in_stretches_and_never_too_large(phones, site):
    consult = await site.accepted()
    path, key = f"/api/v1/consults/{consult.id}/messages/voice", {"Idempotency-Key": "k1"}
    for _ in range(2):
        status, told = await phones["doctor"].send(path, SOUND, **key)
        assert status == 201
    assert len((await site.consults.messages(site.doctor, consult.id)).items) == 1
    status, headers, body = await phones["specialist"].fetch(f"{path}/{told['number']}", Range="bytes=4-11")
    assert (status, body, headers["Content-Type"]) == (206, b"a voice ", "audio/webm")
    assert "no-store" in headers["Cache-Control"]
    assert (await phones["doctor"].send(path, SOUND + bytes(MOST_BYTES)))[0] == 413
    assert (await phones["doctor"].send(path, b"words"))[0] == 422
    for hostile in ("x", "-1", "9" * 30, "1e3"):
        assert (await phones["doctor"].fetch(f"{path}/{hostile}"))[0] == 404
