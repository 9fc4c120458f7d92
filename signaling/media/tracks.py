"""What is relayed: sources that come in, lanes that go out, and the slots that join them.

A slot is the place of one track in a room (`doctor-1/video`). Subscribers' lanes hang on slots, not on sources: when
the publisher reloads, the new source takes the slot and every lane goes on without a new offer.
"""

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from signaling.media import feedback
from signaling.media.forward import Heard, Numbering

if TYPE_CHECKING:
    from signaling.media.peer import Peer

Cached = tuple[int, int, int, int, bytes]
"""seq, first byte, second byte, timestamp, payload."""


class Lane(Numbering):
    """One track on its way to one subscriber."""

    __slots__ = ("codec_pts", "kind", "last", "peer", "slot", "tx")

    def __init__(
        self, peer: "Peer", slot: "Slot", kind: str, codec_pts: dict[str, int], ssrc: int | None = None
    ) -> None:
        super().__init__(
            ssrc=ssrc or random.getrandbits(32) or 1,
            pt=0,
            seq_off=random.randrange(8000),  # noqa: S311
            ts_off=random.getrandbits(31),
        )
        self.peer = peer
        self.slot = slot
        self.kind = kind
        self.codec_pts = codec_pts
        self.last: Heard | None = None
        self.tx: Any = None


class Source:
    """One track as it comes from its publisher.

    Attributes:
        lanes: Where packets go now; changed only between packets.
        cache: Recent packets for repeats (video only).
    """

    __slots__ = (
        "bitrate_bytes", "bytes_before", "cache", "clock_hz", "codec", "kind", "lanes", "last", "last_pli_s", "level",
        "missing", "packets", "peer", "pt", "reporting", "slot", "ssrc", "wants_key_frame",
    )  # fmt: skip

    def __init__(self, peer: "Peer", slot: "Slot", kind: str, codec: str, pt: int, clock_hz: int) -> None:
        self.peer = peer
        self.slot = slot
        self.kind = kind
        self.codec = codec
        self.pt = pt
        self.clock_hz = clock_hz
        self.ssrc: int | None = None
        self.lanes: list[Lane] = []
        self.cache: list[Cached | None] = [None] * feedback.HISTORY if kind == "video" else []
        self.missing = feedback.Missing()
        self.reporting = feedback.Reporting()
        self.last: Heard | None = None
        self.last_pli_s = -1.0
        self.wants_key_frame = False
        self.packets = 0
        self.bitrate_bytes = 0
        self.bytes_before = 0
        self.level = 127  # RFC 6464: 0 loudest, 127 silent

    def ask_key_frame(self, now_s: float) -> None:
        """Ask the publisher for a key frame, at most one question per 300 ms however many want one."""
        if self.kind != "video":
            return
        if self.ssrc is None or now_s - self.last_pli_s < feedback.PLI_EVERY_S:
            self.wants_key_frame = True  # asked again by the timer once the pause is over
            return
        self.last_pli_s = now_s
        self.wants_key_frame = False
        self.peer.send_rtcp(feedback.pli(self.ssrc))


@dataclass(eq=False, slots=True)
class Slot:
    """The place of one track in a room.

    Attributes:
        participant: Whose.
        label: `audio`, `video`, `screen`.
        source: What comes in now, None while nobody publishes.
        lanes: Everybody who wants it, whether or not something comes.
    """

    participant: str
    label: str
    source: Source | None = None
    lanes: list[Lane] = field(default_factory=list)

    def take(self, source: Source, now_s: float) -> None:
        """A publisher fills the slot; lanes that can play its codec are joined to it."""
        self.release()
        self.source = source
        for lane in self.lanes:
            self._join(lane, source, now_s)

    def release(self) -> None:
        """Nothing comes any more; lanes remember where they were, so that the next source goes on from there."""
        if self.source is None:
            return
        for lane in self.source.lanes:
            lane.last = self.source.last
        self.source.lanes = []
        self.source = None

    def add(self, lane: Lane, now_s: float) -> None:
        """Somebody wants this track, and has keys."""
        self.lanes.append(lane)
        if self.source is not None:
            self._join(lane, self.source, now_s)

    def remove(self, lane: Lane) -> None:
        """Somebody no longer wants it."""
        if lane in self.lanes:
            self.lanes.remove(lane)
        if self.source is not None and lane in self.source.lanes:
            lane.last = self.source.last
            self.source.lanes = [other for other in self.source.lanes if other is not lane]

    def _join(self, lane: Lane, source: Source, now_s: float) -> None:
        pt = lane.codec_pts.get(source.codec)
        if pt is None or lane in source.lanes:
            return
        lane.pt = pt
        if lane.last is not None:
            lane.guard = -1  # the packet path re-bases at the next packet
        source.lanes = [*source.lanes, lane]
        source.ask_key_frame(now_s)
