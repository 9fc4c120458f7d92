"""Chinese public holidays as data: the State Council's yearly notices. Adding a year is adding its entry.

A year without an entry falls back to weekends and the holidays that law fixes by the solar calendar.
"""

from datetime import date, timedelta


def _span(first: date, last: date) -> frozenset[date]:
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))


HOLIDAYS: dict[int, frozenset[date]] = {
    # Source: State Council General Office notice 国办发明电〔2024〕12号.
    2025: (
        _span(date(2025, 1, 1), date(2025, 1, 1))
        | _span(date(2025, 1, 28), date(2025, 2, 4))
        | _span(date(2025, 4, 4), date(2025, 4, 6))
        | _span(date(2025, 5, 1), date(2025, 5, 5))
        | _span(date(2025, 5, 31), date(2025, 6, 2))
        | _span(date(2025, 10, 1), date(2025, 10, 8))
    ),
    # Source: State Council General Office notice of 4 November 2025.
    2026: (
        _span(date(2026, 1, 1), date(2026, 1, 3))
        | _span(date(2026, 2, 15), date(2026, 2, 23))
        | _span(date(2026, 4, 4), date(2026, 4, 6))
        | _span(date(2026, 5, 1), date(2026, 5, 5))
        | _span(date(2026, 6, 19), date(2026, 6, 21))
        | _span(date(2026, 9, 25), date(2026, 9, 27))
        | _span(date(2026, 10, 1), date(2026, 10, 7))
    ),
}
"""Days off by year, weekends inside a holiday included."""

WORKED_WEEKENDS: dict[int, frozenset[date]] = {
    2025: frozenset({date(2025, 1, 26), date(2025, 2, 8), date(2025, 4, 27), date(2025, 9, 28), date(2025, 10, 11)}),
    2026: frozenset(
        {
            date(2026, 1, 4),
            date(2026, 2, 14),
            date(2026, 2, 28),
            date(2026, 5, 9),
            date(2026, 9, 20),
            date(2026, 10, 10),
        }
    ),
}
"""Weekend days that are worked (调休)."""

FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""Month and day of the holidays that do not follow the moon. Source: 全国年节及纪念日放假办法 (2024), article 2."""
