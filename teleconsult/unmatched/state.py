"""The words of this room."""

from enum import StrEnum


class State(StrEnum):
    """Where an arrival stands."""

    WAITING = "waiting"
    MATCHED = "matched"
    ASIDE = "aside"
    """A person said that it belongs to no case; it stays in the archive."""


class How(StrEnum):
    """How it was matched."""

    HAND = "hand"
    RECORD_NUMBER = "record_number"
    """By itself: number and name fit one patient who has one open case."""
    CORRECTION = "correction"
    """By itself: it corrects a report that a case holds."""
