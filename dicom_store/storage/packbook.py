"""What the index knows of packs: where their last film ends, which are complete, what of them still lives."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update

from dicom_store.model import BlobRef
from dicom_store.storage.index import Index, film_name
from dicom_store.storage.jobs import Writing
from dicom_store.storage.tables import instances, removals, sealed_packs

_LIVE = (
    select(
        instances.c.id, instances.c.institution, instances.c.instance_uid, instances.c.digest,
        instances.c.pack_offset, instances.c.length,
    )
    .where(instances.c.pack == bindparam("pack_id"))
    .order_by(instances.c.pack_offset)
)  # fmt: skip
_MOVE = (
    update(instances)
    .where(
        instances.c.id == bindparam("row"),
        instances.c.pack == bindparam("old_pack"),
        instances.c.pack_offset == bindparam("old_offset"),
    )
    .values(pack=bindparam("new_pack"), pack_offset=bindparam("new_offset"))
)


class Live(NamedTuple):
    """A film of a pack that is still there.

    Attributes:
        row: Its number in the index.
        digest: See `fingerprint`.
    """

    row: int
    digest: bytes
    blob: BlobRef


class PackBook:
    """The packs of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def end(self, pack: str) -> BlobRef | None:
        """The last indexed film of a pack."""
        query = (
            select(instances.c.pack_offset, instances.c.length)
            .where(instances.c.pack == bindparam("pack_id"))
            .order_by(instances.c.pack_offset.desc())
            .limit(1)
        )
        rows = await self._index.rows(query, {"pack_id": pack})
        return BlobRef(pack, rows[0].pack_offset, rows[0].length, "") if rows else None

    async def sealed(self) -> set[str]:
        """Packs that nobody writes any more."""
        return {row.pack for row in await self._index.rows(select(sealed_packs.c.pack))}

    async def seal(self, packs: Sequence[str]) -> None:
        """Remember that nobody writes these packs any more."""

        async def job(connection: Writing) -> None:
            await connection.execute(sealed_packs.insert(), [{"pack": pack} for pack in packs])

        if packs:
            await self._index.write(job)

    async def thinned(self) -> list[str]:
        """Packs that films were deleted from at some time; some may be gone since."""
        return [row.pack for row in await self._index.rows(select(removals.c.pack).distinct())]

    async def named(self, packs: Sequence[str]) -> set[str]:
        """Those of some hundred packs that hold a film."""
        query = select(instances.c.pack).where(instances.c.pack.in_(bindparam("packs", expanding=True))).distinct()
        return {row.pack for row in await self._index.rows(query, {"packs": list(packs)})}

    async def live(self, pack: str) -> list[Live]:
        """The films of a pack that are still there, in the order of their places."""
        return [
            Live(number, digest, BlobRef(pack, offset, length, film_name(holder, uid)))
            for number, holder, uid, digest, offset, length in await self._index.rows(_LIVE, {"pack_id": pack})
        ]

    async def move(self, moved: Sequence[tuple[Live, BlobRef]]) -> None:
        """Films lie elsewhere now; one that was deleted meanwhile stays deleted."""
        rows = [
            {
                "row": film.row, "old_pack": film.blob.pack, "old_offset": film.blob.offset,
                "new_pack": place.pack, "new_offset": place.offset,
            }
            for film, place in moved
        ]  # fmt: skip

        async def job(connection: Writing) -> None:
            await connection.execute(_MOVE, rows)

        await self._index.write(job)

    async def forget(self, pack: str) -> None:
        """A pack is gone."""

        async def job(connection: Writing) -> None:
            await connection.execute(delete(sealed_packs).where(sealed_packs.c.pack == pack))

        await self._index.write(job)
