"""The shell around the rules: takes bytes in, keeps them safe, and sees complete uploads through to films.

One writer for each upload: who comes back after a cut line pushes the old, hanging request aside, as its bytes so far
are safe. The tasks that finish uploads are owned here and end with `close`; what they leave is taken up at the next
start.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from dicom_store.errors import NotFound, Unavailable, UploadRefused
from dicom_store.storage.blobs import Blobs
from dicom_store.uploads import protocol
from dicom_store.uploads.desks import Desk, Desks, Key
from dicom_store.uploads.finish import Finisher
from dicom_store.uploads.intake import Intake
from dicom_store.uploads.parts import Part
from dicom_store.uploads.protocol import Append, Limits, Progress
from dicom_store.uploads.results import About, Fate, FileResult, Result, load_about
from dicom_store.uploads.shelf import Shelf

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 600.0
_AT_ONCE = 2
_ROOM_TIMES = 2
"""An upload lies here until its films lie in a pack."""


@dataclass(frozen=True, slots=True)
class State:
    """What a caller may know of an upload of theirs.

    Attributes:
        result: What became of its files; None until it is finished.
        done: Files dealt with so far.
        total: Files to deal with, 0 while that is not known.
    """

    about: About
    progress: Progress
    result: Result | None
    done: int = 0
    total: int = 0


class Reception:
    """All uploads of one archive while it runs. Call `start` first, and `close` in the end.

    Args:
        shelf: Where they lie.
        blobs: Whose disk it is: an error of it stops the taking of films.
        finisher: Turns complete uploads into films.
        clock: Says the time, aware.
        limits: What is taken.
    """

    def __init__(
        self,
        shelf: Shelf,
        blobs: Blobs,
        finisher: Finisher,
        clock: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._shelf = shelf
        self._blobs = blobs
        self._finisher = finisher
        self._clock = clock
        self._desks = Desks(shelf)
        self._intake = Intake(self._desks, blobs, clock)
        self._finishing = asyncio.Semaphore(_AT_ONCE)
        self._sweeper: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ starting and ending

    async def start(self) -> None:
        """Take up what the last run left: complete uploads are finished."""
        await asyncio.to_thread(self._shelf.prepare)
        # Owned here and ended by `close`.
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_for_ever())

    async def close(self) -> None:
        """Stop; complete uploads that are not finished are taken up at the next start."""
        tasks = self._desks.tasks()
        if self._sweeper is not None:
            tasks.append(self._sweeper)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._desks.close_all()

    # ------------------------------------------------------------ the doors' verbs

    def now(self) -> datetime:
        """The time, aware."""
        return self._clock()

    async def begin(self, owner: str, about: About, first: Append | None, body: AsyncIterator[bytes]) -> str:
        """Begin an upload, with its first bytes where the request carries some.

        Returns:
            Its id. The upload is there even when its first bytes broke off.

        Raises:
            StorageFull: There is no room for it: said now, not after hours of sending.
        """
        with self._blobs.watch():
            await asyncio.to_thread(self._blobs.refuse_if_full, _ROOM_TIMES * about.length)
            upload, part = await asyncio.to_thread(self._shelf.create, owner, about)
        key = owner, upload
        self._desks.keep(key, part)
        try:
            async with self._desks.hold(key) as held:
                if first is not None and about.length:
                    with suppress(ConnectionError, TimeoutError):
                        await self._intake.take(key, held, first, body)
        except UploadRefused:
            await self.remove(owner, upload)  # its address was never told
            raise
        self._finish_if_complete(key, part, about)
        return upload

    async def count_open(self, owner: str) -> int:
        """How many unfinished uploads a caller has."""
        return await asyncio.to_thread(self._shelf.count_open, owner)

    async def append(self, owner: str, upload: str, headers: Mapping[str, str], body: AsyncIterator[bytes]) -> Progress:
        """Take a request's bytes.

        Raises:
            NotFound: Not there, or not this caller's.
            UploadRefused: Against the protocol; with 460 nothing of it was kept.
            Unavailable: The disk failed or is full.
        """
        key = owner, upload
        result = await asyncio.to_thread(self._shelf.result, owner, upload)
        if result is not None:
            protocol.append(headers, self._finished(result), self._clock())
            return self._finished(result)
        async with self._desks.hold(key) as part:
            about = load_about(part.about)
            decision = protocol.append(headers, await self._progress(key, part, about), self._clock())
            await self._intake.take(key, part, decision, body)
            progress = await self._progress(key, part, about)
        self._finish_if_complete(key, part, about)
        return progress

    async def state(self, owner: str, upload: str) -> State:
        """How far an upload is. Pushes a hanging writer aside, so that the offset holds.

        Raises:
            NotFound: Not there, or not this caller's.
        """
        key = owner, upload
        try:
            return await self._finished_state(key) or await self._open_state(key)
        except NotFound:  # it was finished while we looked
            done = await self._finished_state(key)
            if done is None:
                raise
            return done

    async def _finished_state(self, key: Key) -> State | None:
        result = await asyncio.to_thread(self._shelf.result, *key)
        if result is None:
            return None
        return State(result.about, self._finished(result), result, len(result.files), len(result.files))

    async def _open_state(self, key: Key) -> State:
        if (being_finished := self._desks.finishing(key)) is not None:
            desk, part = being_finished
            about = load_about(part.about)
            return State(about, await self._progress(key, part, about), None, desk.done, desk.total)
        async with self._desks.hold(key) as part:
            about = load_about(part.about)
            progress = await self._progress(key, part, about)
        self._finish_if_complete(key, part, about)
        return State(about, progress, None)

    async def wait(self, owner: str, upload: str, seconds: float) -> None:
        """Wait for an upload to be finished, but not longer than so many seconds."""
        being_finished = self._desks.finishing((owner, upload))
        if being_finished is not None and (task := being_finished[0].task) is not None:
            await asyncio.wait([task], timeout=seconds)

    async def remove(self, owner: str, upload: str) -> None:
        """Forget an upload, finished or not. Films that came of it stay.

        Raises:
            NotFound: Not there, or not this caller's.
            UploadRefused: 423 while its films are being kept.
        """
        key = owner, upload
        if await asyncio.to_thread(self._shelf.result, owner, upload) is None:
            async with self._desks.hold(key):
                self._desks.close(key)
        await asyncio.to_thread(self._shelf.remove, owner, upload)

    async def _progress(self, key: Key, part: Part, about: About) -> Progress:
        touched = await asyncio.to_thread(self._shelf.touched_at, *key, self._clock())
        return Progress(part.offset, about.length, touched + self.limits.open_for)

    def _finished(self, result: Result) -> Progress:
        return Progress(result.about.length, result.about.length, result.finished_at + self.limits.result_for)

    # ------------------------------------------------------------ finishing

    def _finish_if_complete(self, key: Key, part: Part, about: About) -> None:
        if part.offset != about.length:
            return
        desk = self._desks.at(key)
        if desk.task is None:
            # Owned by its desk and ended by `close`.
            desk.task = asyncio.get_running_loop().create_task(self._finish(key, desk))

    async def _finish(self, key: Key, desk: Desk) -> None:
        def tell(done: int, total: int) -> None:
            desk.done, desk.total = done, total

        try:
            async with self._finishing, desk.lock:
                part = await self._desks.part(key)
                about = load_about(part.about)
                files = await self._files(key[1], about, part, tell)
                with self._blobs.watch():
                    await asyncio.to_thread(self._shelf.finish, *key, Result(about, self._clock(), files))
                self._desks.close(key)
        except (NotFound, UploadRefused):
            log.warning("an upload went away before it was finished")
        except Unavailable:
            log.warning("an upload waits: its films cannot be kept now")  # the sweeper tries again
        finally:
            desk.task = None
            self._desks.leave(key, desk)

    async def _files(self, upload: str, about: About, part: Part, tell: Callable[[int, int], None]) -> list[FileResult]:
        try:
            return await self._finisher.files(upload, about, part, tell)
        except (Unavailable, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001  (a bug must not keep the upload waiting for ever; its kind is logged)
            log.error("an upload could not be finished: %s", type(error).__name__)  # noqa: TRY400  (texts may hold data)
            return [FileResult(about.name, Fate.REFUSED, reason="This file could not be read.", code="internal")]

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                await self.sweep()
            except (OSError, Unavailable):
                log.warning("uploads could not be swept")
            await asyncio.sleep(_SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Throw away what has expired, and take up complete uploads that nobody finishes."""
        now = self._clock()
        for key in await asyncio.to_thread(lambda: list(self._shelf.unfinished())):
            if key in self._desks:
                continue
            with suppress(UploadRefused, Unavailable):
                await self._sweep_one(key, now)
        await asyncio.to_thread(self._shelf.sweep_results, now - self.limits.result_for)

    async def _sweep_one(self, key: Key, now: datetime) -> None:
        async with self._desks.hold(key) as part:
            if await asyncio.to_thread(self._shelf.result, *key) is not None:  # killed between its two last steps
                self._desks.close(key)
                await asyncio.to_thread(self._shelf.drop_bytes, *key)
                return
            about = load_about(part.about)
            complete = part.offset == about.length
            expired = (await self._progress(key, part, about)).expires_at + timedelta(minutes=1) <= now
            if expired and not complete:
                self._desks.close(key)
                await asyncio.to_thread(self._shelf.remove, *key)
                return
        self._finish_if_complete(key, part, about)
