"""In which language a person is spoken to, and how texts, days and times are written in it.

English is the msgid; zh_CN is the default. Catalogues are loaded once: the compiled one, else the source.
The order: `?lang=`, cookie `lang` (set at log-in from the person's own choice), Accept-Language, the site's default.
"""

import gettext
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from io import BytesIO
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from teleconsult.clock import Clock
from teleconsult.http.bodies import N_
from teleconsult.http.webroot import web_root

LANGUAGES = ("zh_CN", "en")
LANGUAGE_COOKIE = "lang"
DEFAULT_LANGUAGE: web.AppKey[str] = web.AppKey("default_language", str)
CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
ZONE: web.AppKey[ZoneInfo] = web.AppKey("zone", ZoneInfo)
_LANGUAGE: web.RequestKey[str] = web.RequestKey("language", str)
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def language_of(request: web.Request) -> str:
    """The language of a request's answer."""
    if _LANGUAGE not in request:
        asked = (request.query.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""))
        known = (found for found in map(known_language, asked) if found)
        default = request.config_dict.get(DEFAULT_LANGUAGE, LANGUAGES[0])
        request[_LANGUAGE] = next(known, None) or _accepted(request.headers.get("Accept-Language", "")) or default
    return request[_LANGUAGE]


def known_language(text: str) -> str | None:
    """`zh-CN`, `zh_Hans`, `en-GB` … as one of ours; None when we do not speak it."""
    main = text.strip().replace("-", "_").split("_")[0].lower()
    return next((ours for ours in LANGUAGES if ours.split("_")[0] == main), None)


def html_language(language: str) -> str:
    """As HTML writes it: zh-CN."""
    return language.replace("_", "-")


def translate(message: str, language: str, /, **fields: object) -> str:
    """A text in a language; English where the catalogue has none. `{name}` is filled from the fields."""
    return _filled(_catalogue(language).gettext(message) if message else "", fields)


def ntranslate(one: str, many: str, count: int, language: str, /, **fields: object) -> str:
    """A text that counts: `{n}` is the number."""
    return _filled(_catalogue(language).ngettext(one, many, count), {"n": count, "num": count, **fields})


def moment(at: datetime, language: str, now: datetime, zone: tzinfo) -> str:
    """今天 14:05, 昨天 14:05, 11月20日 14:05; with the year when it is another one."""
    there, today = at.astimezone(zone), now.astimezone(zone).date()
    return f"{day(there.date(), language, today)} {there:%H:%M}"


def day(when: date, language: str, today: date) -> str:
    """今天, 昨天, 明天, 11月20日, 2025年11月20日."""
    near = {
        today: N_("today"),
        today - _DAY: N_("yesterday"),
        today + _DAY: N_("tomorrow"),
    }.get(when)
    if near:
        return translate(near, language)
    chinese = language.startswith("zh")
    pattern = ("M月d日" if chinese else "d MMM") if when.year == today.year else ("y年M月d日" if chinese else "d MMM y")
    return format_date(when, pattern, locale=_locale(language))


def calendar_day(at: datetime, language: str, zone: tzinfo) -> str:
    """11月20日 星期五, Friday 20 November."""
    pattern = "M月d日 EEEE" if language.startswith("zh") else "EEEE d MMMM"
    return format_date(at.astimezone(zone).date(), pattern, locale=_locale(language))


def full_time(at: datetime, zone: tzinfo) -> str:
    """Everything, for titles and prints: date, time to the second, zone."""
    # By hand: it stands beside every row of a list, and is written alike in all our languages.
    there = at.astimezone(zone)
    away = there.strftime("%z")
    return f"{there:%Y-%m-%d %H:%M:%S} GMT{f'{away[:3]}:{away[3:5]}' if there.utcoffset() else ''}"


def ago(at: datetime, language: str, now: datetime) -> str:
    """刚刚, 5 分钟前, 2 小时前, 3 天前."""
    passed = now - at
    if passed < _MINUTE:
        return translate(N_("just now"), language)
    return translate(N_("{span} ago"), language, span=span(passed, language, parts=1))


def left(due: datetime, language: str, now: datetime) -> str:
    """还剩 3 小时 20 分, 超时 20 分."""
    remaining = due - now
    if remaining >= timedelta():
        return translate(N_("{span} left"), language, span=span(remaining, language))
    return translate(N_("{span} overdue"), language, span=span(-remaining, language))


def span(length: timedelta, language: str, parts: int = 2) -> str:
    """A length of time in its largest one or two units."""
    days, rest = divmod(length, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes = rest // _MINUTE
    words = [
        ntranslate("{n} day", "{n} days", days, language) if days else "",
        ntranslate("{n} hour", "{n} hours", hours, language) if hours else "",
        ntranslate("{n} minute", "{n} minutes", minutes, language) if minutes else "",
    ]
    start = next((place for place, word in enumerate(words) if word), 2)
    said = [word for word in words[start : start + parts] if word]
    return " ".join(said) or ntranslate("{n} minute", "{n} minutes", 0, language)


def start_of_day(at: datetime, zone: tzinfo) -> datetime:
    """Midnight before a moment, in UTC."""
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


@cache
def _locale(language: str) -> Locale:
    """Looked up once: Babel goes through a thousand names for each."""
    return Locale.parse(language)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    folder = web_root() / "locale" / language / "LC_MESSAGES"
    compiled, source = folder / "messages.mo", folder / "messages.po"
    if compiled.is_file() and not (source.is_file() and source.stat().st_mtime > compiled.stat().st_mtime):
        return gettext.GNUTranslations(BytesIO(compiled.read_bytes()))
    if not source.is_file():
        return gettext.NullTranslations()
    made = BytesIO()
    with source.open("rb") as file:
        write_mo(made, read_po(file, locale=language))
    made.seek(0)
    return gettext.GNUTranslations(made)


def _filled(text: str, fields: dict[str, object]) -> str:
    if not fields:
        return text
    if "%(" in text:
        return text % fields  # what Jinja's own {% trans %} makes
    return text.format(**fields) if "{" in text else text


def _accepted(header: str) -> str | None:
    wanted: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        name, _, weight = part.partition(";q=")
        try:
            wanted.append((float(weight or 1), name))
        except ValueError:
            continue
    ordered = sorted(wanted, key=lambda item: -item[0])
    return next((found for _, name in ordered if (found := known_language(name))), None)
