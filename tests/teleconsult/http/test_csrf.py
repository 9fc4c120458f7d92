import pytest

from teleconsult.http.csrf import token_for
from tests.builders.database import a_vault
from tests.teleconsult.http.conftest import PEOPLE

TOKEN = token_for(a_vault().subkey("csrf"), PEOPLE["wang"])
OTHERS = token_for(a_vault().subkey("csrf"), PEOPLE["chen"])
COOKIE = {"teleconsult_session": "wang"}
BEARER = {"Authorization": "Bearer wang"}
GOOD = {"X-CSRF-Token": TOKEN}
EVIL = {"Origin": "https://evil.example"}
OWN = {"Origin": "http://own"}


@pytest.mark.parametrize(
    ("cookies", "headers", "status"),
    [
        (COOKIE, {}, 403),
        (COOKIE, {"X-CSRF-Token": ""}, 403),
        (COOKIE, {"X-CSRF-Token": OTHERS}, 403),
        (COOKIE, {"X-CSRF-Token": "é"}, 403),
        (COOKIE, GOOD, 201),
        (COOKIE, GOOD | OWN, 201),
        (COOKIE, GOOD | {"Sec-Fetch-Site": "same-origin"}, 201),
        (COOKIE, GOOD | EVIL, 403),
        (COOKIE, GOOD | {"Origin": "null"}, 403),
        (COOKIE, GOOD | {"Origin": "http://own.evil.example"}, 403),
        (COOKIE, GOOD | {"Sec-Fetch-Site": "cross-site"}, 403),
        (COOKIE, GOOD | {"Sec-Fetch-Site": "same-site"}, 403),
        ({}, BEARER, 201),
        ({}, BEARER | EVIL, 201),
        (COOKIE, BEARER, 201),
        (COOKIE, {"Authorization": "Bearer nobody"} | GOOD, 401),
        ({}, {}, 401),
        ({}, EVIL, 403),
    ],
)
async def test_the_matrix(client, things, cookies, headers, status):
    answer = await client.post("/api/v1/things", json={"name": "x"}, cookies=cookies, headers={"Host": "own"} | headers)
    assert answer.status == status, await answer.text()
    assert things.made == (status == 201)


async def test_a_form_carries_the_token_in_a_field(client):
    for token, status in (("", 403), (OTHERS, 403), (TOKEN, 303)):
        answer = await client.post("/things", data={"name": "x", "csrf": token}, cookies=COOKIE, allow_redirects=False)
        assert answer.status == status


@pytest.mark.parametrize("kind", ["multipart/related; boundary=x", "application/dicom", "text/plain"])
async def test_the_archives_doors_ask_for_the_token_too(client, kind):
    send = {"data": b"film", "cookies": COOKIE}
    assert (await client.post("/dicomweb/studies", **send, headers={"Content-Type": kind})).status == 403
    answer = await client.post("/dicomweb/studies", **send, headers=GOOD | {"Content-Type": kind})
    assert (answer.status, await answer.text()) == (200, "4")


async def test_another_sites_page_opens_no_websocket(client):
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert (await client.get("/rtc", cookies=COOKIE, headers=upgrade | EVIL)).status == 403
    assert (await client.get("/rtc", cookies=COOKIE, headers=upgrade | OWN | {"Host": "own"})).status == 200


async def test_reading_needs_no_token(client):
    assert (await client.get("/things", cookies=COOKIE, headers=EVIL)).status == 200


async def test_a_public_form_from_another_site_is_refused(client):
    assert (await client.post("/public", data={"a": "b"})).status == 200
    assert (await client.post("/public", data={"a": "b"}, headers=EVIL)).status == 403


def test_a_stranger_has_no_token():
    assert token_for(b"key", None) == ""
