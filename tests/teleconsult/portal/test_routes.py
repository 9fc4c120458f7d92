"""The patient's whole way by JSON: link, code, visit, call; and whatever can go wrong, with the way on."""

from datetime import timedelta

import pytest
from aiohttp import ClientSession, CookieJar

from tests.builders.calls import last_words
from tests.builders.people import a_patient_actor


@pytest.fixture
async def booked(calls):
    consult = await calls.site.accepted()
    made = await calls.booked(consult, calls.site.doctor, note_to_patient="把药放在手边")
    calls.link = f"/api/v1/portal/links/{made.link.removeprefix('/p/')}"
    calls.consult = consult
    return made


async def code_of(calls):
    page = await calls.site.notifications.page(calls.site.doctor)
    return next(notice.fields["code"] for notice in page.items if notice.word == "patient.code")


async def test_from_the_link_to_the_call(calls, booked):
    status, view = await calls.ask("GET", calls.link)
    assert (status, view["state"], view["masked_name"], view["doctor"]["name"]) == (200, "code", "周*明", "doctor")
    status, view = await calls.ask("POST", f"{calls.link}/code")
    assert (view["state"], view["tries_left"], view["told_by_staff"]) == ("sent", 5, True)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as phone:
        body = {"code": await code_of(calls)}
        async with phone.post(calls.server.make_url(f"{calls.link}/enter"), json=body) as answer:
            assert answer.status == 200
            assert (await answer.json())["visit"] == booked.visit.id
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
        async with phone.get(calls.server.make_url("/api/v1/portal/home")) as answer:
            home = await answer.json()
            assert (home["name"], home["next_visit"]["note"]) == ("周启明", "把药放在手边")
        async with phone.get(calls.server.make_url(calls.link)) as answer:
            assert (await answer.json())["state"] == "ready"
    patient = a_patient_actor(calls.site.patient, calls.site.village)
    status, joined = await calls.ask("POST", f"/api/v1/portal/visits/{booked.visit.id}/calls", patient)
    assert (status, joined["purpose"]) == (201, "visit")
    socket = await calls.said_hello(joined["ticket"])
    assert (await socket.receive_json(timeout=10))["type"] == "waiting"
    await socket.close()


async def test_a_form_of_another_site_cannot_use_the_patients_cookie(calls, booked):
    await calls.ask("POST", f"{calls.link}/code")
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as phone:
        await phone.post(calls.server.make_url(f"{calls.link}/enter"), json={"code": await code_of(calls)})
        url = calls.server.make_url(f"/api/v1/portal/visits/{booked.visit.id}/calls")
        async with phone.post(url) as answer:
            assert answer.status == 403
        async with phone.post(url, headers={"Origin": "https://evil.example"}) as answer:
            assert answer.status == 403


async def test_a_wrong_code_says_how_often_it_may_still_be_tried(calls, booked):
    await calls.ask("POST", f"{calls.link}/code")
    status, told = await calls.ask("POST", f"{calls.link}/enter", json={"code": "abc"})
    assert (status, told["tries_left"], "code" in told["errors"]) == (422, 4, True)


async def test_an_old_link_says_so_and_a_code_renews_it(calls, booked):
    calls.site.clock.turn(days=4)
    _, view = await calls.ask("GET", calls.link)
    assert (view["state"], view["starts_at"] is not None) == ("old", True)
    await calls.ask("POST", f"{calls.link}/code")
    status, _ = await calls.ask("POST", f"{calls.link}/enter", json={"code": await code_of(calls)})
    assert status == 200
    _, view = await calls.ask("GET", calls.link)
    assert view["state"] == "code"


async def test_an_unknown_link_is_a_page_and_not_a_wall(calls):
    status, view = await calls.ask("GET", "/api/v1/portal/links/AAAAAAAAAAAAAAAAAAAAAA")
    assert (status, view["state"], view["masked_name"]) == (200, "unknown", "")
    status, told = await calls.ask("POST", "/api/v1/portal/links/AAAAAAAAAAAAAAAAAAAAAA/code")
    assert (status, told["code"]) == (404, "link_unknown")


async def test_a_visit_that_was_called_off_says_so(calls, booked):
    status, _ = await calls.ask(
        "POST",
        f"/api/v1/followups/{booked.visit.id}/moves",
        calls.site.doctor,
        json={"move": "cancel", "version": 1, "reason": "医生停诊"},
    )
    assert status == 200
    _, view = await calls.ask("GET", calls.link)
    assert view["state"] == "cancelled"


async def test_the_patient_sees_that_the_doctor_is_there(calls, booked):
    patient = a_patient_actor(calls.site.patient, calls.site.village)
    path = f"/api/v1/portal/visits/{booked.visit.id}"
    assert not (await calls.ask("GET", path, patient))[1]["doctor_is_there"]
    socket, _ = await calls.in_call(calls.site.doctor, calls.consult, booked.visit.id)
    await calls.heard()
    assert (await calls.ask("GET", path, patient))[1]["doctor_is_there"]
    await socket.send_json({"type": "leave"})
    await last_words(socket)
    await calls.heard()
    assert not (await calls.ask("GET", path, patient))[1]["doctor_is_there"]


async def test_staff_and_other_patients_find_nothing_here(calls, booked):
    status, _ = await calls.ask("GET", "/api/v1/portal/home", calls.site.doctor)
    assert status == 403
    path = f"/api/v1/portal/visits/{booked.visit.id}"
    status, _ = await calls.ask("GET", path)
    assert status == 401


async def test_another_visit_that_is_booked_is_not_among_the_earlier_ones(calls, booked):
    other = await calls.booked(calls.consult, calls.site.doctor, starts_at=calls.now + timedelta(days=3))
    patient = a_patient_actor(calls.site.patient, calls.site.village)
    _, home = await calls.ask("GET", "/api/v1/portal/home", patient)
    assert home["next_visit"]["id"] == booked.visit.id
    assert [one["id"] for one in home["later"]] == [other.visit.id]
    assert home["past"] == []
