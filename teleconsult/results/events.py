"""What the room tells after a commit. Plain words and ids only."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class CriticalValue(Event):
    """A lab report of a consult holds critical values; told once per report and consult.

    Attributes:
        results: How many.
    """

    consult: str
    lab_report: str
    results: int
