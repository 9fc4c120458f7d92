"""A clock that stands still until it is turned."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""Friday noon in China."""


class FixedClock:
    """Satisfies `teleconsult.clock.Clock`."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def turn(self, **by: float) -> None:
        """`clock.turn(minutes=31)`."""
        self.at += timedelta(**by)
