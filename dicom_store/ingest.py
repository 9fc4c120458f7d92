"""The one door for films: check, keep, index, tell. STOW-RS, DIMSE and uploads all end here.

An answer means that the film's bytes were synced in a pack and its index row committed: in that order, never before
both. Reading headers, hashing and encrypting run in threads; a batch has one pack, one sync and one index commit.
"""

import asyncio
import mmap
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from dicom_store import description
from dicom_store.description import Description
from dicom_store.errors import FilmRefused, NotFound, Unavailable
from dicom_store.fingerprint import fingerprint, is_of_old
from dicom_store.model import BlobRef, Origin, Stored, StudyKey, StudyUID
from dicom_store.ports import InstanceStored, LabReportStored, Listener, Scope
from dicom_store.sameness import MOST_BYTES, same_film
from dicom_store.storage.blobs import Blobs
from dicom_store.storage.index import Index, film_name
from dicom_store.storage.keeping import Kept, NewFilm
from dicom_store.storage.packwriter import PackWriter

Source: TypeAlias = bytes | Path
Outcome: TypeAlias = Stored | FilmRefused

# Films wait for each other up to this size: then they are looked up and written together.
_GROUP_BYTES = 2 * 1024 * 1024
_GROUP_FILMS = 32
_AT_WORK = 2
"""Groups that are read or written while the next one is received."""


class _Received(NamedTuple):
    """A film as it came."""

    place: int
    source: Source
    study: StudyUID | None


@dataclass(slots=True)
class _Waiting:
    """A film that was read and checked, on its way into the pack."""

    place: int
    description: Description
    digest: bytes
    data: bytes | mmap.mmap


