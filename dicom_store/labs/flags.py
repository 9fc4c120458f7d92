"""Judge a result by its range: N, L, H, LL, HH, A, or nothing where that cannot be said for sure.

Pure. The sender's range wins; the bundled typical range serves adults whose laboratory sent none. The sender's own
flags are never touched: both stand side by side, and a result is critical when either says so.
"""

import re
from datetime import date, datetime
from decimal import Decimal

from dicom_store.labs.analytes import Analyte, Limits, find
from dicom_store.labs.model import (
    CRITICAL_FLAGS,
    Coded,
    Comparator,
    Flag,
    LabPatient,
    Numeric,
    Observation,
    Textual,
)
from dicom_store.labs.reading import number
from dicom_store.labs.units import convert

ADULT_YEARS = 18
_MAX_RANGE_CHARS = 64

_NUM = r"([+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))"
_BETWEEN = re.compile(rf"\s*{_NUM}\s*(?:-{{1,2}}|–|—{{1,2}}|~|～|∼|至|to|\.\.)\s*{_NUM}\s*")
_BOUND = re.compile(rf"\s*(<=|>=|≤|≥|≦|≧|<|>|＜|＞)\s*{_NUM}\s*")
_BRACKETS = str.maketrans("", "", "()[]（）【】")
_UPPER_BOUNDS = {"<", "<=", "≤", "≦", "＜"}

# A qualitative range or result, folded to lower case without brackets.
_NEGATIVE = frozenset({
    "阴性", "阴", "-", "neg", "negative", "not detected", "undetected", "未检出", "未见", "nonreactive", "non-reactive",
    "absent", "阴性-", "neg-",
})  # fmt: skip
_POSITIVE = frozenset({
    "阳性", "阳", "弱阳性", "+", "++", "+++", "++++", "1+", "2+", "3+", "4+", "pos", "positive", "detected", "检出",
    "reactive", "present", "阳性+", "weakly positive",
})  # fmt: skip


def limits_of(range_text: str) -> Limits | None:
    """Read a reference range; None for anything with words, several intervals or a reversed one.

    `<5` and `≤5` are both read as an upper end of 5: the flag of a result of exactly 5 is then N.
    """
    if len(range_text) > _MAX_RANGE_CHARS:
        return None
    between = _BETWEEN.fullmatch(range_text)
    if between and between.group(1).startswith("-") and "--" in range_text:
        return None  # "-3--1" may end at 1 or at -1.
    if between:
        low, high = number(between.group(1)), number(between.group(2))
        return Limits(low, high) if low is not None and high is not None and low <= high else None
    bound = _BOUND.fullmatch(range_text)
    if bound is None:
        return None
    end = number(bound.group(2))
    return Limits(None, end) if bound.group(1) in _UPPER_BOUNDS else Limits(end, None)


def years_at(birth_date: str, moment: datetime | None) -> int | None:
    """Whole years at a moment, by the least exact reading of the birth date; None where either is not known."""
    if moment is None:
        return None
    parts = birth_date.split("-")
    try:
        born = date(int(parts[0]), int(parts[1]) if len(parts) > 1 else 12, int(parts[2]) if len(parts) > 2 else 28)
    except ValueError:
        return None
    on = moment.date()
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return years if 0 <= years < 150 else None


def judge(observation: Observation, patient: LabPatient, at: datetime | None) -> tuple[Flag | None, str]:
    """Give a result the archive's own flag.

    Args:
        observation: With `ucum`, `range_low` and `range_high` filled in.
        patient: For the typical ranges.
        at: When it was taken, for the patient's age.

    Returns:
        The flag and where its range comes from ("range", "typical"); (None, "") where it cannot be said.
    """
    analyte = find(observation.code, observation.system)
    value = observation.value
    if isinstance(value, Textual | Coded):
        return _qualitative(value.text, observation.range_text, analyte)
    if not isinstance(value, Numeric):
        return None, ""
    adult = (years_at(patient.birth_date, at) or 0) >= ADULT_YEARS
    critical = _critical(value, observation.ucum, analyte) if adult else None
    own = Limits(observation.range_low, observation.range_high)
    if own != Limits(None, None):
        flag = _compare(value.number, value.comparator, own)
        agreed = critical is not None and flag in (critical.value[0], None)
        return (critical, "typical") if agreed else (flag, "range" if flag else "")
    if observation.range_text or not adult or analyte is None:
        return (critical, "typical") if critical else (None, "")
    typical = analyte.typical(patient.sex)
    converted = convert(value.number, observation.ucum, analyte.unit, analyte) if typical else None
    flag = _compare(converted, value.comparator, typical) if typical and converted is not None else None
    return (critical or flag, "typical") if critical or flag else (None, "")


def is_critical(flags: tuple[str, ...], computed: Flag | None) -> bool:
    """Whether the sender or the archive calls a result critical."""
    return computed in CRITICAL_FLAGS or any(flag in CRITICAL_FLAGS for flag in flags)


def _critical(value: Numeric, ucum: str, analyte: Analyte | None) -> Flag | None:
    if analyte is None or analyte.critical is None:
        return None
    converted = convert(value.number, ucum, analyte.unit, analyte)
    flag = None if converted is None else _compare(converted, value.comparator, analyte.critical)
    return {Flag.LOW: Flag.VERY_LOW, Flag.HIGH: Flag.VERY_HIGH}.get(flag) if flag else None


def _compare(number: Decimal, comparator: Comparator | None, limits: Limits) -> Flag | None:
    """Compare a number, known exactly or only to one side, with an interval whose ends belong to it."""
    low, high = limits
    if comparator in (Comparator.LESS, Comparator.AT_MOST):
        if low is not None and (number < low or (number == low and comparator is Comparator.LESS)):
            return Flag.LOW
        return Flag.NORMAL if low is None and high is not None and number <= high else None
    if comparator in (Comparator.GREATER, Comparator.AT_LEAST):
        if high is not None and (number > high or (number == high and comparator is Comparator.GREATER)):
            return Flag.HIGH
        return Flag.NORMAL if high is None and low is not None and number >= low else None
    if low is not None and number < low:
        return Flag.LOW
    return Flag.HIGH if high is not None and number > high else Flag.NORMAL


def _qualitative(text: str, range_text: str, analyte: Analyte | None) -> tuple[Flag | None, str]:
    expected_negative = _folded(range_text) in _NEGATIVE
    if not expected_negative and (range_text or analyte is None or not analyte.negative):
        return None, ""
    source = "range" if expected_negative else "typical"
    if _folded(text) in _NEGATIVE:
        return Flag.NORMAL, source
    return (Flag.ABNORMAL, source) if _folded(text) in _POSITIVE else (None, "")


def _folded(text: str) -> str:
    return text.translate(_BRACKETS).strip().lower().replace("－", "-").replace("＋", "+")
