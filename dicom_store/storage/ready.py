"""Statements as SQLite's driver takes them, kept from one reading to the next.

SQLAlchemy writes a statement once for each shape of its values. To run it again it asks itself the same fifty
questions as before, and for a reading of a few rows that takes longer than the rows.
"""

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Dialect, PoolProxiedConnection, Select
from sqlalchemy.types import TypeEngine

_KEPT = 256
_Shape: TypeAlias = tuple[tuple[str, int], ...]
"""Which values are lists, and how long they are."""


class _Place(NamedTuple):
    """Where the driver's parameter comes from.

    Attributes:
        name: Of the value; "" where it stands in the statement itself.
        part: Of a list, its tuples laid end to end; None takes the value as it is.
        fixed: What stands in the statement.
        given: How it is given to the driver.
    """

    name: str
    part: int | None
    fixed: Any
    given: Callable[[Any], Any] | None


class _Ready(NamedTuple):
    """A statement for values of one shape.

    Attributes:
        row: Makes a row that has names.
        taken: Column -> how its values are taken from the driver, where not as they are.
    """

    sql: str
    places: Sequence[_Place]
    row: Callable[[Sequence[Any]], Any]
    taken: Sequence[tuple[int, Callable[[Any], Any]]]


class Statements:
    """The statements of one thread.

    Args:
        dialect: Writes them.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: OrderedDict[tuple[Select[Any], _Shape], _Ready] = OrderedDict()

    def rows(self, connection: PoolProxiedConnection, query: Select[Any], values: Mapping[str, Any]) -> list[Any]:
        """All rows, with the names of their columns.

        Args:
            connection: Of a file that nobody else reads with it.
            query: Known again by identity: keep it from one reading to the next.
            values: Of its parameters; a list for one that expands.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        flat = {name: _flat(value) for name, value in values.items() if isinstance(value, list)}
        key = query, tuple((name, len(parts)) for name, parts in flat.items())
        ready = self._known.get(key)
        if ready is None:
            ready = self._known[key] = self._written(query, values)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        with closing(connection.cursor()) as cursor:
            cursor.execute(ready.sql, [_value(place, values, flat) for place in ready.places])
            found = cursor.fetchall()
        return [ready.row(_taken(row, ready.taken) if ready.taken else row) for row in found]

    def _written(self, query: Select[Any], values: Mapping[str, Any]) -> _Ready:
        compiled = query.compile(dialect=self._dialect)
        state = compiled.construct_expanded_state(dict(values))
        parts = {
            part: (name, number)
            for name, names in state.parameter_expansion.items()
            for number, part in enumerate(names)
        }
        places = []
        for word in state.positiontup or ():
            name, number = parts.get(word, (word if word in values else "", None))
            given = state.processors.get(word) or self._given(compiled.binds[name or word].type)
            places.append(_Place(name, number, state.parameters[word], given))
        columns = list(query.selected_columns)
        named = namedtuple("Row", [column.key for column in columns], rename=True)  # type: ignore[misc]
        taken = [
            (number, process)
            for number, column in enumerate(columns)
            if (process := self._impl(column.type).result_processor(self._dialect, None)) is not None
        ]
        return _Ready(state.statement, places, named._make, taken)

    def _given(self, kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
        return self._impl(kind).bind_processor(self._dialect)

    def _impl(self, kind: TypeEngine[Any]) -> TypeEngine[Any]:
        return kind.dialect_impl(self._dialect)


def _flat(value: list[Any]) -> list[Any]:
    return list(chain.from_iterable(value)) if value and isinstance(value[0], tuple) else value


def _value(place: _Place, values: Mapping[str, Any], flat: Mapping[str, list[Any]]) -> Any:
    if place.part is not None:
        value = flat[place.name][place.part]
    else:
        value = values[place.name] if place.name else place.fixed
    return value if place.given is None else place.given(value)


def _taken(row: Sequence[Any], taken: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    cells = list(row)
    for number, process in taken:
        cells[number] = process(cells[number])
    return cells
