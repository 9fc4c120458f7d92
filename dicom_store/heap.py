"""Keeps the memory of films between requests.

A film is half a megabyte and lives for some milliseconds. glibc would give its pages back each time and fetch fresh
ones, zeroed, for the next film: a tenth of the processor time of taking it in.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Source: mallopt(3)."""
FOR_FILMS = (1 << 20, 6 << 20)
FOR_PICTURES = (4 << 20, 24 << 20)
"""The arrays of one picture are some megabytes."""


def keep_pages(sizes: tuple[int, int] = FOR_FILMS) -> bool:
    """Let this process keep free memory. Call at the start; again where more is needed.

    Args:
        sizes: Bytes of the largest piece that is kept, and of all together.

    Returns:
        False where the C library has no such setting; then nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    largest, kept = sizes
    return bool(mallopt(_MMAP_THRESHOLD, largest)) and bool(mallopt(_TRIM_THRESHOLD, kept))
