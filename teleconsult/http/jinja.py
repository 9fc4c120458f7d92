"""Pages from templates: one strict environment per language, and what every page has at hand.

Escaping is always on and a name that is not there is an error. Rooms call `page`; they never see the environment.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cache, partial
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from teleconsult.actor import Actor
from teleconsult.clock import SystemClock
from teleconsult.db import new_id
from teleconsult.http import i18n
from teleconsult.http.assets import asset, built_styles, icon
from teleconsult.http.bodies import N_
from teleconsult.http.csrf import csrf_token
from teleconsult.http.guard import actor_or_none
from teleconsult.http.headers import allow_wasm
from teleconsult.http.webroot import web_root

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class NavItem:
    """A way in the rail.

    Attributes:
        path: Where it leads; it is the current one when the page's path begins with it.
        label: msgid.
        icon: Name in the sprite.
        count: What waits there; 0 shows nothing.
    """

    path: str
    label: str
    icon: str
    count: int = 0


Nav = Callable[[Actor], list[NavItem]]
NAV: web.AppKey[Nav] = web.AppKey("nav", Callable)  # type: ignore[arg-type]
"""The rail for a person; set by `app`."""

EXTRAS: web.RequestKey[dict[str, Any]] = web.RequestKey("page_extras", dict)
"""What a middleware above the rooms adds to every page: the rail with its counts, unread notices, who one is here."""


def page(request: web.Request, template: str, status: int = 200, *, wasm: bool = False, **context: Any) -> web.Response:
    """A page.

    Args:
        request: Gives language, person, token.
        template: Under web/templates, `consults/show.html`.
        status: HTTP status.
        wasm: The reading room: may compile WebAssembly.
        **context: What the template shows.
    """
    text = render(request, template, **context)
    response = web.Response(text=text, status=status, content_type="text/html")
    response.headers["Vary"] = "Accept-Language, Cookie"
    response.headers["Content-Language"] = i18n.html_language(i18n.language_of(request))
    if wasm:
        allow_wasm(response)
    return response


def render(request: web.Request, template: str, **context: Any) -> str:
    """A template's text, for parts of pages."""
    language = i18n.language_of(request)
    actor = actor_or_none(request)
    nav = request.config_dict.get(NAV)
    always: dict[str, Any] = {
        "request_path": request.path,
        "is_answer": request.method == "POST",
        "back_path": _back_path(request),
        "language": language,
        "html_language": i18n.html_language(language),
        "actor": actor,
        "csrf_token": csrf_token(request),
        "idempotency_key": new_id(),
        "nav": nav(actor) if nav and actor else [],
        "now": request.config_dict.get(i18n.CLOCK, SystemClock()).now(),
        "zone": request.config_dict.get(i18n.ZONE, ZoneInfo("Asia/Shanghai")),
    }
    extras = request.get(EXTRAS, {})
    return environment(language).get_template(template).render(always | extras | context)


def _back_path(request: web.Request) -> str:
    """Where one comes back to this page; the answer to a sent form has no address, so to where the form stood."""
    if request.method != "POST":
        return request.path if {"done", "lang"} & set(request.query) else request.path_qs
    came = urlsplit(request.headers.get("Referer", ""))
    return came.path if came.netloc == request.host and came.path.startswith("/") else "/"


@cache
def environment(language: str) -> Environment:
    """The environment of a language."""
    made = Environment(
        loader=FileSystemLoader(web_root() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=sys.flags.dev_mode,  # else every page asks the disk whether its templates changed
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    say = _sayer(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: i18n.translate(text, language),
        ngettext=lambda one, many, n: i18n.ntranslate(one, many, n, language, n=n),
        newstyle=True,
    )
    # Chinese as it is: escaped to ASCII, the texts for scripts would be twice as long on the line.
    made.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    made.globals |= {
        "_": say,
        "N_": N_,
        "ngettext": _counter(language),
        "asset": asset,
        "built_styles": built_styles,
        "icon": icon,
        "path": path,
        "languages": i18n.LANGUAGES,
    }
    made.filters |= {
        "moment": partial(_moment, language=language),
        "day": partial(_day, language=language),
        "calendar_day": partial(_calendar_day, language=language),
        "full_time": _full_time,
        "ago": partial(_ago, language=language),
        "left": partial(_left, language=language),
        "span": partial(i18n.span, language=language),
        "iso": _iso,
        "powers": _powers,
        "t": say,
    }
    for filtered in ("moment", "day", "calendar_day", "full_time", "ago", "left"):
        pass_context(made.filters[filtered])
    return made


def path(pattern: str, **values: object) -> str:
    """An address with its values quoted: `path("/consults/{id}", id=consult.id)`."""
    return pattern.format(**{name: quote(str(value), safe="") for name, value in values.items()})


def _sayer(language: str) -> Callable[..., str]:
    def say(message: str, /, **fields: object) -> str:
        return i18n.translate(message, language, **fields)

    return say


def _counter(language: str) -> Callable[..., str]:
    def count(one: str, many: str, number: int, /, **fields: object) -> str:
        return i18n.ntranslate(one, many, number, language, **fields)

    return count


def _moment(context: Context, at: datetime, language: str) -> str:
    return i18n.moment(at, language, context["now"], context["zone"])


def _day(context: Context, when: date | datetime, language: str) -> str:
    zone: tzinfo = context["zone"]
    there = when.astimezone(zone).date() if isinstance(when, datetime) else when
    return i18n.day(there, language, context["now"].astimezone(zone).date())


def _calendar_day(context: Context, at: datetime, language: str) -> str:
    return i18n.calendar_day(at, language, context["zone"])


def _full_time(context: Context, at: datetime) -> str:
    return i18n.full_time(at, context["zone"])


def _ago(context: Context, at: datetime, language: str) -> str:
    return i18n.ago(at, language, context["now"])


def _left(context: Context, due: datetime, language: str) -> str:
    return i18n.left(due, language, context["now"])


def _powers(text: str) -> str:
    """`10*9/L` and `10^9/L` as people print it: ×10⁹/L."""
    return re.sub(r"10[*^](\d{1,2})(?!\d)", lambda power: "×10" + power[1].translate(_RAISED), text)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
