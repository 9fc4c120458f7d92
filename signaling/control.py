"""The house's own line to a node, over a Unix socket: revocation down, numbered happenings up.

Happenings are kept in a file until they are acknowledged: neither this process nor the clinic's may lose one by dying.
"""

import asyncio
import json
import os
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from signaling.ports import Happening
from signaling.rooms import Rooms

_KEPT = 20_000
"""Happenings kept for a clinic that is away; the oldest quality figures go first after that."""
_POLL_S = 25.0
_PAGE = 500


class Journal:
    """A Listener that numbers happenings and keeps them until they are acknowledged.

    You must run `write` as a task; without a path everything stays in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: deque[dict[str, object]] = deque()
        self._unwritten: list[dict[str, object]] = []
        self._news = asyncio.Event()
        self._kept_more = asyncio.Event()
        self._number = 0
        if path is not None and path.exists():
            self._load(path)

    def heard(self, happening: Happening) -> None:
        """Take note; durable within a moment, visible to `after` only then."""
        self._number += 1
        entry = {**asdict(happening), "at": happening.at.isoformat(), "number": self._number}
        entry["detail"] = dict(happening.detail)
        self._unwritten.append(entry)
        self._news.set()

    def after(self, number: int) -> list[dict[str, object]]:
        """What came after a number, oldest first."""
        return [entry for entry in self._kept if int(str(entry["number"])) > number][:_PAGE]

    def acknowledge(self, number: int) -> None:
        """Everything up to this number is on the clinic's record."""
        while self._kept and int(str(self._kept[0]["number"])) <= number:
            self._kept.popleft()
        if self._path is not None and not self._kept and not self._unwritten:
            self._rewrite()

    async def wait(self, seconds: float) -> None:
        """Until there is news, or the time is up."""
        self._kept_more.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._kept_more.wait()

    async def write(self) -> None:
        """Write what was heard, off the packet path's thread; for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            batch, self._unwritten = self._unwritten, []
            if self._path is not None:
                await asyncio.to_thread(self._append, batch)
            self._kept.extend(batch)
            while len(self._kept) > _KEPT:
                self._kept.popleft()
            self._kept_more.set()

    def _append(self, batch: list[dict[str, object]]) -> None:
        assert self._path is not None  # noqa: S101 - the only caller has looked
        with self._path.open("a") as file:
            file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in batch)
            file.flush()
            os.fsync(file.fileno())

    def _rewrite(self) -> None:
        assert self._path is not None  # noqa: S101
        aside = self._path.with_suffix(".new")
        aside.write_text(json.dumps({"number": self._number}) + "\n")
        aside.replace(self._path)

    def _load(self, path: Path) -> None:
        for line in path.read_text().splitlines():
            try:
                entry = json.loads(line)
                self._number = max(self._number, int(entry["number"]))
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a process that was killed while writing
            if "kind" in entry:
                self._kept.append(entry)


class Control:
    """Serves `/control/…`; only ever on the Unix socket."""

    def __init__(self, rooms: Rooms, journal: Journal) -> None:
        self._rooms = rooms
        self._journal = journal

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.post("/control/revoke", self.revoke),
            web.post("/control/end", self.end),
            web.post("/control/drain", self.drain),
            web.get("/control/happenings", self.happenings),
            web.get("/control/state", self.state),
        ]

    async def revoke(self, request: web.Request) -> web.Response:
        """`{room, participant}`: out, at once."""
        body = await request.json()
        return web.json_response({"was_there": self._rooms.revoke(body["room"], body["participant"])})

    async def end(self, request: web.Request) -> web.Response:
        """`{room}`: over, for all."""
        body = await request.json()
        return web.json_response({"was_there": self._rooms.end(body["room"])})

    async def drain(self, request: web.Request) -> web.Response:
        """Take no new rooms."""
        self._rooms.draining = True
        return web.json_response({})

    async def happenings(self, request: web.Request) -> web.Response:
        """`?after=N`: acknowledges N and answers with what came later, waiting a while for something to come."""
        after = int(request.query.get("after", "0"))
        self._journal.acknowledge(after)
        if not self._journal.after(after):
            await self._journal.wait(_POLL_S)
        return web.json_response(self._journal.after(after))

    async def state(self, request: web.Request) -> web.Response:
        """What this node is and holds."""
        rooms = [live.room.name for live in self._rooms.live()]
        return web.json_response({"rooms": rooms, "candidates": self._rooms.candidates, "udp": self._rooms.address})
