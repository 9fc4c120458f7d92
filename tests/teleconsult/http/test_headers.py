import pytest
from aiohttp import web

from teleconsult.http.headers import allow_wasm, content_policy

COOKIE = {"teleconsult_session": "wang"}


async def test_every_answer_is_guarded_and_not_kept(client):
    for path in ("/things", "/nowhere", "/api/v1/openapi.json", "/api/v1/errors/bug"):
        headers = (await client.get(path, cookies=COOKIE)).headers
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "teleconsult"
        assert "Strict-Transport-Security" not in headers


def test_only_the_reading_room_may_compile_webassembly():
    assert "unsafe" not in content_policy("own")
    assert "'wasm-unsafe-eval'" in content_policy("own", wasm=True)


@pytest.mark.parametrize("host", ["evil; script-src *", "a b", "x'", ""])
def test_a_host_header_adds_nothing_to_the_policy(host):
    assert content_policy(host) == content_policy("")
    assert "connect-src 'self';" in content_policy(host)


async def test_a_page_asks_for_webassembly_by_name(aiohttp_client, app):
    async def room(_request: web.Request) -> web.Response:
        made = web.Response(text="room")
        allow_wasm(made)
        return made

    app.router.add_get("/room", room)
    client = await aiohttp_client(app)
    assert "wasm-unsafe-eval" in (await client.get("/room")).headers["Content-Security-Policy"]
