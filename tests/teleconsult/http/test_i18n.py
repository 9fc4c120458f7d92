from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from teleconsult.http import i18n

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CHINA = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "language"),
    [
        ("", "", "", "zh_CN"),
        ("", "", "en-GB,en;q=0.9", "en"),
        ("", "", "fr, en;q=0.3, zh;q=0.8", "zh_CN"),
        ("", "zh_CN", "en", "zh_CN"),
        ("?lang=en", "zh_CN", "", "en"),
        ("?lang=klingon", "en", "", "en"),
        ("", "", "fr;q=x,,;q=,de", "zh_CN"),
        ("?lang=../../etc", "", "", "zh_CN"),
    ],
)
async def test_the_order_of_wishes(client, query, cookie, accept, language):
    headers = {"Accept": "text/html"} | ({"Accept-Language": accept} if accept else {})
    answer = await client.get(f"/nowhere{query}", cookies={"lang": cookie} if cookie else {}, headers=headers)
    assert f'lang="{i18n.html_language(language)}"' in await answer.text()


def test_a_text_without_translation_is_english_with_its_fields():
    assert i18n.translate("No such text {number}", "zh_CN", number=7) == "No such text 7"
    assert i18n.translate("", "zh_CN") == ""


def test_braces_in_values_are_not_formatted_again():
    assert i18n.translate("x {a}", "en", a="{b.__class__}") == "x {b.__class__}"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (NOW, "today 12:00"),
        (NOW - timedelta(days=1), "yesterday 12:00"),
        (NOW + timedelta(hours=13), "tomorrow 01:00"),
        (NOW - timedelta(days=9), "11 Nov 12:00"),
        (NOW - timedelta(days=400), "16 Oct 2025 12:00"),
    ],
)
def test_a_moment_is_told_as_people_say_it(at, told):
    assert i18n.moment(at, "en", NOW, CHINA) == told


def test_a_chinese_day_has_its_own_order():
    today = date(2026, 11, 20)
    assert i18n.day(date(2026, 11, 2), "zh_CN", today) == "11月2日"
    assert i18n.day(date(2025, 11, 2), "zh_CN", today) == "2025年11月2日"


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(200, "3 hours 20 minutes left"), (1, "1 minute left"), (0, "0 minutes left"), (-20, "20 minutes overdue")],
)
def test_what_is_left_is_told_in_two_units(minutes, told):
    assert i18n.left(NOW + timedelta(minutes=minutes), "en", NOW) == told


def test_ago_uses_one_unit():
    assert i18n.ago(NOW - timedelta(hours=49), "en", NOW) == "2 days ago"
    assert i18n.ago(NOW, "en", NOW) == "just now"


def test_the_calendar_day_names_the_day_of_the_week():
    assert i18n.calendar_day(NOW, "zh_CN", CHINA) == "11月20日 星期五"
    assert i18n.calendar_day(NOW, "en", CHINA) == "Friday 20 November"


def test_the_full_time_names_the_zone():
    assert i18n.full_time(NOW, CHINA) == "2026-11-20 12:00:00 GMT+08:00"
