"""The JSON doors of access, people and audit, served as the app serves them: real sessions, tokens, rows."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from teleconsult.access import cookies
from teleconsult.access.routes import AccessRoutes, identify_with
from teleconsult.access.service import SESSION_COOKIE
from teleconsult.actor import SYSTEM
from teleconsult.audit.routes import AuditRoutes
from teleconsult.audit.trail import Trail
from teleconsult.http.csrf import token_for
from teleconsult.http.guard import mount
from teleconsult.http.plumbing import SERVER_OPTIONS, Site, install
from teleconsult.http.routing import Public, post
from teleconsult.people.routes import PeopleRoutes
from teleconsult.people.state import Role
from tests.builders.database import a_vault
from tests.builders.people import a_user, an_id_number, an_institution
from tests.teleconsult.access.conftest import PASSWORD


@pytest.fixture
async def client(aiohttp_client, database, people, access):
    app = web.Application()
    install(app, identify_with(access), database, a_vault(), Site())
    for room in (AccessRoutes(access, people), PeopleRoutes(people), AuditRoutes(Trail(database))):
        mount(app, room.table())

    async def log_in(request: web.Request) -> web.Response:
        made = web.Response()
        cookies.set_session(request, made, await access.log_in("wang", PASSWORD, "192.0.2.7", "Chrome"))
        return made

    mount(app, [post("/login", log_in, Public.PUBLIC, page=True)])
    server = TestServer(app)
    await server.start_server(**SERVER_OPTIONS)
    return await aiohttp_client(server)


@pytest.fixture
async def bearer(access, doctor):
    return {"Authorization": f"Bearer {await access.make_token(doctor, doctor.id, 'test')}"}


async def test_me_tells_who_and_what(client, bearer, doctor):
    me = await (await client.get("/api/v1/me", headers=bearer)).json()
    assert (me["id"], me["institution"], me["roles"]) == (doctor.id, doctor.institution, ["requester"])
    assert me["institution_name"] == "柳林镇卫生院"
    assert "consult.create" in me["permissions"]


async def test_the_cookie_is_guarded(client, doctor):
    answer = await client.post("/login")
    cookie = answer.cookies[SESSION_COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert answer.cookies["lang"].value == "zh_CN"
    assert (await client.get("/api/v1/me")).status == 200


async def test_a_session_ended_elsewhere_is_out_at_once(client, access, doctor):
    await client.post("/login")
    [session] = (await (await client.get("/api/v1/me/sessions")).json())["items"]
    assert session["is_this"]
    headers = {"X-CSRF-Token": token_for(a_vault().subkey("csrf"), await _actor(client, access))}
    assert (await client.delete(f"/api/v1/me/sessions/{session['id']}")).status == 403
    assert (await client.delete(f"/api/v1/me/sessions/{session['id']}", headers=headers)).status == 204
    assert (await client.get("/api/v1/me")).status == 401


async def _actor(client, access):
    secret = next(cookie.value for cookie in client.session.cookie_jar if cookie.key == SESSION_COOKIE)
    return await access.identify("", {SESSION_COOKIE: secret}, "")


async def test_twenty_posts_of_one_patient_make_one(client, bearer):
    async def send():
        body = {"name": "王芳", "id_number": an_id_number(serial=2)}
        answer = await client.post("/api/v1/patients", json=body, headers=bearer | {"Idempotency-Key": "k"})
        return answer.status, answer.headers["Location"]

    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(send()) for _ in range(20)]
    assert {task.result()[0] for task in sent} == {201}
    assert len({task.result()[1] for task in sent}) == 1
    assert len((await (await client.get("/api/v1/patients?q=wf", headers=bearer)).json())["items"]) == 1


async def test_a_double_offers_the_patient_that_is_there(client, bearer):
    body = {"name": "王芳", "id_number": an_id_number(serial=2)}
    made = await (await client.post("/api/v1/patients", json=body, headers=bearer)).json()
    answer = await client.post("/api/v1/patients", json=body, headers=bearer)
    told = await answer.json()
    assert (answer.status, told["code"], told["patient"]) == (409, "patient_exists", made["id"])


async def test_a_patient_is_changed_on_top_of_the_version_read(client, bearer):
    made = await (await client.post("/api/v1/patients", json={"name": "王芳"}, headers=bearer)).json()
    place, body = f"/api/v1/patients/{made['id']}", {"name": "王芳", "phone": "13900001234", "version": 1}
    assert (await (await client.put(place, json=body, headers=bearer)).json())["version"] == 2
    stale = await client.put(place, json=body, headers=bearer)
    assert (stale.status, (await stale.json())["version"]) == (409, 2)
    assert (await (await client.get(place, headers=bearer)).json())["phone_last4"] == "1234"


async def test_a_wrong_identity_number_is_told_by_field(client, bearer):
    answer = await client.post(
        "/api/v1/patients", json={"name": "x", "id_number": "11010519491231002X1"}, headers=bearer
    )
    assert (answer.status, list((await answer.json())["errors"])) == (422, ["id_number"])


async def test_another_institutions_patient_is_not_found(client, bearer, people, access):
    made = await (await client.post("/api/v1/patients", json={"name": "王芳"}, headers=bearer)).json()
    stranger = await a_user(people, await an_institution(people, "县医院"), Role.REQUESTER)
    headers = {"Authorization": f"Bearer {await access.make_token(stranger, stranger.id, 'x')}"}
    place = f"/api/v1/patients/{made['id']}"
    assert (await client.get(place, headers=headers)).status == 404
    assert (await client.put(place, json={"name": "x", "version": 1}, headers=headers)).status == 404


@pytest.mark.parametrize("patient", ["x", "%00", "..%2f", "x" * 3000, "' OR 1=1 --", "%F0%9F%92%89"])
async def test_hostile_ids_are_not_found(client, bearer, patient):
    assert (await client.get(f"/api/v1/patients/{patient}", headers=bearer)).status in (400, 404)


async def test_only_auditors_and_administrators_read_the_audit(client, bearer, people, access, doctor):
    assert (await client.get("/api/v1/audit", headers=bearer)).status == 403
    auditor = await a_user(people, doctor.institution, Role.AUDITOR)
    headers = {"Authorization": f"Bearer {await access.make_token(auditor, auditor.id, 'x')}"}
    found = await (await client.get("/api/v1/audit?action=token.make", headers=headers)).json()
    assert {entry["actor"] for entry in found["items"]} == {doctor.id, auditor.id}
    assert found["next"] is None


async def test_specialists_and_institutions_are_listed(client, bearer, people):
    county = await an_institution(people, "县医院")
    department = await people.add_department(SYSTEM, county, "心内科")
    await a_user(people, county, Role.SPECIALIST, name="陈明", department=department.id)
    found = (await (await client.get(f"/api/v1/specialists?institution={county}", headers=bearer)).json())["items"]
    assert [(one["name"], one["department_name"]) for one in found] == [("陈明", "心内科")]
    places = (await (await client.get("/api/v1/institutions", headers=bearer)).json())["items"]
    assert {"name": "心内科", "id": department.id} in next(it for it in places if it["id"] == county)["departments"]


async def test_a_token_is_made_with_the_password_again(client, bearer):
    for password, status in (("wrong", 422), (PASSWORD, 201)):
        body = {"label": "script", "password": password}
        answer = await client.post("/api/v1/me/tokens", json=body, headers=bearer)
        assert answer.status == status
    secret = (await answer.json())["token"]
    assert (await client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})).status == 200


async def test_the_description_of_all_these_doors_is_whole(client):
    told = await (await client.get("/api/v1/openapi.json")).json()
    assert {"/api/v1/patients", "/api/v1/patients/{id}", "/api/v1/me", "/api/v1/audit"} <= told["paths"].keys()
