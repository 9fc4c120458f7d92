"""Takes packs out of an object storage that no film names: a process was killed between put and index commit.

Nothing of them was ever acknowledged. They only waste room, so this is done when a person asks for it, and carefully:
an old pack without a film may also mean that the index was restored from an old backup, and then nothing is removed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from dicom_store.storage.blobs import Blobs
from dicom_store.storage.packbook import PackBook

_GROUP = 500
_MOST = 200_000
_SPARE = 16
"""So many packs without films may be there although most packs are without."""


class Listing(Protocol):
    """A place that can say what it holds: `bucket.Bucket`."""

    def listed(self, before: datetime) -> Iterator[tuple[str, int]]:
        """Packs put there before a time, with their sizes; blocks."""

    def remove(self, pack: str) -> None:
        """Take a pack away for good; blocks."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a run did.

    Attributes:
        packs: Removed.
        freed_bytes: Room that is free now.
        refused: More packs without films than with some: the index is not the one of this storage. None was removed.
    """

    packs: int = 0
    freed_bytes: int = 0
    refused: bool = False


async def sweep(place: Listing, blobs: Blobs, book: PackBook, now: datetime, age: timedelta) -> Swept:
    """Remove packs that no film names and that are older than `age`, at most some 200,000 looked at in one run.

    Args:
        place: Where the packs lie.
        blobs: Its threads do what blocks.
        book: What the index knows of packs.
        now: The time.
        age: A younger pack may be on its way into the index.

    Raises:
        Unavailable: The storage or the database failed; a later run goes on.
    """
    listed = islice(place.listed(now - age), _MOST)
    orphans: list[tuple[str, int]] = []
    known = 0
    while group := await blobs.run(lambda: list(islice(listed, _GROUP))):
        named = await book.named([pack for pack, _ in group])
        known += len(named)
        orphans += [(pack, size) for pack, size in group if pack not in named]
    if len(orphans) > max(_SPARE, known):
        return Swept(refused=True)
    for pack, _ in orphans:
        await blobs.run(place.remove, pack)
    return Swept(len(orphans), sum(size for _, size in orphans))
