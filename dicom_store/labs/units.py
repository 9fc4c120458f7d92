"""Read spellings of units as UCUM and convert between units, never guessing.

Pure. A spelling that is not in the table has no UCUM reading; a conversion that needs a fact about the analyte (molar
mass, valence) which the table lacks is None. Knows no report and no range.

Source: The Unified Code for Units of Measure 2.1, https://ucum.org; IUPAC standard atomic weights 2021 for molar masses
in `analytes`.
"""

import re
import unicodedata
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

MAX_UNIT_CHARS = 64


class Dimension(StrEnum):
    """What a unit measures; numbers convert freely inside of one."""

    NUMBER_CONCENTRATION = "number/volume"  # base: per litre
    MASS_CONCENTRATION = "mass/volume"  # base: gram per litre
    SUBSTANCE_CONCENTRATION = "substance/volume"  # base: mole per litre
    CHARGE_CONCENTRATION = "equivalents/volume"  # base: equivalent per litre
    CATALYTIC_CONCENTRATION = "catalytic/volume"  # base: enzyme unit per litre
    ARBITRARY_CONCENTRATION = "arbitrary/volume"  # base: international unit per litre
    FRACTION = "fraction"  # base: 1
    VOLUME = "volume"  # base: litre
    MASS = "mass"  # base: gram
    TIME = "time"  # base: second
    PRESSURE = "pressure"  # base: kilopascal
    SEDIMENTATION = "length/time"  # base: millimetre per hour
    FIELD_COUNT = "count/field"  # base: per high-power field


class _Unit(NamedTuple):
    dimension: Dimension
    factor: Decimal  # how many base units one of these is


class Substance(Protocol):
    """What a conversion may need to know of an analyte; `analytes.Analyte` is one."""

    @property
    def molar_mass(self) -> Decimal | None:
        """Gram per mole."""

    @property
    def valence(self) -> int | None:
        """Charges per ion."""

    @property
    def catalytic(self) -> bool:
        """Whether one enzyme unit and one international unit are the same for it."""


def _table(dimension: Dimension, **factors: str) -> dict[str, _Unit]:
    return {code: _Unit(dimension, Decimal(factor)) for code, factor in factors.items()}


def _concentrations(dimension: Dimension, prefixes: dict[str, str], stem: str) -> dict[str, _Unit]:
    volumes = {"L": "1", "dL": "10", "mL": "1e3", "uL": "1e6"}
    return {
        f"{prefix}{stem}/{volume}": _Unit(dimension, Decimal(factor) * Decimal(volumes[volume]))
        for prefix, factor in prefixes.items()
        for volume in volumes
    }


_PREFIXES = {"": "1", "m": "1e-3", "u": "1e-6", "n": "1e-9", "p": "1e-12", "f": "1e-15"}

_UNITS: dict[str, _Unit] = {
    **_table(
        Dimension.NUMBER_CONCENTRATION,
        **{
            "10*12/L": "1e12", "10*9/L": "1e9", "10*6/L": "1e6", "10*3/L": "1e3", "/L": "1", "10*6/uL": "1e12",
            "10*3/uL": "1e9", "/uL": "1e6", "10*6/mL": "1e9", "10*3/mL": "1e6", "/mL": "1e3",
            "{cells}/uL": "1e6", "{copies}/mL": "1e3", "{copies}/uL": "1e6",
        },
    ),
    **_concentrations(Dimension.MASS_CONCENTRATION, _PREFIXES, "g"),
    **_concentrations(Dimension.SUBSTANCE_CONCENTRATION, _PREFIXES, "mol"),
    **_concentrations(Dimension.CHARGE_CONCENTRATION, {"": "1", "m": "1e-3"}, "eq"),
    **_concentrations(Dimension.CATALYTIC_CONCENTRATION, {"k": "1e3", "": "1", "m": "1e-3", "u": "1e-6"}, "U"),
    **_concentrations(Dimension.ARBITRARY_CONCENTRATION, {"k": "1e3", "": "1", "m": "1e-3", "u": "1e-6"}, "[IU]"),
    **_table(Dimension.FRACTION, **{"%": "0.01", "1": "1", "{ratio}": "1", "{INR}": "1", "L/L": "1"}),
    **_table(Dimension.VOLUME, L="1", dL="0.1", mL="1e-3", uL="1e-6", fL="1e-15"),
    **_table(Dimension.MASS, kg="1e3", g="1", mg="1e-3", ug="1e-6", ng="1e-9", pg="1e-12"),
    **_table(Dimension.TIME, ms="1e-3", s="1", min="60", h="3600", d="86400"),
    **_table(Dimension.PRESSURE, **{"kPa": "1", "mm[Hg]": "0.133322387415"}),
    **_table(Dimension.SEDIMENTATION, **{"mm/h": "1"}),
    **_table(Dimension.FIELD_COUNT, **{"/[HPF]": "1", "{cells}/[HPF]": "1"}),
}  # fmt: skip
# UCUM spells the international unit [IU] or [iU]; both are read, the first is written.

