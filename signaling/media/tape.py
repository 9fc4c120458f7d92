"""Pure: what is heard on one track, on its way into files. One file as long as the codec stays.

Time in a file is the recording's: a track that comes later, or pauses, leaves a hole, so that all tracks of a call and
the timeline of what was looked at lie beside each other.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from signaling.media.frames import Frame, Frames, Packet
from signaling.media.matroska import Clusters, Format, header

_MOST_WAITING = 8192
"""Packets between two looks; more is a writer that does not keep up, and the oldest are lost."""
_CLOCK_HZ = {"opus": 48_000, "VP8": 90_000, "H264": 90_000}
_WRAP32 = 0x1_0000_0000
_HALF32 = 0x8000_0000
_DRIFT_MS = 500
"""More than this between the sender's clock and ours is a jump, not drift."""

Heard = tuple[int, str, int, int, bool, float, bytes]
"""ssrc, codec, seq, ts, marker, seconds, payload."""


class Form(Protocol):
    """What a file holds, as its name and what is told of it say."""

    @property
    def codec(self) -> str:
        """In one word."""

    @property
    def suffix(self) -> str:
        """Of its name."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes for a file.

    Attributes:
        begins: What the new file holds that these are the first bytes of; None goes on with the last one.
        until_ms: Time of the last frame in it.
    """

    data: bytes
    begins: Form | None
    until_ms: int


class Tape:
    """One track.

    Args:
        began_s: When the recording began, monotonic seconds.

    Attributes:
        heard: The packet path appends here and does nothing else.
        key_ms: When one could last begin with what is written, in the recording's time.
    """

    def __init__(self, began_s: float) -> None:
        self.heard: deque[Heard] = deque(maxlen=_MOST_WAITING)
        self._began_s = began_s
        self._stream: tuple[int, str] | None = None
        self._frames = Frames("opus")
        self._clusters = Clusters()
        self._form: Format | None = None
        self._base: tuple[int, float] | None = None
        self._last_ms = 0
        self.key_ms = 0

    def pieces(self) -> list[Piece]:
        """What was heard since the last look."""
        made: list[Piece] = []
        while self.heard:
            ssrc, codec, seq, ts, marker, at_s, payload = self.heard.popleft()
            if (ssrc, codec) != self._stream:
                self._stream, self._base, self._frames = (ssrc, codec), None, Frames(codec)
            made += [self._write(frame, codec) for frame in self._frames.take(Packet(seq, ts, marker, at_s, payload))]
        return made

    def _write(self, frame: Frame, codec: str) -> Piece:
        begins = None
        form = self._frames.form
        assert form is not None  # noqa: S101 - a frame is given out only when it is known
        head = b""
        if self._form is None or (form.codec, form.private) != (self._form.codec, self._form.private):
            self._form = begins = form
            self._clusters = Clusters()
            head = header(form)
        self._last_ms = max(self._last_ms, self._at_ms(frame, _CLOCK_HZ[codec]))
        if frame.key:
            self.key_ms = self._last_ms
        data = head + self._clusters.frame(self._last_ms, frame.data, key=frame.key)
        return Piece(data, begins, self._last_ms)

    def _at_ms(self, frame: Frame, clock_hz: int) -> int:
        here = 1000 * (frame.at_s - self._began_s)
        if self._base is not None:
            ts, at = self._base
            moved = (frame.ts - ts) % _WRAP32
            moved -= _WRAP32 if moved >= _HALF32 else 0
            there = at + 1000 * moved / clock_hz
            if abs(there - here) < _DRIFT_MS:
                self._base = frame.ts, there + (here - there) / 256  # follows the sender's drift, not the jitter
                return int(there)
        self._base = frame.ts, here
        return int(here)
