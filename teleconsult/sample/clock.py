"""A clock that tells the county's story: it stands in the past and is moved on, day by day, to now."""

from datetime import datetime, timedelta

from teleconsult.clock import Clock, SystemClock

STORY_DAYS = 45
"""How far back the story begins: longer than any deadline of the policy."""


class StoryClock:
    """Time as the sample's people have it; it never goes back.

    Args:
        clock: The real time.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._behind = timedelta(days=STORY_DAYS)

    def now(self) -> datetime:
        """The moment of the story."""
        return self._clock.now() - self._behind

    def go_to(self, *, days_ago: float) -> None:
        """Move on.

        Raises:
            ValueError: That would be back.
        """
        behind = timedelta(days=days_ago)
        if behind > self._behind:
            raise ValueError("a story does not go back")
        self._behind = behind
