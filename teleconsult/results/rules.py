"""From kept lab reports to the tables people read: which flag is shown, what is printed, how values went. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from teleconsult.results.ports import Analyte, KeptReport, KeptResult, NewResult

_ARROWS = {"H": "↑", "HH": "↑↑", "L": "↓", "LL": "↓↓", "A": "!", "AA": "!!", "<": "↓", ">": "↑"}
_SAME_AS = {"H*": "HH", "L*": "LL", "HU": "HH", "LU": "LL", "↑": "H", "↓": "L", "高": "H", "低": "L"}
_SHOWN = tuple(_ARROWS)
_MOST_POINTS = 40
LOINC = "LN"


@dataclass(frozen=True, slots=True)
class Point:
    """A value in time."""

    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table.

    Attributes:
        flag: What is shown: H, L, HH, LL, A, AA, or "". The sender's where there is one, else the computed.
        arrow: The flag's arrow.
        sent: The sender's codes, beside it.
        differs: Sender and archive do not agree: both are shown.
        trend: This value over the consult's reports in the same unit, oldest first; empty for a single one.
    """

    name: str
    name_en: str
    code: str
    value: str
    unit: str
    range: str
    low: Decimal | None
    high: Decimal | None
    flag: str
    arrow: str
    sent: tuple[str, ...]
    computed: str
    computed_from: str
    differs: bool
    critical: bool
    comment: str
    trend: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A report for showing."""

    id: str
    title: str
    taken_at: datetime
    received_at: datetime
    laboratory: str
    specimen: str
    status: str
    version: int
    comment: str
    notices: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def critical(self) -> int:
        """How many results are critical."""
        return sum(row.critical for row in self.rows)

    @property
    def abnormal(self) -> int:
        """How many results carry a flag."""
        return sum(bool(row.flag) for row in self.rows)


def tables(reports: Iterable[KeptReport], analytes: Sequence[Analyte]) -> tuple[Table, ...]:
    """All current reports of a consult, the newest first, each value with its course over them."""
    current = sorted((each for each in reports if not each.replaced_by), key=lambda each: (each.taken_at, each.id))
    names = {each.code: each for each in analytes}
    courses = _courses(current)
    made = [
        Table(
            id=report.id,
            title=report.title,
            taken_at=report.taken_at,
            received_at=report.received_at,
            laboratory=report.laboratory,
            specimen=report.specimen,
            status=report.status,
            version=report.version,
            comment=report.comment,
            notices=report.notices,
            rows=tuple(_row(each, names, courses[_key(each)]) for each in report.results),
        )
        for report in current
    ]
    return tuple(reversed(made))


def shown_flag(sent: Sequence[str], computed: str) -> str:
    """The one flag that is shown: the worst the sender gave, else the computed; "" for normal or unknown."""
    plain = [_SAME_AS.get(each, each) for each in sent]
    given = [each for each in plain if each in _SHOWN]
    if given:
        return max(given, key=len)
    return computed if computed in _SHOWN else ""


def printed(row: Row) -> tuple[str, str, str, str, str]:
    """Name, value, unit, range, flag: the cells of the paper."""
    mark = " ".join(filter(None, (row.arrow, row.flag, "危急" if row.critical else "")))
    return row.name, row.value, row.unit, row.range, mark


def coded(result: NewResult, analytes: Sequence[Analyte]) -> NewResult:
    """A typed line with the code its name stands for, where that is beyond doubt; nothing else is changed."""
    if result.code:
        return result
    wanted = _folded(result.name)
    found = {
        each.code
        for each in analytes
        if wanted in {_folded(each.abbreviation), _folded(each.name_zh), _folded(each.name_en)}
    }
    return replace(result, code=found.pop(), system=LOINC) if len(found) == 1 else result


def _row(result: KeptResult, names: dict[str, Analyte], course: Sequence[Point]) -> Row:
    known = names.get(result.code) if result.system == LOINC else None
    flag = shown_flag(result.flags, result.computed)
    alone = shown_flag(result.flags, "")
    judged = result.computed if result.computed in _SHOWN else ""
    return Row(
        name=result.name or (known.name_zh if known else result.code),
        name_en=known.name_en if known else "",
        code=result.code,
        value=result.value,
        unit=result.unit,
        range=result.range or _range(result.low, result.high),
        low=result.low,
        high=result.high,
        flag=flag,
        arrow=_ARROWS.get(flag, ""),
        sent=result.flags,
        computed=result.computed,
        computed_from=result.computed_from,
        differs=bool(result.flags) and bool(result.computed) and bool(alone) != bool(judged),
        critical=result.critical,
        comment=result.comment,
        trend=tuple(course[-_MOST_POINTS:]) if len(course) > 1 and result.number is not None else (),
    )


def _courses(reports: Sequence[KeptReport]) -> defaultdict[tuple[str, str, str], list[Point]]:
    courses: defaultdict[tuple[str, str, str], list[Point]] = defaultdict(list)
    for report in reports:
        for result in report.results:
            if result.number is not None:
                courses[_key(result)].append(Point(result.observed_at or report.taken_at, result.number))
    for course in courses.values():
        course.sort(key=lambda point: point.at)
    return courses


def _key(result: KeptResult) -> tuple[str, str, str]:
    """What makes two results the same thing: the code, else the name; and the unit, for nothing is converted here."""
    return (result.system, result.code, result.unit) if result.code else ("", _folded(result.name), result.unit)


def _range(low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        return f"{low}–{high}"
    if low is not None:
        return f"≥ {low}"
    return f"≤ {high}" if high is not None else ""


def _folded(name: str) -> str:
    return "".join(name.casefold().split())
