"""Keeps what happened until the clinic has it: neither this process nor the clinic's may lose a fact by dying.

A file of JSON lines: `{"number": N}` says up to where all was acknowledged, every other line is a happening. Only
the one writer touches the file, so that nothing is written into one that was just replaced.
"""

import asyncio
import json
import logging
import os
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from signaling.ports import Happening

log = logging.getLogger(__name__)

_KEPT = 20_000
"""Happenings kept for a clinic that is away; the oldest figures of quality go first after that."""
_KEPT_IN_MEMORY = 1_000
"""Without a file there is no clinic that has to learn everything."""
_PAGE = 500
_SPARE_LINES = 2_000
"""Acknowledged lines that may stay in the file before it is written anew."""
_AGAIN_S = 1.0
"""Until a full disk is tried again."""

Entry = dict[str, object]


class Journal:
    """A Listener that numbers happenings and keeps them until they are acknowledged.

    `async with Journal(path) as journal`: the end waits until the last word is written. Without a path everything
    stays in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: deque[Entry] = deque()
        self._unwritten: list[Entry] = []
        self._wake = asyncio.Event()
        self._more = asyncio.Event()
        self._number = 0
        self._acknowledged = 0
        self._lines = 0
        self._torn = False
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        if path is not None and path.exists():
            self._load(path)

    async def __aenter__(self) -> Self:
        """Begin to write."""
        self._writer = asyncio.create_task(self._write())  # noqa: TID251 - owned here: the end waits for it
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left: an orderly stop loses no more than a kill."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer

    def heard(self, happening: Happening) -> None:
        """Take note; durable within a moment, visible to `after` only then."""
        self._number += 1
        entry = {**asdict(happening), "at": happening.at.isoformat(), "number": self._number}
        entry["detail"] = dict(happening.detail)
        self._unwritten.append(entry)
        self._wake.set()

    def after(self, number: int) -> list[Entry]:
        """What came after a number, oldest first, a page of it."""
        return [entry for entry in self._kept if _number(entry) > number][:_PAGE]

    def acknowledge(self, number: int) -> None:
        """Everything up to this number is on the clinic's record."""
        self._number = max(self._number, number)  # a file that was lost must not give numbers out twice
        if number <= self._acknowledged:
            return
        self._acknowledged = number
        while self._kept and _number(self._kept[0]) <= number:
            self._kept.popleft()
        if self._lines > len(self._kept) + _SPARE_LINES or (self._lines and not self._kept):
            self._wake.set()

    async def wait(self, seconds: float) -> None:
        """Until there is news, or the time is up."""
        self._more.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._more.wait()

    async def _write(self) -> None:
        """Write what was heard, off the packet path's thread, until the end and whatever is left then."""
        while self._unwritten or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            batch, self._unwritten = self._unwritten, []
            if self._path is not None and not await self._stored(self._path, batch):
                self._unwritten[:0] = batch
                if self._closing:
                    return
                await asyncio.sleep(_AGAIN_S)
                self._wake.set()
                continue
            self._kept.extend(batch)
            self._shed()
            self._more.set()

    async def _stored(self, path: Path, batch: list[Entry]) -> bool:
        try:
            await asyncio.to_thread(self._store, path, batch)
        except OSError as error:
            log.error("journal.not_written: %s", error)  # noqa: TRY400 - a full disk needs no trace
            self._torn = True
            return False
        self._torn = False
        return True

    def _shed(self) -> None:
        spare = len(self._kept) - (_KEPT if self._path else _KEPT_IN_MEMORY)
        if spare <= 0:
            return
        figures = [entry for entry in self._kept if entry["kind"] == "quality"][:spare]
        numbers = {_number(entry) for entry in figures or list(self._kept)[:spare]}
        self._kept = deque(entry for entry in self._kept if _number(entry) not in numbers)

    def _store(self, path: Path, batch: list[Entry]) -> None:
        """In a thread: append, or write anew what is not yet acknowledged."""
        waiting = [entry for entry in list(self._kept) if _number(entry) > self._acknowledged]
        if self._torn or self._lines > len(waiting) + _SPARE_LINES or (self._lines and not waiting):
            aside = path.with_suffix(".new")
            # Numbers of `batch` are above this one or in the file: none is given out twice after a restart.
            before = _number(batch[0]) - 1 if batch else self._number
            _write(aside, "w", [{"number": max(before, self._acknowledged)}, *waiting, *batch])
            aside.replace(path)
            self._lines = 1 + len(waiting) + len(batch) if waiting or batch else 0
        elif batch:
            _write(path, "a", batch)
            self._lines += len(batch)

    def _load(self, path: Path) -> None:
        whole = path.read_bytes()
        if not whole.endswith(b"\n"):  # the last line of a process that was killed while writing
            whole = whole[: whole.rfind(b"\n") + 1]
            with path.open("r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                number = int(entry["number"])
            except (ValueError, KeyError, TypeError):
                continue
            self._number = max(self._number, number)
            if "kind" in entry:
                self._kept.append(entry)
                self._lines += 1


def _number(entry: Entry) -> int:
    return int(str(entry["number"]))


def _write(path: Path, mode: str, entries: list[Entry]) -> None:
    with path.open(mode) as file:
        file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        file.flush()
        os.fsync(file.fileno())
