"""Makes the next pictures of a series while somebody walks through it, so that each is there when it is asked for.

Whoever asked for two neighbours will ask for the next one: on a slow machine, and over a link that is slow anyway, the
wait between two slices is what a reader feels. Rights are judged when a picture is asked for, as ever: a picture made
ahead is only remembered, in memory, beside those that were asked for. It is made when somebody has nothing else to do.

Two hands work, so that plain pictures, which are made near, come as fast as one reader turns them; of those that need a
worker one is made at a time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from dicom_store.errors import ArchiveError
from dicom_store.model import InstanceRecord, StudyKey
from dicom_store.render.look import Look
from dicom_store.render.pictures import Render

_MAX_WALKS = 16
_MAX_FILMS = 1000
"""Of a series that are remembered for one walk; beyond them nothing is made ahead."""
_WAITING = 8
_HANDS = 2

List: TypeAlias = Callable[[], Awaitable[Sequence[InstanceRecord]]]
"""Lists the films of a series, in order, for somebody who may see them."""
_Key: TypeAlias = tuple[StudyKey, str, Look]


@dataclass(slots=True)
class _Walk:
    """Where somebody is in a series."""

    last: tuple[str, int]
    films: Sequence[InstanceRecord] = ()
    place: dict[str, int] | None = None


class Ahead:
    """Looks ahead for everybody. Run `run` in a task that the owner ends.

    Args:
        render: Makes and remembers the pictures.
        steps: How far ahead.
    """

    def __init__(self, render: Render, steps: int = 3) -> None:
        self._render = render
        self._steps = steps
        self._walks: OrderedDict[_Key, _Walk] = OrderedDict()
        self._listing = asyncio.Lock()
        self._worker = asyncio.Lock()
        self._queue: asyncio.Queue[tuple[_Key, InstanceRecord, int, List]] = asyncio.Queue(_WAITING)

    def asked(self, record: InstanceRecord, frame: int, look: Look, films: List) -> None:
        """Somebody asks for this picture. Returns at once.

        Args:
            record: The film.
            frame: From 1.
            look: How it is to look.
            films: Lists its series.
        """
        key = (record.key, str(record.series), look)
        walk = self._walks.get(key)
        if walk is None:
            self._walks[key] = _Walk((record.instance, frame))
            if len(self._walks) > _MAX_WALKS:
                self._walks.popitem(last=False)
            return
        self._walks.move_to_end(key)
        if not self._queue.full():
            self._queue.put_nowait((key, record, frame, films))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(_HANDS):
                hands.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key, record, frame, films = await self._queue.get()
            with suppress(ArchiveError):  # who asks for the picture will hear of it
                await self._look_ahead(key, record, frame, films)

    async def _look_ahead(self, key: _Key, record: InstanceRecord, frame: int, films: List) -> None:
        walk = self._walks.get(key)
        if walk is None:
            return
        async with self._listing:  # fair: asked first, looked at first
            if walk.place is None:
                walk.films = (await films())[:_MAX_FILMS]
                walk.place = {film.instance: number for number, film in enumerate(walk.films)}
        before, walk.last = walk.last, (record.instance, frame)
        step = _step(walk, before, record, frame)
        for number in range(1, self._steps + 1) if step else ():
            following = _following(walk, record, frame, step * number)
            if following is None:
                return
            if self._render.has(*following, key[2]):
                continue
            if not self._render.spare(following[0]) or not self._queue.empty():
                return
            if self._render.is_near(following[0]):
                await self._render.picture(*following, key[2])
            elif self._worker.locked():
                return
            else:
                async with self._worker:
                    await self._render.picture(*following, key[2])


def _step(walk: _Walk, before: tuple[str, int], record: InstanceRecord, frame: int) -> int:
    """Which way somebody goes, 1 or -1; 0 for neither."""
    places = walk.place or {}
    if record.frames > 1:
        moved = frame - before[1] if before[0] == record.instance else 0
    else:
        here, there = places.get(record.instance), places.get(before[0])
        moved = 0 if here is None or there is None else here - there
    return moved if moved in (1, -1) else 0


def _following(walk: _Walk, record: InstanceRecord, frame: int, steps: int) -> tuple[InstanceRecord, int] | None:
    if record.frames > 1:
        return (record, frame + steps) if 1 <= frame + steps <= record.frames else None
    place = (walk.place or {}).get(record.instance, -1) + steps
    if not 0 <= place < len(walk.films) or walk.films[place].frames != 1:
        return None
    return walk.films[place], 1
