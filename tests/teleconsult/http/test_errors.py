import re

import pytest

COOKIE = {"teleconsult_session": "wang"}


@pytest.mark.parametrize(
    ("kind", "status", "members"),
    [
        ("stale", 409, {"code": "stale", "version": 7, "moves": []}),
        ("step", 409, {"code": "not_allowed", "moves": ["submit", "withdraw"]}),
        ("missing", 404, {"code": "not_found"}),
        ("often", 429, {"code": "too_many", "detail": "Too many tries. Please wait 9 seconds."}),
        ("away", 503, {"code": "unavailable", "detail": "The archive does not answer."}),
        ("bug", 500, {"code": "bug"}),
    ],
)
async def test_programs_are_told_problem_details(client, kind, status, members):
    answer = await client.get(f"/api/v1/errors/{kind}?lang=en")
    told = await answer.json()
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    assert members.items() <= told.items()
    assert told["status"] == status
    assert re.fullmatch("[2-9A-Z]{6}", told["support"])


async def test_a_bug_shows_nothing_of_itself(client):
    for path in ("/api/v1/errors/bug", "/errors/bug"):
        answer = await client.get(path, cookies=COOKIE)
        assert answer.status == 500
        assert "Wang Fang" not in await answer.text()


async def test_when_to_try_again_is_told(client):
    assert (await client.get("/api/v1/errors/often")).headers["Retry-After"] == "9"
    assert (await client.get("/api/v1/errors/away")).headers["Retry-After"] == "3"


@pytest.mark.parametrize("kind", ["stale", "missing", "often", "away"])
async def test_people_are_told_a_page(client, kind):
    answer = await client.get(f"/errors/{kind}", cookies=COOKIE)
    assert answer.content_type == "text/html"
    assert "<h1" in await answer.text()


async def test_what_is_not_there_is_a_page_for_people_and_json_for_programs(client):
    page = await client.get("/nowhere", headers={"Accept": "text/html"})
    assert (page.status, page.content_type) == (404, "text/html")
    for path in ("/nowhere", "/api/v1/nowhere"):
        answer = await client.get(path, headers={"Accept": "*/*"})
        assert (answer.status, (await answer.json())["code"]) == (404, "not_found")


async def test_a_wrong_method_says_which_are_right(client):
    answer = await client.delete("/api/v1/things", headers={"Authorization": "Bearer wang"})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD,POST")


async def test_what_was_typed_into_the_address_is_not_html(client):
    answer = await client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert "<script>alert" not in await answer.text()
