"""The shell of recording: gives tracks their tapes, writes what was heard into sealed files, off the packet path.

What is recorded is the room's decision; here it is only followed. A disk that is full ends the recording, not the call.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, field

from signaling.house import House
from signaling.live import LiveRoom
from signaling.media.tape import Piece, Tape
from signaling.ports import Shelf, Strip

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.5


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
    """One track's tape and its files."""

    take: Take
    participant: str
    label: str
    tape: Tape
    files: list[_File] = field(default_factory=list)

    def write(self, shelf: Shelf) -> None:
        """Bring to the disk what was heard. Blocks. Raises OSError."""
        waiting = b""
        for piece in self.tape.pieces():
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


class Recorder:
    """Of all rooms of a node.

    Args:
        house: The shell that holds the rooms.
        shelf: Where files are kept; None records nothing.
    """

    def __init__(self, house: House, shelf: Shelf | None) -> None:
        self._house = house
        self._shelf = shelf
        self._reels: dict[LiveRoom, dict[tuple[str, str], Reel]] = {}
        self._takes: dict[LiveRoom, Take] = {}
        self._over: list[tuple[LiveRoom, Reel]] = []

    @property
    def able(self) -> bool:
        """Whether this node records at all."""
        return self._shelf is not None

    def follow(self, live: LiveRoom) -> None:
        """Tapes run for the tracks that the room says, and for no others from this moment."""
        room, reels = live.room, self._reels.get(live, {})
        if room.recording is None or self._shelf is None:
            self._end(live)
            return
        take = Take(secrets.token_hex(8), room.recording.by, self._house.plane.now_s())
        take = self._takes.setdefault(live, take)
        reels = self._reels.setdefault(live, {})
        for (who, label), slot in live.slots.items():
            runs = not room.recording.paused and room.recordable(who)
            if runs and (who, label) not in reels and slot.source is not None:
                reels[who, label] = Reel(take, who, label, Tape(take.began_s))
            reel = reels.get((who, label))
            slot.record(reel.tape.heard.append if runs and reel else None, self._house.plane.now_s())

    def _end(self, live: LiveRoom) -> None:
        self._takes.pop(live, None)
        for key, reel in self._reels.pop(live, {}).items():
            if slot := live.slots.get(key):
                slot.record(None, 0.0)
            self._over.append((live, reel))

    async def work(self) -> None:
        """Write for ever; what is open when this ends is closed whole."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                await self._round()
        finally:
            for live in list(self._reels):
                self._end(live)
            for _, reel in self._over:
                _finish(reel, self._shelf)

    async def _round(self) -> None:
        shelf, over, self._over = self._shelf, self._over, []
        if shelf is None:
            return
        for live, reels in list(self._reels.items()):
            try:
                for reel in list(reels.values()):
                    await asyncio.to_thread(reel.write, shelf)
            except OSError as error:
                log.error("recording.failed: %s", error)  # noqa: TRY400 - a full disk needs no trace
                self._house.carry_out(live, live.room.stop_recording(self._house.now(), "failed"))
            for reel in reels.values():
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
