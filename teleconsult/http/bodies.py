"""Untrusted JSON and form values into models: bounded, strict, with errors a person can act on. Pure.

Python's parser alone would let through what breaks later: NaN, numbers beyond 64 bits, lone surrogates, control
characters, doubled keys, a thousand levels.
"""

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from teleconsult.errors import FieldsRefused, Refused

_DEPTH = 20
_VALUES = 20_000
_INT64 = 1 << 63
_PLAIN_CONTROLS = frozenset("\t\n\r")

ModelT = TypeVar("ModelT", bound=BaseModel)


class Incoming(BaseModel):
    """What comes in from outside: unknown names are refused, blanks around texts are cut."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=100_000)


class Outgoing(BaseModel):
    """What we answer; made from records by their attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def load_json(raw: bytes) -> Any:
    """Decode a JSON text of RFC 8259 with bounds.

    Raises:
        Refused: Not JSON, too deep, too many values, or values no database can keep.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError):
        raise Refused("The request is not valid JSON.", code="bad_json") from None
    _check(value)
    return value


def check_text(text: str) -> None:
    """Refuse what no database keeps and no page shows.

    Raises:
        Refused: Holds control characters or broken Unicode.
    """
    if text.isprintable():
        return
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cs" or (kind == "Cc" and character not in _PLAIN_CONTROLS):
            raise Refused("The text holds characters that cannot be kept.", code="bad_text")


def validated(model: type[ModelT], value: object) -> ModelT:
    """Check a value against a model.

    Raises:
        FieldsRefused: Field name (dotted) -> what to do.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise FieldsRefused(_words(error)) from None


def _words(error: ValidationError) -> dict[str, str]:
    return {
        ".".join(str(part) for part in found["loc"] if not _is_branch(part)) or "body": _advice(found)
        for found in error.errors(include_url=False, include_input=False)[:50]
    }


def _is_branch(part: int | str) -> bool:
    return isinstance(part, str) and "[" in part  # pydantic's names of unions are no field names


def _advice(found: Mapping[str, Any]) -> str:
    kind = str(found["type"])
    for start, advice in _ADVICE.items():
        if kind.startswith(start):
            return advice
    if kind == "value_error":
        return str(found.get("ctx", {}).get("error") or N_("Please check this value."))
    return N_("Please check this value.")


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark a text for the catalogues without translating it."""
    return message


_ADVICE: dict[str, str] = {
    "missing": N_("Please fill this in."),
    "extra_forbidden": N_("This field is not known."),
    "string_too_short": N_("Please write a little more."),
    "string_too_long": N_("Please shorten this."),
    "string_pattern": N_("This does not have the right form."),
    "string_type": N_("Please give a text."),
    "enum": N_("Please choose one of the given values."),
    "literal_error": N_("Please choose one of the given values."),
    "date": N_("Please give a date, like 2026-11-20."),
    "timezone": N_("Please give the time with its zone."),
    "time": N_("Please give a time, like 14:05."),
    "int": N_("Please give a whole number."),
    "float": N_("Please give a number."),
    "decimal": N_("Please give a number."),
    "greater_than": N_("This number is too small."),
    "less_than": N_("This number is too large."),
    "bool": N_("Please answer yes or no."),
    "too_long": N_("These are too many."),
    "too_short": N_("Please give at least one."),
}


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a key stands twice")
    return whole


def _check(value: Any) -> None:
    waiting: list[tuple[Any, int]] = [(value, 1)]
    seen = 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if depth > _DEPTH or seen + len(waiting) > _VALUES:
            raise Refused("The request holds too much.", code="bad_json")
        if isinstance(item, str):
            check_text(item)
        elif isinstance(item, dict):
            for key in item:
                check_text(key)
            waiting.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            waiting.extend((child, depth + 1) for child in item)
        elif isinstance(item, int | float) and not (math.isfinite(item) and -_INT64 <= item < _INT64):
            raise Refused("A number in the request is too large.", code="bad_json")
