"""What a move's form on the consult's page gave, as the consults room takes it, and back into the form. Pure."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from teleconsult.consults.fields import MoveFields
from teleconsult.consults.state import Move
from teleconsult.http.bodies import validated

Texts = Sequence[tuple[str, str]]
"""A form's fields in order; a name may stand several times."""

_PLAIN = (
    "reason",
    "specialist_id",
    "department_id",
    "institution_id",
    "missing",
    "adoption",
    "diagnosis",
    "question",
)
_FLAGS = ("physician_present", "guardian_present")
_MOMENTS = ("starts_at", "ends_at")


def fields_of(move: Move, texts: Texts, zone: tzinfo) -> MoveFields:
    """The move's needs. Empty lines of a list are left out; a time without a zone is the site's.

    Raises:
        FieldsRefused: With what to do for each wrong field.
    """
    one = dict(texts)
    values: dict[str, Any] = {name: one[name] for name in _PLAIN if one.get(name)}
    values |= {name: one.get(name) == "true" for name in _FLAGS if name in one}
    values |= {name: _with_zone(one[name], zone) for name in _MOMENTS if one.get(name)}
    values["member_ids"] = [text for name, text in texts if name in ("member_ids", "member_ids[]") and text]
    values["items"] = [item for item in items_of(texts) if item["text"].strip()]
    values["replies"] = _replies(texts, one)
    values["version"] = int(one["version"]) if one.get("version", "").isdecimal() and one["version"] != "0" else 1
    return validated(MoveFields, {"move": move, **values})


def typed(texts: Texts) -> dict[str, Any]:
    """The form's own values, to show it again with nothing lost."""
    back: dict[str, Any] = {name: text for name, text in texts if not name.endswith("[]")}
    back["items"] = items_of(texts)
    back["member_ids"] = [text for name, text in texts if name == "member_ids[]"]
    return back


def items_of(texts: Texts) -> list[dict[str, str]]:
    """The lines of what is asked for, also empty ones."""
    kinds = [text for name, text in texts if name == "item_kind"]
    words = [text for name, text in texts if name == "item_text"]
    return [{"kind": kind, "text": text} for kind, text in zip(kinds, words, strict=False)]


def _replies(texts: Texts, one: dict[str, str]) -> list[dict[str, Any]]:
    numbers = [text for name, text in texts if name == "reply_item"]
    answered = [number for number in numbers if one.get(f"reply_given_{number}")]
    return [
        {
            "item": number,
            "given": one[f"reply_given_{number}"] == "yes",
            "reason": one.get(f"reply_reason_{number}", ""),
        }
        for number in answered
    ]


def _with_zone(text: str, zone: tzinfo) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat()
