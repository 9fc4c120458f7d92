"""Pictures of plain films, made in a thread of the archive's own process.

Workers stand apart because decoders are C code fed with strangers' files. A plain film is not decoded: its pixels are
its bytes, so nothing of it needs those walls, and the way to a worker and back costs more than the picture itself.
Small films only, a few at a time; what is anything else than plain goes to a worker as ever. numpy and Pillow are
imported with the first picture.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from dicom_store.heap import FOR_PICTURES, keep_pages
from dicom_store.model import InstanceRecord
from dicom_store.render.look import Look
from dicom_store.tagwalk import PLAIN

if TYPE_CHECKING:
    from dicom_store.render.encoding import Encoded

_MOST_PIXELS = 1 << 21
_MOST_BYTES = 5 << 20
_GIVES_WAY = 10
"""Niceness."""


def may_be_plain(record: InstanceRecord) -> bool:
    """Whether the index speaks for it; the film itself has the last word."""
    return (
        record.transfer_syntax in PLAIN
        and record.pixel_offset > 0
        and (record.frames, record.samples) == (1, 1)
        and record.bits_allocated in (8, 16)
        and 0 < record.rows * record.columns <= _MOST_PIXELS
        and record.blob.length <= _MOST_BYTES
    )


class Near:
    """A few threads that make pictures of plain films; `close` at the end.

    Args:
        count: Pictures at a time.
    """

    def __init__(self, count: int = 2) -> None:
        self._count = count
        self._busy = 0
        places = iter(range(count))
        self._threads = ThreadPoolExecutor(
            count, thread_name_prefix="pictures", initializer=lambda: _settle(next(places), count)
        )

    def close(self) -> None:
        """Finish what is being made."""
        self._threads.shutdown(cancel_futures=True)

    @property
    def idle(self) -> bool:
        """Whether one more would begin at once."""
        return self._busy < self._count

    def warm(self) -> None:
        """Import what the first picture needs, in a thread."""
        self._threads.submit(_prepare)

    async def picture(self, film: bytes | Callable[[], bytes | None], look: Look) -> "Encoded | None":
        """Show a film; None where it is not plain after all.

        Args:
            film: The whole film, or what gives it in the thread; without a film there is no picture.
            look: How it is to look.

        Raises:
            NotRenderable: The region asked for lies outside of the picture.
        """
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _shown, film, look)
        finally:
            self._busy -= 1


def _settle(place: int, count: int) -> None:
    """Give this thread its own share of the processors, and the last turn on them.

    Left to itself a kernel may wake one thread behind the other, beside an idle processor, until it next looks around:
    on two processors the picture that somebody waits for then came after three that nobody had asked for yet. And
    drawing lasts a hundred times longer than what the event loop has to do meanwhile.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux: for this thread alone
        with suppress(OSError):  # a container may forbid it: then it is slower
            os.nice(_GIVES_WAY)
            share = sorted(os.sched_getaffinity(0))[place::count]
            if share:
                os.sched_setaffinity(0, share)


@cache
def _prepare() -> None:
    import numpy as np

    from dicom_store.render import encoding, plain  # noqa: F401

    keep_pages(FOR_PICTURES)
    # The codec is loaded with the first picture that it makes: 5 ms that nobody need wait for.
    encoding.encode(np.zeros((8, 8), np.uint8), 1.0, Look())


def _shown(film: bytes | Callable[[], bytes | None], look: Look) -> "Encoded | None":
    _prepare()
    film = film if isinstance(film, bytes) else film() or b""
    if not film:
        return None
    import numpy as np

    from dicom_store.render import encoding, plain

    with np.errstate(all="ignore"):
        quick = plain.show(film, look.window)
        return None if quick is None else encoding.encode(*quick, look)
