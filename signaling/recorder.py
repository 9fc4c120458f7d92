"""The shell of recording: tracks get their tapes, what is heard and seen goes into sealed files, off the packet path.

What is recorded is the room's decision; here it is only followed. A disk that is full ends the recording, not the call.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, field

from signaling.house import House
from signaling.live import LiveRoom
from signaling.media.tape import Piece, Tape
from signaling.messages import VIEW
from signaling.ports import Shelf, Strip
from signaling.views import Views

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.5
_KEY_EVERY_S = 20.0
"""Who plays it can go to a place so far apart: a call by itself may go on for minutes without a key frame."""


@dataclass(slots=True)
class _File:
    """A file that was begun, and what is told of it."""

    name: str
    strip: Strip
    codec: str
    began_ms: int
    until_ms: int = 0
    size_bytes: int = 0
    told: bool = False
    done: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """One recording from its beginning to its end, with all its pauses.

    Attributes:
        name: Told with each file of it.
        by: Who began it.
    """

    name: str
    by: str
    began_s: float


@dataclass(eq=False, slots=True)
class Reel:
    """One track and its files.

    Attributes:
        track: A tape, or what was looked at.
    """

    take: Take
    participant: str
    label: str
    track: Tape | Views
    files: list[_File] = field(default_factory=list)

    def write(self, shelf: Shelf) -> None:
        """Bring to the disk what was heard. Blocks. Raises OSError."""
        waiting = b""
        for piece in self.track.pieces():
            if piece.begins is not None:
                self._put(waiting)
                waiting = b""
                self._open(shelf, piece)
            waiting += piece.data
            self.files[-1].until_ms = piece.until_ms
        self._put(waiting)

    def close(self) -> None:
        """The last file is whole. Blocks. Raises OSError."""
        if self.files and not self.files[-1].done:
            self.files[-1].strip.close()
            self.files[-1].done = True

    def _open(self, shelf: Shelf, piece: Piece) -> None:
        form = piece.begins
        assert form is not None  # noqa: S101 - the caller looked
        self.close()
        name = f"{secrets.token_hex(16)}.{form.suffix}.sealed"
        self.files.append(_File(name, shelf.open(name), form.codec, piece.until_ms))

    def _put(self, data: bytes) -> None:
        if data:
            self.files[-1].strip.write(data)
            self.files[-1].size_bytes += len(data)


@dataclass(eq=False, slots=True)
class _Running:
    """A take that runs.

    Attributes:
        views: What is looked at.
        tapes: (participant, label) -> what is heard.
        reels: The files of all of them.
    """

    take: Take
    views: Views
    tapes: dict[tuple[str, str], Tape]
    reels: list[Reel]


class Recorder:
    """Of all rooms of a node.

    Args:
        house: The shell that holds the rooms.
        shelf: Where files are kept; None records nothing.
    """

    def __init__(self, house: House, shelf: Shelf | None) -> None:
        self._house = house
        self._shelf = shelf
        self._running: dict[LiveRoom, _Running] = {}
        self._over: list[tuple[LiveRoom, Reel]] = []

    @property
    def able(self) -> bool:
        """Whether this node records at all."""
        return self._shelf is not None

    def follow(self, live: LiveRoom) -> None:
        """Tapes run for the tracks that the room says, and for no others from this moment."""
        room = live.room
        if room.recording is None or self._shelf is None:
            self._end(live)
            return
        running = self._running.setdefault(live, self._begin(room.recording.by))
        take, tapes = running.take, running.tapes
        for (who, label), slot in live.slots.items():
            runs = not room.recording.paused and room.recordable(who)
            if runs and (who, label) not in tapes and slot.source is not None:
                tapes[who, label] = Tape(take.began_s)
                running.reels.append(Reel(take, who, label, tapes[who, label]))
            tape = tapes.get((who, label))
            slot.record(tape.heard.append if runs and tape else None, self._house.plane.now_s())

    def _begin(self, by: str) -> _Running:
        take = Take(secrets.token_hex(8), by, self._house.plane.now_s())
        views = Views(take.began_s)
        return _Running(take, views, {}, [Reel(take, "", VIEW, views)])

    def _end(self, live: LiveRoom) -> None:
        running = self._running.pop(live, None)
        if running is None:
            return
        for key in running.tapes:
            if slot := live.slots.get(key):
                slot.record(None, 0.0)
        self._over += [(live, reel) for reel in running.reels]

    def _look(self, live: LiveRoom, running: _Running) -> None:
        """Keep which film is shown now, and see that whoever plays it can go anywhere."""
        now, room = self._house.plane.now_s(), live.room
        if room.recording is None or room.recording.paused or not room.agreed:
            return
        running.views.look(room.shared.get(VIEW), now)
        for key, tape in running.tapes.items():
            slot = live.slots.get(key)
            if slot and slot.source and now - running.take.began_s - tape.key_ms / 1000 > _KEY_EVERY_S:
                slot.source.ask_key_frame(now)

    async def work(self) -> None:
        """Write for ever; what is open when this ends is closed whole."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                await self._round()
        finally:
            for live in list(self._running):
                self._end(live)
            for _, reel in self._over:
                _finish(reel, self._shelf)

    async def _round(self) -> None:
        shelf, over, self._over = self._shelf, self._over, []
        if shelf is None:
            return
        for live, running in list(self._running.items()):
            self._look(live, running)
            try:
                for reel in list(running.reels):
                    await asyncio.to_thread(reel.write, shelf)
            except OSError as error:
                log.error("recording.failed: %s", error)  # noqa: TRY400 - a full disk needs no trace
                self._house.carry_out(live, live.room.stop_recording(self._house.now(), "failed"))
            for reel in running.reels:
                self._tell(live, reel)
        for live, reel in over:
            await asyncio.to_thread(_finish, reel, shelf)
            self._tell(live, reel)

    def _tell(self, live: LiveRoom, reel: Reel) -> None:
        for file in reel.files:
            known: dict[str, str | int | float] = {"file": file.name, "label": reel.label, "codec": file.codec}
            known |= {"take": reel.take.name, "by": reel.take.by}
            if not file.told:
                file.told = True
                self._house.note(live, "recording_file", reel.participant, {**known, "began_ms": file.began_ms})
            if file.done:
                figures = {"began_ms": file.began_ms, "until_ms": file.until_ms, "bytes": file.size_bytes}
                self._house.note(live, "recorded", reel.participant, {**known, **figures})
        reel.files = [file for file in reel.files if not file.done]


def _finish(reel: Reel, shelf: Shelf | None) -> None:
    try:
        if shelf is not None:
            reel.write(shelf)
        reel.close()
    except OSError as error:
        log.error("recording.failed: %s", error)  # noqa: TRY400