# Spellings that laboratories use, after `_plain`; each has exactly one meaning there.
_SPELLINGS = {
    "10^12/L": "10*12/L", "10E12/L": "10*12/L", "10E+12/L": "10*12/L", "E12/L": "10*12/L",
    "tera.l-1": "10*12/L", "tera/L": "10*12/L",
    "10^9/L": "10*9/L", "10E9/L": "10*9/L", "10E+9/L": "10*9/L", "E9/L": "10*9/L",
    "giga.l-1": "10*9/L", "giga/L": "10*9/L", "10^9个/L": "10*9/L",
    "10^6/L": "10*6/L", "10E6/L": "10*6/L",
    "10^3/uL": "10*3/uL", "10E3/uL": "10*3/uL", "K/uL": "10*3/uL", "k/uL": "10*3/uL", "10^3/mm3": "10*3/uL",
    "10^6/uL": "10*6/uL", "10E6/uL": "10*6/uL", "M/uL": "10*6/uL",
    "个/uL": "/uL", "个/ul": "/uL", "cells/uL": "{cells}/uL", "copies/mL": "{copies}/mL", "copies/uL": "{copies}/uL",
    "拷贝/mL": "{copies}/mL",
    "mEq/L": "meq/L", "gm/dL": "g/dL", "gm/L": "g/L", "gm%": "g/dL",
    "IU/L": "[IU]/L", "iU/L": "[IU]/L", "mIU/L": "m[IU]/L", "uIU/L": "u[IU]/L", "kIU/L": "k[IU]/L",
    "IU/mL": "[IU]/mL", "iU/mL": "[IU]/mL", "mIU/mL": "m[IU]/mL", "uIU/mL": "u[IU]/mL", "kIU/mL": "k[IU]/mL",
    "[iU]/L": "[IU]/L", "[iU]/mL": "[IU]/mL", "m[iU]/L": "m[IU]/L", "m[iU]/mL": "m[IU]/mL", "u[iU]/mL": "u[IU]/mL",
    "k[iU]/L": "k[IU]/L", "k[iU]/mL": "k[IU]/mL", "u[iU]/L": "u[IU]/L",
    "mg/dl": "mg/dL", "mcg/dL": "ug/dL", "mcg/L": "ug/L", "mcg/mL": "ug/mL", "mcmol/L": "umol/L",
    "秒": "s", "sec": "s", "secs": "s", "分": "min", "小时": "h",
    "mmHg": "mm[Hg]", "mm/hr": "mm/h", "mm/1h": "mm/h", "mm/小时": "mm/h",
    "/HP": "/[HPF]", "/HPF": "/[HPF]", "个/HP": "/[HPF]", "个/HPF": "/[HPF]", "/hpf": "/[HPF]",
    "ratio": "{ratio}", "{Ratio}": "{ratio}", "比值": "{ratio}", "INR": "{INR}", "mg/L FEU": "mg/L{FEU}",
    "mg/L(FEU)": "mg/L{FEU}", "ug/mL FEU": "ug/mL{FEU}", "grams": "g", "gram": "g", "fl": "fL",
    "g/l": "g/L", "g/dl": "g/dL", "mmol/l": "mmol/L", "umol/l": "umol/L", "nmol/l": "nmol/L", "pmol/l": "pmol/L",
    "u/l": "U/L", "u/L": "U/L", "ng/ml": "ng/mL", "pg/ml": "pg/mL", "ug/l": "ug/L", "ug/ml": "ug/mL", "mg/l": "mg/L",
}  # fmt: skip

