import json

import pytest
from aiohttp import web

from teleconsult.http import assets


@pytest.fixture
def built(tmp_path, monkeypatch):
    (tmp_path / "dist" / ".vite").mkdir(parents=True)
    (tmp_path / "dist" / "assets").mkdir()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.css").write_text("a{}")
    (tmp_path / "dist" / "assets" / "main-x1.js").write_text("x" * 2000)
    (tmp_path / "dist" / "assets" / "main-x1.js.br").write_bytes(b"brotli")
    manifest = {"src/main.ts": {"file": "assets/main-x1.js", "css": ["assets/main-x1.css"]}}
    (tmp_path / "dist" / ".vite" / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(assets, "web_root", lambda: tmp_path)
    assets.forget_manifest()
    yield tmp_path
    assets.forget_manifest()


@pytest.fixture
async def client(built, aiohttp_client):
    from teleconsult.http.headers import set_headers

    app = web.Application()
    app.on_response_prepare.append(set_headers)
    assets.mount_files(app)
    return await aiohttp_client(app)


def test_names_become_addresses_by_content(built):
    assert assets.asset("src/main.ts") == "/assets/main-x1.js"
    assert assets.built_styles("src/main.ts") == ["/assets/main-x1.css"]
    assert assets.asset("a.css").startswith("/static/a.css?v=")
    assert assets.asset("not-there.css") == "/static/not-there.css"


def test_where_nothing_is_built_addresses_still_come_out(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "web_root", lambda: tmp_path)
    assets.forget_manifest()
    assert assets.asset("src/main.ts") == "/static/src/main.ts"
    assets.forget_manifest()


async def test_built_files_are_kept_for_ever_and_come_compressed(client):
    answer = await client.get("/assets/main-x1.js", headers={"Accept-Encoding": "br"}, auto_decompress=False)
    assert answer.headers["Content-Encoding"] == "br"
    assert "immutable" in answer.headers["Cache-Control"]


async def test_own_files_are_kept_for_ever_by_their_version_only(client):
    assert "immutable" in (await client.get(assets.asset("a.css"))).headers["Cache-Control"]
    assert "immutable" not in (await client.get("/static/a.css")).headers["Cache-Control"]
    assert (await client.get("/static/b.css?v=1")).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/static/../dist/.vite/manifest.json", "/static/%2e%2e/x", "/assets/..%2f..%2fetc"])
async def test_no_path_leaves_the_folder(client, path):
    from yarl import URL

    answer = await client.get(URL(path, encoded=True))
    assert answer.status in (403, 404)


async def test_own_styles_cross_the_line_squeezed(built, client):
    (built / "static" / "a.css").write_text("a{color:red}" * 500)
    answer = await client.get("/static/a.css", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < 200
    assert await answer.text() == "a{color:red}" * 500
    (built / "static" / "a.css").write_text("b{}")
    assert await (await client.get("/static/a.css")).text() == "b{}"


async def test_own_files_end_at_their_folder(built, client):
    (built / "secret").write_text("no")
    for path in ("/static/%2e%2e/secret", "/static/..%2fsecret", "/static/not-there.css", "/static/%2fetc%2fpasswd"):
        assert (await client.get(path)).status == 404
