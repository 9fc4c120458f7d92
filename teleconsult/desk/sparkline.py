"""The small line beside a lab value: its course with the normal band behind. Pure geometry, no words, no colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

WIDTH, HEIGHT = 88.0, 24.0
_MARGIN = 3.4
_LAST = 4


class Course(Protocol):
    """A row of a lab table."""

    @property
    def trend(self) -> Sequence["Value"]:
        """Oldest first."""

    @property
    def low(self) -> Decimal | None:
        """Of the normal range."""

    @property
    def high(self) -> Decimal | None:
        """Of the normal range."""


class Value(Protocol):
    """A value in time."""

    @property
    def value(self) -> Decimal:
        """The number."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the template puts into the picture of 88 by 24.

    Attributes:
        points: For a polyline.
        last_y: Of the newest value, which gets a dot.
        band: Top and height of the normal range; None without one.
        words: The last values, for reading aloud.
    """

    points: str
    last_y: float
    band: tuple[float, float] | None
    words: str


def drawn(row: Course) -> Drawn | None:
    """A row's course; None with fewer than two values."""
    values = [float(point.value) for point in row.trend]
    if len(values) < 2:
        return None
    edges = [float(edge) for edge in (row.low, row.high) if edge is not None]
    least, most = min(values + edges), max(values + edges)
    whole = (most - least) or 1.0

    def y_of(value: float) -> float:
        return round(HEIGHT - _MARGIN - (value - least) / whole * (HEIGHT - 2 * _MARGIN), 1)

    step = (WIDTH - 8) / (len(values) - 1)
    points = " ".join(f"{4 + place * step:.0f},{y_of(value)}" for place, value in enumerate(values))
    band = None
    if edges:
        top = y_of(float(row.high)) if row.high is not None else 0.0
        bottom = y_of(float(row.low)) if row.low is not None else HEIGHT
        band = (top, round(max(bottom - top, 0.5), 1))
    return Drawn(points, y_of(values[-1]), band, ", ".join(str(point.value) for point in row.trend[-_LAST:]))
