"""Makes the next pictures of a series while somebody walks through it, so that each is there when it is asked for.

Whoever asked for two neighbours will ask for the next one: on a slow machine, and over a link that is slow anyway, the
wait between two slices is what a reader feels. So will most who ask for a series' first; where pictures cost little,
that is enough. Rights are judged when a picture is asked for, as ever: a picture made ahead is only remembered, in
memory, beside those that were asked for. It is made when somebody has nothing else to do.

Two hands work, so that plain pictures, which are made near, come as fast as one reader turns them; of those that need a
worker one is made at a time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from dicom_store.errors import ArchiveError
from dicom_store.model import InstanceRecord, InstanceUID, SeriesUID, StudyKey, StudyUID
from dicom_store.ports import Scope
from dicom_store.render.look import Look
from dicom_store.render.pictures import Render

_MAX_WALKS = 16
_MAX_FILMS = 1000
"""Of a series that are remembered for one walk; beyond them nothing is made ahead."""
_AT_ONCE = 8
"""Films that are looked up together."""
_WAITING = 8
_HANDS = 2


class Films(Protocol):
    """Where films are found: the index."""

    async def names(
        self, scope: Scope, study: StudyUID, series_uid: SeriesUID, most: int
    ) -> Sequence[InstanceUID]:  # fmt: skip
        """The UIDs of the first `most` films of a series, in order."""
        ...

    async def some_instances(
        self, scope: Scope, study: StudyUID, series_uid: SeriesUID, first: int, most: int
    ) -> Sequence[InstanceRecord]:
        """Films of a series, in order, from a place on."""
        ...


class _Key(NamedTuple):
    """What is walked through. Who may see one film of a study may see all of it."""

    study: StudyKey
    series: SeriesUID
    look: Look

    @property
    def scope(self) -> Scope:
        """This study only, and only this institution's copy."""
        return Scope(studies=frozenset({self.study}))


@dataclass(slots=True)
class _Walk:
    """Where somebody is in a series.

    Attributes:
        last: The film and frame that were asked for last; None at the beginning.
        films: Of the series, in order; empty until they are needed.
        place: Of each film among them.
        known: Those around, by their place.
    """

    last: tuple[InstanceUID, int] | None = None
    films: Sequence[InstanceUID] = ()
    place: dict[InstanceUID, int] = field(default_factory=dict)
    known: dict[int, InstanceRecord] = field(default_factory=dict)

    def forget(self) -> None:
        """What is in the series is to be looked up anew."""
        self.films = ()
        self.place.clear()
        self.known.clear()


class Ahead:
    """Looks ahead for everybody. Run `run` in a task that the owner ends.

    Args:
        render: Makes and remembers the pictures.
        films: Finds the next ones.
        steps: How far ahead.
    """

    def __init__(self, render: Render, films: Films, steps: int = 3) -> None:
        self._render = render
        self._films = films
        self._steps = steps
        self._walks: OrderedDict[_Key, _Walk] = OrderedDict()
        self._listing = asyncio.Lock()
        self._worker = asyncio.Lock()
        self._queue: asyncio.Queue[tuple[_Key, InstanceRecord, int]] = asyncio.Queue(_WAITING)

    def asked(self, record: InstanceRecord, frame: int, look: Look) -> None:
        """Somebody was given this picture. Returns at once.

        Args:
            record: The film.
            frame: From 1.
            look: How it is to look.
        """
        key = _Key(record.key, record.series, look)
        self._walks.setdefault(key, _Walk())
        self._walks.move_to_end(key)
        if len(self._walks) > _MAX_WALKS:
            self._walks.popitem(last=False)
        if not self._queue.full():
            self._queue.put_nowait((key, record, frame))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(_HANDS):
                hands.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key, record, frame = await self._queue.get()
            with suppress(ArchiveError):  # who asks for the picture will hear of it
                await self._look_ahead(key, record, frame)

    async def _look_ahead(self, key: _Key, record: InstanceRecord, frame: int) -> None:
        walk = self._walks.get(key)
        if walk is None:
            return
        if record.frames == 1:
            async with self._listing:  # fair: asked first, looked at first
                if record.instance not in walk.place and len(walk.films) < _MAX_FILMS:
                    walk.films = await self._films.names(key.scope, key.study.study, key.series, _MAX_FILMS)
                    walk.place = {name: number for number, name in enumerate(walk.films)}
        before, walk.last = walk.last, (record.instance, frame)
        if before is not None:
            step = _step(walk, before, record, frame)
        else:
            step = 1 if walk.place.get(record.instance) == 0 and self._render.is_near(record) else 0
        for number in range(1, self._steps + 1) if step else ():
            following = await self._following(key, walk, record, frame, step * number)
            if following is None:
                return
            if self._render.has(*following, key.look):
                continue
            if not self._render.spare(following[0]) or not self._queue.empty():
                return
            if self._render.is_near(following[0]):
                await self._render.picture(*following, key.look)
            elif self._worker.locked():
                return
            else:
                async with self._worker:
                    await self._render.picture(*following, key.look)

    async def _following(
        self, key: _Key, walk: _Walk, record: InstanceRecord, frame: int, steps: int
    ) -> tuple[InstanceRecord, int] | None:  # fmt: skip
        """The film and frame that many steps on; None at the end, or where another kind of film comes."""
        if record.frames > 1:
            return (record, frame + steps) if 1 <= frame + steps <= record.frames else None
        place = walk.place.get(record.instance, -1) + steps
        if not 0 <= place < len(walk.films):
            return None
        name = walk.films[place]
        if place not in walk.known:
            await self._look_up(key, walk, place if steps > 0 else max(0, place - _AT_ONCE + 1))
        film = walk.known.get(place)
        if film is None or film.instance != name:  # films came or went: their places are others now
            walk.forget()
            return None
        return (film, 1) if film.frames == 1 else None

    async def _look_up(self, key: _Key, walk: _Walk, first: int) -> None:
        found = await self._films.some_instances(key.scope, key.study.study, key.series, first, _AT_ONCE)
        walk.known = {place: film for place, film in walk.known.items() if abs(place - first) <= 2 * _AT_ONCE}
        walk.known.update(enumerate(found, first))


def _step(walk: _Walk, before: tuple[InstanceUID, int], record: InstanceRecord, frame: int) -> int:
    """Which way somebody goes, 1 or -1; 0 for neither."""
    if record.frames > 1:
        moved = frame - before[1] if before[0] == record.instance else 0
    else:
        here, there = walk.place.get(record.instance), walk.place.get(before[0])
        moved = 0 if here is None or there is None else here - there
    return moved if moved in (1, -1) else 0
