"""What a search means: the same for QIDO-RS and C-FIND. Pure: texts in, a bounded `Search` out.

Source: DICOM PS3.4 C.2.2.2 and PS3.18 8.3.4.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dicom_store import charsets, dictionary
from dicom_store.errors import QueryRefused, Refused
from dicom_store.model import Level, Match, MatchKind, Search, SeriesUID, StudyUID, uid

MAX_LIMIT = 5000
DEFAULT_LIMIT = 200
MAX_OFFSET = 10_000_000
MAX_VALUES = 1000
MAX_CONDITIONS = 32
MAX_TEXT = 256

PATIENT_NAME = 0x00100010
REFERRER = 0x00080090
_DATES = {0x00080020, 0x00100030, 0x00400244}
_TIMES = {0x00080030, 0x00400245}
_UIDS = {0x0020000D, 0x0020000E, 0x00080018, 0x00080016}
_NUMBERS = {0x00200011, 0x00200013}
_CODES = {0x00080060, 0x00080061}
_FOLDED = {
    0x00080050, 0x00080090, 0x00081030, 0x0008103E, 0x00081010, 0x00180015, 0x00100010, 0x00100020, 0x00100040,
    0x00200010,
}  # fmt: skip
MATCHABLE = _DATES | _TIMES | _UIDS | _NUMBERS | _CODES | _FOLDED
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2,6}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Understood:
    """A search, and what of the request was left aside.

    Attributes:
        ignored: Attributes that this archive does not search by.
        literal: Fuzzy matching was asked for, and not done for all names: only a patient's name is matched so.
    """

    search: Search
    ignored: tuple[str, ...]
    literal: bool = False


def attribute(word: str) -> int | None:
    """The tag that a keyword, eight hex digits, or a path of them name; None for none that exists."""
    first = word.split(".")[-1]
    if _TAG.fullmatch(first):
        return int(first, 16)
    return dictionary.tag_of(first)


def from_parameters(
    parameters: Iterable[tuple[str, str]],
    level: Level,
    study: StudyUID | None = None,
    series: SeriesUID | None = None,
) -> Understood:
    """Understand the query of a QIDO-RS request, percent-decoding done.

    Raises:
        QueryRefused: A value that cannot be understood, or too much.
    """
    options = {"limit": str(DEFAULT_LIMIT), "offset": "0", "fuzzymatching": "false"}
    conditions: list[tuple[str, str]] = []
    include: set[int] = set()
    include_all = False
    for name, value in parameters:
        if name in options:
            options[name] = value
        elif name == "includefield":
            words = value.split(",")
            include_all = include_all or "all" in words
            include.update(tag for word in words if (tag := attribute(word.strip())) is not None)
        elif name not in {"accept", "charset"}:
            conditions.append((name, value))
    fuzzy = options["fuzzymatching"].lower() == "true"
    matches, ignored = _conditions(conditions, fuzzy=fuzzy)
    search = Search(
        level=level,
        matches=tuple(matches),
        study=study,
        series=series,
        limit=_whole(options["limit"], "limit", MAX_LIMIT),
        offset=_whole(options["offset"], "offset", MAX_OFFSET),
        include=frozenset(include),
        include_all=include_all,
    )
    literal = fuzzy and any(found.tag == REFERRER for found in matches)
    return Understood(search, tuple(ignored), literal)


def _conditions(conditions: Sequence[tuple[str, str]], *, fuzzy: bool) -> tuple[list[Match], list[str]]:
    matches: list[Match] = []
    ignored: list[str] = []
    for name, value in conditions:
        tag = attribute(name)
        if tag is None or tag not in MATCHABLE:
            ignored.append(name[:64])
            continue
        found = match(tag, value, fuzzy=fuzzy)
        if found is not None:
            matches.append(found)
    if len(matches) > MAX_CONDITIONS:
        raise QueryRefused("The search has too many conditions.")
    return matches, ignored


def match(tag: int, value: str, *, fuzzy: bool = False) -> Match | None:
    """One condition on a matchable attribute; None where anything matches (universal matching).

    Raises:
        QueryRefused: The value cannot be understood.
    """
    value = value.strip(" \0")
    if value in {"", "*", '""'}:
        return None
    if tag in _UIDS:
        return _uids(tag, value)
    if len(value) > MAX_TEXT:
        raise QueryRefused("A search value is too long.")
    if tag in _DATES:
        return _range(tag, value, _date)
    if tag in _TIMES:
        return _range(tag, value, _time)
    if tag in _NUMBERS:
        return _number(tag, value)
    if tag == PATIENT_NAME and fuzzy:
        words = charsets.fuzzy_words(value)
        return Match(tag, MatchKind.FUZZY, words[:8]) if words else None
    if tag in _CODES:
        values = tuple(part for part in re.split(r"[\\,]", value.upper()) if part)
        if len(values) > 1:
            return Match(tag, MatchKind.ONE_OF, values)
        text = value.upper()
    else:
        text = charsets.fold(value)
    kind = MatchKind.WILDCARD if "*" in text or "?" in text else MatchKind.EXACT
    return Match(tag, kind, (text,)) if text else None


def _uids(tag: int, value: str) -> Match:
    values = [part.strip() for part in re.split(r"[\\,]", value) if part.strip()]
    if len(values) > MAX_VALUES:
        raise QueryRefused("The search lists too many UIDs.")
    try:
        checked = tuple(uid(part) for part in values)
    except Refused as error:
        raise QueryRefused(error.message, code="bad_uid") from error
    if len(checked) == 1:
        return Match(tag, MatchKind.EXACT, checked)
    return Match(tag, MatchKind.ONE_OF, checked)


def _range(tag: int, value: str, read: Callable[[str], tuple[str, str]]) -> Match:
    """Read a date or time, or a range of them; `read` gives the first and last text that one stands for."""
    low, dash, high = value.partition("-")
    if not dash:
        first, last = read(low)
        if first == last:
            return Match(tag, MatchKind.EXACT, (first,))
        return Match(tag, MatchKind.RANGE, (first, last))
    start = read(low)[0] if low.strip() else ""
    end = read(high)[1] if high.strip() else ""
    if not start and not end:
        raise QueryRefused("A date or time in the search cannot be understood.")
    return Match(tag, MatchKind.RANGE, (start, end))


def _date(text: str) -> tuple[str, str]:
    digits = text.strip().replace(".", "").replace("/", "")
    if not _DATE.fullmatch(digits):
        raise QueryRefused("A date or time in the search cannot be understood.")
    return digits, digits


def _time(text: str) -> tuple[str, str]:
    digits = text.strip().replace(":", "")
    if not _TIME.fullmatch(digits):
        raise QueryRefused("A date or time in the search cannot be understood.")
    # 10 means the whole hour, 1015 the whole minute; "~" sorts after every digit and the point.
    return digits, digits + "~"


def _number(tag: int, value: str) -> Match:
    try:
        number = int(value)
    except ValueError:
        raise QueryRefused("A number in the search cannot be understood.") from None
    if not -(2**31) < number < 2**31:
        raise QueryRefused("A number in the search cannot be understood.")
    return Match(tag, MatchKind.EXACT, (str(number),))


def _whole(text: str, name: str, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise QueryRefused("{name} must be a whole number.", name=name) from None
    if number < 0:
        raise QueryRefused("{name} must be a whole number.", name=name)
    return min(number, most)