class Batch:
    """Films of one request or association. Made by `Ingest.batch`; `add` each, then `commit`.

    While one group of films is encrypted and written, the next one is read and hashed and the one after it received.
    """

    def __init__(self, ingest: "Ingest", origin: Origin) -> None:
        self._ingest = ingest
        self._origin = origin
        self._outcomes: list[Outcome | None] = []
        self._group: list[_Received] = []
        self._group_bytes = 0
        self._works: deque[asyncio.Task[None]] = deque()
        # Both are fair, so groups are read and written in the order in which they came.
        self._reading = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._written: list[tuple[_Waiting, NewFilm]] = []
        self._twins: list[tuple[_Waiting, Kept]] = []
        self._pack: PackWriter | None = None
        self._shared: dict[str, dict[str, Any]] = {}

    @property
    def count(self) -> int:
        """How many films were added since the last commit."""
        return len(self._outcomes)

    async def add(self, source: Source, study: StudyUID | None = None) -> None:
        """Take one film. What became of it is said by `commit`.

        Args:
            source: The film's bytes, or a file that holds them: that is only read, and no more after the return.
            study: The study it must belong to, where the door names one.

        Raises:
            Unavailable: The disk failed or is full; nothing of the batch is to be acknowledged.
        """
        self._group.append(_Received(len(self._outcomes), source, study))
        self._outcomes.append(None)
        if isinstance(source, Path):
            await self._turn_over()
            await self._rest()
            return
        self._group_bytes += len(source)
        if self._group_bytes >= _GROUP_BYTES or len(self._group) >= _GROUP_FILMS:
            await self._turn_over()

    def refuse(self, refused: FilmRefused) -> None:
        """Count a film that the door itself refused."""
        self._outcomes.append(refused)

    async def commit(self) -> list[Outcome]:
        """Make everything added safe and known.

        Returns:
            For each film added since the last commit what became of it, in order.

        Raises:
            Unavailable: Nothing of the batch is to be acknowledged.
        """
        await self._turn_over()
        await self._rest()
        if self._written:
            pack = self._pack
            assert pack is not None  # noqa: S101  films were written to it
            await self._ingest.blobs.run(pack.sync)
            films = [film for _, film in self._written]
            kept = await self._ingest.index.keep_films(films, self._origin, self._ingest.clock())
            for (waiting, _), outcome in zip(self._written, kept, strict=True):
                self._outcomes[waiting.place] = self._outcome(waiting, outcome)
            if not self._ingest.blobs.place.appends:
                self._pack = None
                self._ingest.blobs.shelve(pack)
        for waiting, outcome in self._twins:
            self._outcomes[waiting.place] = self._outcome(waiting, outcome)
        await self._refer_again()
        outcomes = [outcome for outcome in self._outcomes if outcome is not None]
        self._outcomes, self._written, self._twins = [], [], []
        self._ingest.tell(outcomes, self._origin)
        return outcomes

    async def _refer_again(self) -> None:
        """Films that were here already but come for another matter arrive there too: an acknowledged film is linked."""
        if not self._origin.reference:
            return
        films = [one for one in self._outcomes if isinstance(one, Stored) and one.duplicate]
        known = {one.key.study: one.instance for one in films}
        if known:
            await self._ingest.index.refer_again(list(known.items()), self._origin, self._ingest.clock())

    async def close(self, *, clean: bool) -> None:
        """Give the pack back; a batch that failed leaves it alone for good."""
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        self._works.clear()
        if self._pack is not None:
            (self._ingest.blobs.shelve if clean else self._ingest.blobs.abandon)(self._pack)
            self._pack = None

    async def _turn_over(self) -> None:
        """Begin to work on what was collected, once there are not too many at work."""
        await self._rest(_AT_WORK - 1)
        group, self._group, self._group_bytes = self._group, [], 0
        if group:
            # Owned here: `_rest` takes its outcome, `close` ends it.
            self._works.append(asyncio.get_running_loop().create_task(self._take(group)))

    async def _rest(self, most: int = 0) -> None:
        """Wait until no more groups than that are at work. Raises what they raised."""
        while len(self._works) > most:
            await self._works[0]
            self._works.popleft()

    async def _take(self, group: list[_Received]) -> None:
        async with self._reading:
            read = await self._ingest.blobs.run(self._ingest.read_all, group, self._shared)
        async with self._writing:
            await self._write(group, read)

    async def _write(self, group: list[_Received], read: list[_Waiting | FilmRefused]) -> None:
        for received, outcome in zip(group, read, strict=True):
            if isinstance(outcome, FilmRefused):
                self._outcomes[received.place] = outcome
        waitings = [waiting for waiting in read if isinstance(waiting, _Waiting)]
        if not waitings:
            return
        uids = [waiting.description.instance for waiting in waitings]
        known = await self._ingest.index.known_films(self._origin.institution, uids)
        fresh: list[_Waiting] = []
        for waiting in waitings:
            before = known.get(waiting.description.instance)
            if before is None:
                fresh.append(waiting)
            else:
                same = before == waiting.digest or await self._says_the_same(waiting, before)
                self._twins.append((waiting, Kept(added=False, same=same)))
                waiting.data = b""
        if not fresh:
            return
        run = self._ingest.blobs.run
        if self._pack is None:
            self._pack = await run(self._ingest.blobs.open)
        self._written += await run(self._ingest.put, self._pack, fresh, self._origin)

    async def _says_the_same(self, waiting: _Waiting, digest: bytes) -> bool:
        """Whether the film that is here already, known by its digest, says what this one says in other bytes."""
        if await self._ingest.blobs.run(is_of_old, waiting.data, digest):
            return True
        own = Scope(institutions=frozenset({self._origin.institution}))
        described = waiting.description
        try:
            held = await self._ingest.index.instance(own, described.study, described.series, described.instance)
        except NotFound:
            return False  # in another study or series, or deleted meanwhile
        if len(waiting.data) + held.blob.length > 2 * MOST_BYTES:
            return False
        before = await self._ingest.blobs.read(held.blob)
        return await self._ingest.blobs.run(same_film, before, waiting.data)

    def _outcome(self, waiting: _Waiting, kept: Kept) -> Outcome:
        if not kept.same:
            return FilmRefused(
                "A different film with the same SOP Instance UID is already here. It was not replaced.",
                failure_reason=0x0111,
                code="other_bytes",
            ).about(waiting.description.sop_class, waiting.description.instance)
        described = waiting.description
        return Stored(
            key=StudyKey(self._origin.institution, described.study),
            series=described.series,
            instance=described.instance,
            sop_class=described.sop_class,
            digest=waiting.digest.hex(),
            duplicate=not kept.added,
            flags=described.flags,
        )


