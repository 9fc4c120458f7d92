"""Forms of pages: urlencoded or multipart into a model, once per request, with bounds.

Several fields of one name (or `name[]`) are a list; an empty text is nothing; `csrf` and `idempotency_key` are the
plumbing's own and never reach a model.
"""

from typing import Any, TypeVar, get_origin
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel

from teleconsult.errors import Refused
from teleconsult.http import multipart
from teleconsult.http.bodies import check_text, validated
from teleconsult.http.limits import read_body
from teleconsult.http.multipart import Part, UploadedFile
from teleconsult.http.routing import route_of

CSRF_FIELD = "csrf"
IDEMPOTENCY_FIELD = "idempotency_key"
_OWN = frozenset({CSRF_FIELD, IDEMPOTENCY_FIELD})
_FIELDS = 500
_SMALL_BYTES = 1 << 20
_RAW: web.RequestKey[list[Part]] = web.RequestKey("form", list)

ModelT = TypeVar("ModelT", bound=BaseModel)


def is_form(request: web.Request) -> bool:
    """Whether the body is a browser's form."""
    return request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data")


async def raw_form(request: web.Request) -> list[Part]:
    """All fields in order, as they came.

    Raises:
        Refused: Not a form, too many fields, broken text.
        TooLarge: Above the route's limit.
    """
    if _RAW in request:
        return request[_RAW]
    route = route_of(request)
    raw = await read_body(request, route.max_bytes if route else _SMALL_BYTES)
    if request.content_type == "multipart/form-data":
        parts = multipart.parse(request.headers.get("Content-Type", ""), raw)
    elif is_form(request):
        parts = _urlencoded(raw)
    else:
        raise Refused("The form cannot be read.", code="unreadable")
    for name, value in parts:
        check_text(name)
        check_text(value if isinstance(value, str) else value.name)
    request[_RAW] = parts
    return parts


async def field_of(request: web.Request, name: str) -> str:
    """One field's text, "" when it is not there."""
    return next((value for key, value in await raw_form(request) if key == name and isinstance(value, str)), "")


async def form_of(request: web.Request, model: type[ModelT]) -> ModelT:
    """The validated form.

    Raises:
        FieldsRefused: Field -> what to do.
    """
    lists = {name for name, field in model.model_fields.items() if get_origin(field.annotation) in (list, tuple, set)}
    values: dict[str, Any] = {}
    for raw_name, value in await raw_form(request):
        name = raw_name.removesuffix("[]")
        if name in _OWN or value == "":
            continue
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return validated(model, values)


async def typed_of(request: web.Request) -> dict[str, str]:
    """What the person typed, to show the form again with nothing lost; never passwords."""
    return {
        name: value
        for name, value in await raw_form(request)
        if isinstance(value, str) and name not in _OWN and "password" not in name
    }


def _urlencoded(raw: bytes) -> list[Part]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_FIELDS
        )
    except ValueError:
        raise Refused("The form cannot be read.", code="unreadable") from None
    parts: list[Part] = []
    parts.extend(pairs)
    return parts


__all__ = ["CSRF_FIELD", "IDEMPOTENCY_FIELD", "UploadedFile", "field_of", "form_of", "is_form", "raw_form", "typed_of"]
