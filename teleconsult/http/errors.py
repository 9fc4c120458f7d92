"""The only table from error to HTTP status, and how an error is told: RFC 9457 JSON to programs, a page to people.

An error that is not in the tree is a bug: it is logged under a short code that the person can read out, and nothing of
it is shown.
"""

import html
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import TemplateNotFound

from teleconsult import errors
from teleconsult.db import Record
from teleconsult.http.bodies import N_
from teleconsult.http.i18n import html_language, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.routing import route_of

log = structlog.get_logger()

LOGIN_PATH = "/login"
_SUPPORT_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that are mistaken for another when read out

_STATUS: Mapping[type[errors.ClinicError], int] = {
    errors.NotIdentified: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.FieldsRefused: 422,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Refused: 400,
    errors.Unavailable: 503,
}
_STATUS_OF_CODE: Mapping[str, int] = {
    "unsupported_type": 415,
    "too_slow": 408,
    "idempotency_key_reused": 422,
    "encoded_body": 415,
}
_TITLES: Mapping[int, str] = {
    400: N_("This request cannot be understood"),
    401: N_("Please log in"),
    403: N_("This is not open to you"),
    404: N_("Not found"),
    405: N_("This cannot be done here"),
    408: N_("Too slow"),
    409: N_("Something has changed meanwhile"),
    413: N_("Too large"),
    415: N_("This kind of content is not taken here"),
    422: N_("Please check what you wrote"),
    429: N_("Too many tries"),
    500: N_("Something went wrong on our side"),
    503: N_("Not available right now"),
    507: N_("The disk is full"),
}
_CODES: Mapping[int, str] = {404: "not_found", 405: "wrong_method", 413: "too_large"}
"""Of what aiohttp itself refuses."""