class Ingest:
    """The door. One for each process.

    Args:
        clock: Says the time of arrival.
        listeners: Are woken after the commit.
        max_film_bytes: A larger film is refused.
    """

    def __init__(
        self,
        blobs: Blobs,
        index: Index,
        clock: Callable[[], datetime],
        listeners: Iterable[Listener] = (),
        max_film_bytes: int = 4 << 30,
    ) -> None:
        self.blobs = blobs
        self.index = index
        self.clock = clock
        self._listeners = tuple(listeners)
        self._max_film_bytes = max_film_bytes

    async def accept(self, source: Source, origin: Origin) -> Stored:
        """Keep one film.

        Args:
            source: The film's bytes, or a file that holds them; it is only read.
            origin: Where it came from; names the institution that holds it from now on.

        Raises:
            FilmRefused: It is not a film, broken, or another film has its UID.
            Unavailable: The disk failed or is full.
        """
        async with self.batch(origin) as batch:
            await batch.add(source)
            outcome = (await batch.commit())[0]
        if isinstance(outcome, FilmRefused):
            raise outcome
        return outcome

    @asynccontextmanager
    async def batch(self, origin: Origin) -> AsyncIterator[Batch]:
        """Films of one request or association: one pack, and one sync and one index commit for each `commit`.

        A batch that is left without `commit` keeps nothing.
        """
        batch = Batch(self, origin)
        clean = False
        try:
            yield batch
            clean = True
        finally:
            await batch.close(clean=clean)

    def tell(self, outcomes: Sequence[Outcome], origin: Origin) -> None:
        """Wake the listeners for films that are new, or new to what they refer to."""
        for outcome in outcomes:
            if isinstance(outcome, Stored) and (not outcome.duplicate or origin.reference):
                self.announce(InstanceStored(outcome.key, outcome.instance, origin))

    def announce(self, event: InstanceStored | LabReportStored) -> None:
        """Wake the listeners."""
        for listener in self._listeners:
            listener.heard(event)

    def read_all(self, group: Sequence[_Received], shared: dict[str, dict[str, Any]]) -> list[_Waiting | FilmRefused]:
        """Check films; blocks."""
        return [self._read(received, shared) for received in group]

    def _read(self, received: _Received, shared: dict[str, dict[str, Any]]) -> _Waiting | FilmRefused:
        try:
            data = _opened(received.source)
            if len(data) > self._max_film_bytes:
                return FilmRefused("This film is too large.", failure_reason=0xA700, code="too_large")
            described = description.describe(data, shared)
        except FilmRefused as refused:
            return refused
        if received.study is not None and described.study != received.study:
            return FilmRefused(
                "This film belongs to another study than the address names.",
                failure_reason=0xA900,
                code="other_study",
            ).about(described.sop_class, described.instance)
        return _Waiting(received.place, described, fingerprint(data), data)

    def put(self, pack: PackWriter, group: list[_Waiting], origin: Origin) -> list[tuple[_Waiting, NewFilm]]:
        """Write checked films into a pack; blocks. Raises Unavailable."""
        films = [(waiting, self._put(pack, waiting, origin)) for waiting in group]
        pack.hurry()
        return films

    def _put(self, pack: PackWriter, waiting: _Waiting, origin: Origin) -> NewFilm:
        described = waiting.description
        name = film_name(origin.institution, described.instance)
        label = description.label(name, len(waiting.data), waiting.digest, origin)
        with memoryview(waiting.data) as view:
            ref: BlobRef = pack.append(view, name, label)
        if isinstance(waiting.data, mmap.mmap):
            waiting.data.close()
        waiting.data = b""
        return NewFilm(
            study=described.study,
            series=described.series,
            instance=described.instance,
            modality=described.modality,
            digest=waiting.digest,
            blob=ref,
            study_columns=described.study_columns,
            series_columns=described.series_columns,
            columns=described.columns,
            header=self.index.seal_header(name, described.header),
            fragments=zlib.compress(described.fragments, 1) if described.fragments else b"",
        )


def _opened(source: Source) -> bytes | mmap.mmap:
    if isinstance(source, bytes):
        return source
    try:
        with source.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise FilmRefused("This file is empty.", failure_reason=0xC000, code="empty") from error
    except OSError as error:
        raise Unavailable("A received file cannot be read on the server.") from error