# Written together with a unit, and harmless: the same unit with a note.
_ANNOTATED = {"mg/L{FEU}", "ug/mL{FEU}", "pg/{cell}", "{cells}/uL"}
_MICRO = str.maketrans({"µ": "u", "μ": "u", "／": "/", "％": "%", "×": "", "＊": "*", "（": "(", "）": ")", "³": "3"})
_TEN = re.compile(r"^x(?=10)|(?<=10)(?:\*\*|\^|\*)", re.IGNORECASE)
_SUPERSCRIPT = re.compile(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹]+)")


def _plain(spelling: str) -> str:
    """Fold what is only typography: micro signs, full width, superscripts, a multiplication sign, inner blanks."""
    raised = _SUPERSCRIPT.sub(lambda found: "10*" + unicodedata.normalize("NFKC", found.group(1)), spelling.strip())
    plain = raised.translate(_MICRO).replace("  ", " ").replace(" /", "/").replace("/ ", "/")
    return _TEN.sub(lambda found: "*" if found.group(0).strip("xX") else "", plain).strip()


_FOLDED = {
    _plain(spelling): code
    for spelling, code in [*((code, code) for code in (*_UNITS, *_ANNOTATED)), *_SPELLINGS.items()]
}


def ucum(spelling: str) -> str:
    """Read a laboratory's spelling of a unit.

    Letter case is respected (UCUM's M is mega, m milli): only the spellings listed are read.

    Returns:
        The UCUM code, or "" where the spelling is unknown.
    """
    if len(spelling) > MAX_UNIT_CHARS:
        return ""
    return _FOLDED.get(_plain(spelling), "")


def convert(value: Decimal, have: str, want: str, substance: Substance | None = None) -> Decimal | None:
    """Convert a number between two UCUM units.

    Args:
        value: In `have`.
        have: UCUM code.
        want: UCUM code.
        substance: What was measured, where mass and amount of substance meet.

    Returns:
        The number in `want`, or None where there is no sure way.
    """
    if have == want and have:
        return value
    source, target = _UNITS.get(_bare(have)), _UNITS.get(_bare(want))
    if source is None or target is None:
        return None
    bridge = _bridge(source.dimension, target.dimension, substance)
    return None if bridge is None else value * source.factor * bridge / target.factor


def _bare(code: str) -> str:
    """Take off UCUM's trailing annotation: it changes no magnitude. Notes alone (`{ratio}`) stay."""
    return re.sub(r"(?<=[A-Za-z\]])\{[^{}]*\}$", "", code) if code not in _UNITS else code


def _bridge(source: Dimension, target: Dimension, substance: Substance | None) -> Decimal | None:
    """How many base units of `target` one base unit of `source` is."""
    if source is target:
        return Decimal(1)
    if substance is None:
        return None
    mass, amount = Dimension.MASS_CONCENTRATION, Dimension.SUBSTANCE_CONCENTRATION
    charge = Dimension.CHARGE_CONCENTRATION
    molar, valence = substance.molar_mass, substance.valence
    if molar and (source, target) in ((mass, amount), (amount, mass)):
        return 1 / molar if source is mass else molar
    if valence and (source, target) in ((charge, amount), (amount, charge)):
        return 1 / Decimal(valence) if source is charge else Decimal(valence)
    enzyme = {Dimension.CATALYTIC_CONCENTRATION, Dimension.ARBITRARY_CONCENTRATION}
    return Decimal(1) if substance.catalytic and {source, target} == enzyme else None
