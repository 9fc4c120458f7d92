import pytest
from aiohttp import web
from jinja2 import DictLoader, UndefinedError

from teleconsult.http import jinja
from teleconsult.http.jinja import environment, page

TEMPLATES = {
    "x.html": "{{ name }}|{{ _('No such text {n}', n=name) }}|{{ ngettext('{n} a', '{n} b', 2) }}"
    "|{{ csrf_token | length }}",
    "trans.html": "{% trans n=name %}Hello {{ n }}{% endtrans %}",
    "times.html": "{{ now | moment }}|{{ now | day }}|{{ now | left }}|{{ now | ago }}|{{ now | iso }}"
    "|{{ now | full_time }}",
    "broken.html": "{{ nobody }}",
    "powers.html": "{{ unit | powers }}|{{ range | powers }}",
    "back.html": "{{ back_path }}|{{ is_answer }}",
    "icon.html": "{{ icon('x') }}{{ icon('y', name) }}{{ path('/p/{id}', id=name) }}",
}


@pytest.fixture
def show(aiohttp_client, app, monkeypatch):
    for language in ("zh_CN", "en"):
        monkeypatch.setattr(environment(language), "loader", DictLoader(TEMPLATES))
        environment(language).cache.clear()

    async def get(template: str, **context) -> str:
        async def handler(request: web.Request) -> web.Response:
            return page(request, template, **context)

        app.router.add_get("/page", handler)
        client = await aiohttp_client(app)
        answer = await client.get("/page?lang=en", cookies={"teleconsult_session": "wang"})
        assert answer.status == 200, await answer.text()
        return await answer.text()

    yield get
    for language in ("zh_CN", "en"):
        environment(language).cache.clear()


async def test_what_people_typed_is_never_html(show):
    told = await show("x.html", name="<b>&")
    assert told == "&lt;b&gt;&amp;|No such text &lt;b&gt;&amp;|2 b|64"


async def test_trans_blocks_escape_too(show):
    assert await show("trans.html", name="<b>") == "Hello &lt;b&gt;"


async def test_times_are_told_in_the_sites_zone(show):
    assert await show("times.html") == (
        "today 12:00|today|0 minutes left|just now|2026-11-20T04:00:00Z|2026-11-20 12:00:00 GMT+08:00"
    )


async def test_powers_of_ten_stand_as_they_are_printed(show):
    assert await show("powers.html", unit="10*9/L", range="3.5-9.5 10^12/L") == "×10⁹/L|3.5-9.5 ×10¹²/L"


async def test_the_way_back_keeps_the_query_but_not_a_language(show):
    assert await show("back.html") == "/page|False"


async def test_an_icon_with_a_label_is_read_aloud(show):
    told = await show("icon.html", name='"><script>')
    assert 'aria-hidden="true"' in told
    assert 'role="img"' in told
    assert "<script>" not in told
    assert "/p/%22%3E%3Cscript%3E" in told


def test_a_name_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(environment("en"), "loader", DictLoader(TEMPLATES))
    environment("en").cache.clear()
    with pytest.raises(UndefinedError):
        environment("en").get_template("broken.html").render()
    environment("en").cache.clear()


def test_texts_for_scripts_are_short_and_cannot_end_the_script():
    told = environment("zh_CN").from_string("{{ {'a': '通话</script>'} | tojson }}").render()
    assert told == '{"a": "通话\\u003c/script\\u003e"}'


def test_the_module_keeps_one_environment_per_language():
    assert jinja.environment("en") is environment("en")
    assert environment("en") is not environment("zh_CN")