_DETAILS: Mapping[int, str] = {
    404: N_("This was not found, or it is not open to you."),
    405: N_("This address does not take that kind of request."),
    413: N_("This is larger than this page takes."),
    500: N_("Nothing you saved was lost. Please try again; if it happens again, tell support the code below."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is told.

    Attributes:
        status: HTTP status.
        code: Stable machine word.
        detail: msgid of what happened and what to do.
        fields: Values of the detail.
        errors: Field -> msgid.
        moves: What is allowed instead.
        version: The newer version, where there is one.
        retry_after: When to try again.
        support: Short code for the telephone.
        more: Further members of the JSON: what an error carries as `told`.
    """

    status: int
    code: str
    detail: str
    fields: Mapping[str, object] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    moves: Sequence[object] | None = None
    version: int | None = None
    retry_after: timedelta | None = None
    support: str = ""
    more: Mapping[str, object] = field(default_factory=dict)


def problem_of(error: errors.ClinicError) -> Problem:
    """How an error of the tree is told."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    support = _support_code()
    if isinstance(error, errors.Unavailable):
        return Problem(status, error.code, error.message, retry_after=error.retry_after, support=support)
    if not isinstance(error, errors.Refused):
        raise error
    return Problem(
        status=_STATUS_OF_CODE.get(error.code, status),
        code=error.code,
        detail=error.message,
        fields=error.fields,
        errors=error.errors if isinstance(error, errors.FieldsRefused) else {},
        moves=error.moves if isinstance(error, errors.Stale | errors.StepRefused) else None,
        version=error.current if isinstance(error, errors.Stale) else None,
        retry_after=error.retry_after if isinstance(error, errors.TooMany) else None,
        more=getattr(error, "told", {}),
        support=support,
    )


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what was raised below into an answer."""
    try:
        return await handler(request)
    except errors.ClinicError as error:
        problem = problem_of(error)
        log.info("request.refused", code=problem.code, status=problem.status, support=problem.support)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        code = _CODES.get(answer.status, f"http_{answer.status}")
        problem = Problem(answer.status, code, _DETAILS.get(answer.status, answer.reason), support=_support_code())
        told = _tell(request, problem)
        if "Allow" in answer.headers:
            told.headers["Allow"] = answer.headers["Allow"]
        return told
    except ConnectionError:
        raise
    except Exception:
        problem = Problem(500, "bug", _DETAILS[500], support=_support_code())
        route = route_of(request)
        log.exception(
            "request.failed", method=request.method, route=route.path if route else "", support=problem.support
        )
    return _tell(request, problem)


def answer_problem(request: web.Request, error: errors.ClinicError) -> web.Response:
    """The answer for an error, for handlers that must tell one themselves."""
    return _tell(request, problem_of(error))


def _tell(request: web.Request, problem: Problem) -> web.Response:
    if wants_page(request):
        response = _page(request, problem)
    else:
        text = json.dumps(as_json(problem, language_of(request)), ensure_ascii=False)
        response = web.Response(text=text, status=problem.status, content_type="application/problem+json")
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after.total_seconds())))
    if problem.status == 401 and not wants_page(request):
        response.headers["WWW-Authenticate"] = 'Bearer realm="teleconsult"'
    return response


def wants_page(request: web.Request) -> bool:
    """Whether a person's browser asks: by the route, else by what it accepts outside of the machines' doors."""
    route = route_of(request)
    if route is not None:
        return route.page
    machine = request.path.startswith(("/api/", "/dicomweb", "/uploads", "/fhir", "/rtc", "/whip", "/whep"))
    return not machine and "text/html" in request.headers.get("Accept", "")


def as_json(problem: Problem, language: str) -> dict[str, Any]:
    """RFC 9457, with our own members."""
    told: dict[str, Any] = {
        "type": f"urn:teleconsult:problem:{problem.code}",
        "title": translate(_title(problem.status), language),
        "status": problem.status,
        "detail": translate(problem.detail, language, **problem.fields),
        "code": problem.code,
        "support": problem.support,
    }
    if problem.errors:
        told["errors"] = {name: translate(advice, language) for name, advice in problem.errors.items()}
    if problem.moves is not None:
        told["moves"] = [plain(move) for move in problem.moves]
    told |= {name: plain(value) for name, value in problem.more.items()}
    if problem.version is not None:
        told["version"] = problem.version
    return told


def plain(value: object) -> Any:
    """A small value as JSON: offers of moves are dataclasses or texts."""
    if isinstance(value, str | int | float | bool | None):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    names = getattr(value, "__dataclass_fields__", None)
    if names is None or isinstance(value, Record):
        return str(value)
    return {name: plain(getattr(value, name)) for name in names}


def _page(request: web.Request, problem: Problem) -> web.Response:
    if problem.status == 401:
        here = request.path_qs if request.method == "GET" else ""
        to = f"{LOGIN_PATH}?next={quote(here, safe='')}" if here not in ("", "/") else LOGIN_PATH
        return web.Response(status=303, headers={"Location": to})
    language = language_of(request)
    told: dict[str, Any] = {
        "problem": problem,
        "title": translate(_title(problem.status), language),
        "detail": translate(problem.detail, language, **problem.fields),
        "support": problem.support,
    }
    for template in (f"errors/{problem.status}.html", "errors/error.html"):
        try:
            return page(request, template, status=problem.status, **told)
        except TemplateNotFound:
            continue
        except Exception:
            log.exception("error_page.failed", template=template)
            break
    return _plain_page(problem.status, language, told)


def _plain_page(status: int, language: str, told: Mapping[str, object]) -> web.Response:
    title, detail, support = (html.escape(str(told[name])) for name in ("title", "detail", "support"))
    text = (
        f'<!doctype html><html lang="{html_language(language)}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<main><h1>{title}</h1><p>{detail}</p><p><a href="/">Teleconsult</a></p><p>{support}</p></main></html>'
    )
    return web.Response(text=text, status=status, content_type="text/html")


def _title(status: int) -> str:
    return _TITLES.get(status, _TITLES[400] if status < 500 else _TITLES[500])


def _support_code() -> str:
    return "".join(secrets.choice(_SUPPORT_LETTERS) for _ in range(6))
