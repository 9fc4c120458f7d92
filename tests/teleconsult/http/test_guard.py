from io import BytesIO

import pytest

WANG = {"Authorization": "Bearer wang"}
CHEN = {"Authorization": "Bearer chen"}
JSON = {"Content-Type": "application/json"}


async def test_a_stranger_is_told_to_log_in(client):
    answer = await client.post("/api/v1/things", json={"name": "x"})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await answer.json())["code"] == "not_identified"


async def test_a_strangers_browser_is_led_to_the_login_page_and_back(client):
    answer = await client.get("/things?x=1", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=%2Fthings%3Fx%3D1")


async def test_without_the_right_nothing_happens(client, things):
    answer = await client.post("/api/v1/things", json={"name": "x"}, headers=CHEN)
    assert (answer.status, things.made) == (403, 0)


async def test_with_the_right_the_handler_answers_with_the_routes_status(client):
    answer = await client.post("/api/v1/things", json={"name": " x "}, headers=WANG)
    assert (answer.status, await answer.json()) == (201, {"number": 1, "name": "x"})


async def test_every_wrong_field_is_named_with_what_to_do(client):
    body = {"name": "", "count": "many", "color": "red", "tags": [1]}
    answer = await client.post("/api/v1/things?lang=en", json=body, headers=WANG)
    told = await answer.json()
    assert answer.status == 422
    assert told["errors"] == {
        "name": "Please write a little more.",
        "count": "Please give a whole number.",
        "color": "This field is not known.",
        "tags.0": "Please give a text.",
    }


async def test_the_query_is_validated(client):
    good = await client.get("/api/v1/things?q=%E7%8E%8B&page=2&lang=en", headers=WANG)
    assert await good.json() == {"number": 2, "name": "王"}
    for bad in ("page=x", "page=1&page=2", "other=1"):
        assert (await client.get(f"/api/v1/things?{bad}", headers=WANG)).status == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"name": "x", "name": "y"}',
        b'{"name": "x", "count": NaN}',
        b'{"name": "x", "count": 1e999}',
        b'{"name": "x", "count": 99999999999999999999999}',
        b'{"name": "x", "count": ' + b"9" * 5000 + b"}",
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u001b[31m"}',
        b'{"na\\u0000me": "x"}',
        b'\xff\xfe{"name": "x"}',
        b"[" * 100_000,
        b'{"tags":' * 5000,
        b'{"name": "x", "tags": [' + b"1," * 60_000 + b"1]}",
    ],
)
async def test_hostile_json_is_refused_at_the_door(client, things, body):
    answer = await client.post("/api/v1/things", data=body, headers=WANG | JSON)
    assert answer.status == 400, await answer.text()
    assert things.made == 0


async def test_wrong_kinds_of_json_are_wrong_fields(client):
    for body in (b"[]", b'"x"', b"1", b"null"):
        answer = await client.post("/api/v1/things", data=body, headers=WANG | JSON)
        assert answer.status == 422


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_another_content_type_is_refused(client, kind):
    answer = await client.post("/api/v1/things", data=b'{"name": "x"}', headers=WANG | {"Content-Type": kind})
    assert answer.status == 415


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZIP"])
async def test_a_compressed_body_is_refused_at_every_door(client, coding):
    for path in ("/api/v1/things", "/dicomweb/studies"):
        headers = WANG | JSON | {"Content-Encoding": coding}
        answer = await client.post(path, data=b"\x1f\x8b" + b"0" * 50, headers=headers)
        assert answer.status in (400, 415)


async def test_a_body_above_the_limit_is_refused_announced_or_not(client):
    announced = await client.post("/api/v1/things", data=BytesIO(b"[" + b" " * (1 << 20)), headers=WANG | JSON)
    assert announced.status == 413

    async def pieces():
        for _ in range(40):
            yield b" " * (1 << 15)

    streamed = await client.post("/api/v1/things", data=pieces(), headers=WANG | JSON)
    assert streamed.status == 413


@pytest.mark.parametrize(
    "address", ["/api/v1/errors/%00", "/api/v1/errors/a%1b", "/api/v1/things?q=%00", "/api/v1/things?%00=1"]
)
async def test_an_address_with_control_characters_is_refused(client, address):
    from yarl import URL

    assert (await client.get(URL(address, encoded=True), headers=WANG)).status == 400
