"""Who is at work on which upload: one at a time, and who comes back pushes a hanging writer aside.

Parts stay open while they are used, up to a number: opening one again reads all of it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from dicom_store.errors import UploadRefused
from dicom_store.uploads.parts import Part
from dicom_store.uploads.shelf import Shelf

_PUSH_SECONDS = 10.0
_OPEN_PARTS = 64

Key = tuple[str, str]
"""Owner and id of an upload."""


@dataclass(slots=True)
class Desk:
    """What is going on with one upload right now.

    Attributes:
        users: Who holds it or waits for it.
        patience: Ends the writer who holds it, when brought forward.
        done: Files dealt with while it is finished, of `total`.
        task: Finishes it.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    patience: asyncio.Timeout | None = None
    done: int = 0
    total: int = 0
    task: asyncio.Task[None] | None = None


class Desks:
    """All uploads that somebody is at work on."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._desks: dict[Key, Desk] = {}
        self._parts: OrderedDict[Key, Part] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._desks

    def at(self, key: Key) -> Desk:
        """The desk of an upload, set up if there is none. Give it back with `leave`."""
        return self._desks.setdefault(key, Desk())

    def leave(self, key: Key, desk: Desk) -> None:
        """Clear a desk that nobody uses."""
        if desk.users == 0 and desk.task is None and self._desks.get(key) is desk:
            del self._desks[key]

    def tasks(self) -> list[asyncio.Task[None]]:
        """Everything that is being finished."""
        return [desk.task for desk in self._desks.values() if desk.task is not None]

    def finishing(self, key: Key) -> tuple[Desk, Part] | None:
        """The desk and part of an upload that is being finished; None for others."""
        desk, part = self._desks.get(key), self._parts.get(key)
        return (desk, part) if desk is not None and desk.task is not None and part is not None else None

    @asynccontextmanager
    async def hold(self, key: Key) -> AsyncIterator[Part]:
        """Be the only one at work on an upload.

        Raises:
            NotFound: There is none.
            UploadRefused: 423, it does not become free.
        """
        desk = self.at(key)
        desk.users += 1
        try:
            if desk.patience is not None:
                with suppress(RuntimeError):  # it just ended by itself
                    desk.patience.reschedule(asyncio.get_running_loop().time())
            await _within(desk.lock, _PUSH_SECONDS)
            try:
                yield await self.part(key)
            finally:
                desk.patience = None
                desk.lock.release()
        finally:
            desk.users -= 1
            self.leave(key, desk)

    async def part(self, key: Key) -> Part:
        """The open part of an upload whose lock is held."""
        part = self._parts.get(key)
        if part is None:
            try:
                part = await asyncio.to_thread(self._shelf.open, *key)
            except BlockingIOError:
                raise _busy() from None
            self.keep(key, part)
        self._parts.move_to_end(key)
        return part

    def keep(self, key: Key, part: Part) -> None:
        """Keep a part open; the longest unused ones are closed beyond a number."""
        self._parts[key] = part
        for old in [old for old in self._parts if old not in self._desks and old != key]:
            if len(self._parts) <= _OPEN_PARTS:
                break
            self.close(old)

    def close(self, key: Key) -> None:
        """Close a part; it is walked anew when it is opened again."""
        part = self._parts.pop(key, None)
        if part is not None:
            part.close()

    def close_all(self) -> None:
        """Close every part."""
        for key in list(self._parts):
            self.close(key)


async def _within(lock: asyncio.Lock, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await lock.acquire()
    except TimeoutError:
        raise _busy() from None


def _busy() -> UploadRefused:
    return UploadRefused("This upload is busy. Please try again in a moment.", status=423, code="busy")
