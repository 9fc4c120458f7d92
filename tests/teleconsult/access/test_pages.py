import pytest

from tests.builders.browsing import browsed
from tests.builders.cases import PASSWORD


@pytest.fixture
async def site(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client) as made:
        yield made


async def test_a_wrong_password_says_so_and_keeps_the_login(site):
    page = await site.stranger().post("/login", {"login": "nobody", "password": "wrong"})
    assert (page.status, dict(page.forms[0].fields)["login"]) == (401, "nobody")
    assert "The login name or the password is wrong." in page.text


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"])
async def test_the_login_leads_nowhere_else(site, goal):
    user = await site.house.people.user(site.house.requester.id)
    page = await site.stranger().post("/login", {"login": user.login, "password": PASSWORD, "next": goal})
    assert page.path == "/"


async def test_the_login_leads_back_to_where_one_wanted(site):
    user = await site.house.people.user(site.house.requester.id)
    fields = {"login": user.login, "password": PASSWORD, "next": "/worklist?kind=ecg"}
    assert (await site.stranger().post("/login", fields)).path == "/worklist?kind=ecg"


async def test_logging_out_ends_the_session(site):
    browser = await site.browser(site.house.requester)
    page = await browser.get("/")
    page = await browser.submit(page, "/logout")
    assert page.path == "/login"
    assert (await browser.get("/")).path == "/login"


async def test_a_changed_password_must_be_known_and_good(site):
    browser = await site.browser(site.house.requester)
    page = await browser.get("/account")
    page = await browser.submit(page, "/account/password", old_password="wrong", new_password="a quiet green valley")
    assert (page.status, "#old_password" in page.links) == (422, True)
    page = await browser.submit(page, "/account/password", old_password=PASSWORD, new_password="short")
    assert (page.status, "#new_password" in page.links) == (422, True)
    page = await browser.submit(page, "/account/password", old_password=PASSWORD, new_password="a quiet green valley")
    assert page.path == "/account?done=password"


async def test_another_session_can_be_ended(site):
    first, second = await site.browser(site.house.requester), await site.browser(site.house.requester)
    page = await first.get("/account")
    ends = next(form.action for form in page.forms if form.action.endswith("/end"))
    page = await first.submit(page, ends)
    assert page.path == "/account?done=ended"
    assert (await second.get("/")).path == "/login"


async def test_the_language_is_changed_and_stays(site):
    browser = await site.browser(site.house.requester)
    page = await browser.get("/language?to=zh_CN&back=/account")
    assert (page.path, "我的账户" in page.text) == ("/account", True)
    assert "首页" in (await browser.get("/")).text
    assert (await browser.get("/language?to=xx&back=//evil.example")).path == "/"


async def test_a_form_without_its_token_is_refused(site):
    browser = await site.browser(site.house.requester)
    assert (await browser.post("/logout", {"csrf": "wrong"})).status == 403
