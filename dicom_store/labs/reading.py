"""Read texts as people and machines type them: a number, nothing, or words. Pure; shared by the form and HL7."""

import re
from decimal import Decimal, InvalidOperation

from dicom_store.errors import LabRefused
from dicom_store.labs.model import MAX_SHORT_CHARS, Absent, Comparator, Numeric, Textual, Value

_MAX_NUMBER_CHARS = 40
_MAX_EXPONENT = 30

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
# Everything below the space but tab and line feed, the delete character and the C1 block: no lab text needs them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COMPARED = re.compile(r"\s*(<=|>=|≤|≥|<|>|＜|＞)\s*(\S.*)")
_COMPARATORS = {"<": Comparator.LESS, "＜": Comparator.LESS, "<=": Comparator.AT_MOST, "≤": Comparator.AT_MOST,
                ">": Comparator.GREATER, "＞": Comparator.GREATER, ">=": Comparator.AT_LEAST,
                "≥": Comparator.AT_LEAST}  # fmt: skip
_NO_RESULT = re.compile(r'(?:\*+|-{2,}|\.{2,}|""|N/?A)', re.IGNORECASE)


def number(text: str) -> Decimal | None:
    """Read a plain number; None for everything that is not one beyond doubt (also NaN and absurd sizes)."""
    stripped = text.strip()
    if len(stripped) > _MAX_NUMBER_CHARS or not _NUMBER.fullmatch(stripped):
        return None
    try:
        found = Decimal(stripped)
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing through that Decimal refuses
        return None
    return found if found == 0 or abs(found.adjusted()) <= _MAX_EXPONENT else None


def clean(text: str, *, limit: int = MAX_SHORT_CHARS) -> str:
    """Strip blanks and control characters.

    Raises:
        LabRefused: Longer than `limit`.
    """
    found = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(found) > limit:
        raise LabRefused("A text is longer than {limit} characters.", code="text_too_long", limit=limit)
    return found


def reading(text: str) -> Value:
    """Read a result typed as text: a number (with its comparator), nothing, or words."""
    if not text or _NO_RESULT.fullmatch(text):
        return Absent(text)
    compared = _COMPARED.fullmatch(text)
    found = number(compared.group(2) if compared else text)
    if found is None:
        return Textual(text)
    return Numeric(text, found, _COMPARATORS[compared.group(1)] if compared else None)
