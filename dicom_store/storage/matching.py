"""How a value of a search is compared with a column: exact, one of some, a range, a pattern, words of a name.

A comparison may be `still`: it then filters, and says to no planner that it could be a way to the rows. Which index
opens a search is decided in `searching`, not by a planner that knows nothing of how values are spread.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, or_, select

from dicom_store.model import Level, Match, MatchKind
from dicom_store.storage.tables import instances, series, studies

STUDY_COLUMNS = {
    0x00080020: studies.c.study_date,
    0x00080030: studies.c.study_time,
    0x00080050: studies.c.accession,
    0x00080090: studies.c.referrer,
    0x00081030: studies.c.description,
    0x00100020: studies.c.patient_id,
    0x00100030: studies.c.birth_date,
    0x00100040: studies.c.sex,
    0x0020000D: studies.c.study_uid,
    0x00200010: studies.c.study_id,
}
SERIES_COLUMNS = {
    0x00080060: series.c.modality,
    0x0008103E: series.c.description,
    0x00081010: series.c.station,
    0x00180015: series.c.body_part,
    0x0020000E: series.c.series_uid,
    0x00200011: series.c.number,
    0x00400244: series.c.started_date,
    0x00400245: series.c.started_time,
}
INSTANCE_COLUMNS = {
    0x00080016: instances.c.sop_class,
    0x00080018: instances.c.instance_uid,
    0x00200013: instances.c.number,
}
PATIENT_NAME, PATIENT_ID, ACCESSION = 0x00100010, 0x00100020, 0x00080050
STUDY_UID, SERIES_UID, INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080018
NAME_COLUMNS = (studies.c.patient_name, studies.c.patient_ideographic)
MODALITIES_IN_STUDY = 0x00080061
SEARCHABLE = {*STUDY_COLUMNS, *SERIES_COLUMNS, *INSTANCE_COLUMNS, PATIENT_NAME, MODALITIES_IN_STUDY}
NUMBERS = {0x00200011, 0x00200013}

# No DICOM text holds it, and it sorts after every other character.
_AFTER_ALL = "\U0010ffff"


def traits_of(match: Match) -> tuple[bool, ...]:
    """What of a match's values changes the SQL: which range ends are open, whether a pattern has a fixed start."""
    if match.kind is MatchKind.RANGE:
        return tuple(bool(value) for value in match.values)
    if match.kind is MatchKind.WILDCARD:
        return (bool(fixed_start(match.values[0])),)
    if match.kind is MatchKind.FUZZY:
        return (True,) * len(match.values)
    return ()


def fixed_start(pattern: str) -> str:
    """What a text that fits a pattern begins with."""
    ends = [place for place in (pattern.find("*"), pattern.find("?")) if place >= 0]
    return pattern[: min(ends)] if ends else pattern


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def values_of(name: str, match: Match) -> dict[str, Any]:
    """The parameters of `compare`."""
    number = match.tag in NUMBERS
    if match.kind is MatchKind.EXACT:
        first = match.values[0]
        # The second is for `condition` on modalities.
        return {name: int(first) if number else first, f"{name}_within": f"%{_like(first)}%"}
    if match.kind is MatchKind.ONE_OF:
        return {name: [int(value) for value in match.values] if number else list(match.values)}
    if match.kind is MatchKind.RANGE:
        return {f"{name}_low": match.values[0], f"{name}_high": match.values[1]}
    if match.kind is MatchKind.WILDCARD:
        start = fixed_start(match.values[0])
        return {name: _like(match.values[0]), f"{name}_low": start, f"{name}_high": start + _AFTER_ALL}
    return {f"{name}_{place}": f"% {_like(word)}%" for place, word in enumerate(match.values)}


def compare(column: ColumnElement[Any], kind: MatchKind, traits: tuple[bool, ...], name: str) -> ColumnElement[bool]:
    """A comparison whose parameters begin with `name`; `traits` are those of `traits_of`."""
    if kind is MatchKind.EXACT:
        return column == bindparam(name)
    if kind is MatchKind.ONE_OF:
        return column.in_(bindparam(name, expanding=True))
    if kind is MatchKind.RANGE:
        # A film without the value is not in any range.
        ends = [column >= bindparam(f"{name}_low")] if traits[0] else [column > ""]
        return and_(*ends, *([column <= bindparam(f"{name}_high")] if traits[1] else []))
    if kind is MatchKind.WILDCARD:
        like = column.like(bindparam(name), escape="\\")
        if traits[0]:
            return and_(column >= bindparam(f"{name}_low"), column < bindparam(f"{name}_high"), like)
        return like
    return and_(*[column.like(bindparam(f"{name}_{place}"), escape="\\") for place in range(len(traits))])


def still(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of texts that no index is used for, on either database."""
    return column.concat(literal_column("''"))


def condition(level: Level, tag: int, kind: MatchKind, traits: tuple[bool, ...], name: str) -> ColumnElement[bool]:
    """What one match asks of the rows of a search at a level; opens no index by a text of the study."""
    if tag == PATIENT_NAME:
        if kind is MatchKind.FUZZY:
            return compare(studies.c.patient_sounds, kind, traits, name)
        return or_(*[compare(still(column), kind, traits, name) for column in NAME_COLUMNS])
    if tag in STUDY_COLUMNS:
        column = STUDY_COLUMNS[tag]
        # The walk by date goes along the dates; everything else only filters.
        return compare(column if column is studies.c.study_date else still(column), kind, traits, name)
    if tag == MODALITIES_IN_STUDY or (tag in SERIES_COLUMNS and level is Level.STUDY):
        column = series.c.modality if tag == MODALITIES_IN_STUDY else SERIES_COLUMNS[tag]
        inner = series.alias("inner_series")
        compared = compare(inner.c[column.name], kind, traits, name)
        found = select(inner.c.id).where(inner.c.study == studies.c.id, compared).correlate(studies).exists()
        if tag == MODALITIES_IN_STUDY and kind is MatchKind.EXACT:
            # Said beforehand of all modalities in one text, which the walk has at hand.
            return and_(studies.c.modalities.like(bindparam(f"{name}_within"), escape="\\"), found)
        return found
    if tag in SERIES_COLUMNS:
        column = SERIES_COLUMNS[tag]
        return compare(still(column) if column is series.c.modality else column, kind, traits, name)
    if level is Level.INSTANCE:
        return compare(INSTANCE_COLUMNS[tag], kind, traits, name)
    film = instances.alias("inner_instances")
    compared = compare(film.c[INSTANCE_COLUMNS[tag].name], kind, traits, name)
    above = studies if level is Level.STUDY else series
    parent = film.c.study == studies.c.id if level is Level.STUDY else film.c.series == series.c.id
    return select(film.c.id).where(parent, compared).correlate(above).exists()
