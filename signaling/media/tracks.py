"""What is relayed: sources that come in, lanes that go out, and the slots that join them.

A slot is the place of one track in a room (`doctor-1/video`). Subscribers' lanes hang on slots, not on sources: when
the publisher reloads, the new source takes the slot and every lane goes on without a new offer.
"""

import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from signaling.media import feedback
from signaling.media.arrival import Lateness
from signaling.media.forward import Heard, Numbering
from signaling.media.loss import Missing, Reporting
from signaling.media.sdp import Codec, Section
from signaling.media.tape import Heard as Recorded

if TYPE_CHECKING:
    from signaling.media.fan import Table
    from signaling.media.peer import Peer

Cached = tuple[int, int, int, int, bytes]
"""seq, first byte, marker bit, timestamp, payload."""
_PACKET_COST_BYTES = 300
"""What a packet costs beside its bytes, so that tiny ones are not free."""
_MOST_PER_S = {"audio": 100_000, "video": 1_800_000}
"""Cost of a second's packets; about 0.6 and 11 Mbit/s. A publisher who sends more floods everybody who watches."""
_PATIENCE_S = 3.0
"""Pictures go on without a key frame when none could be recognised for so long."""
_REPEATS_PER_S = 64
_NONE: Mapping[str, int] = {}
_HEADER = struct.Struct("!BBHII")


class Lane(Numbering):
    """One track on its way to one subscriber.

    Attributes:
        name: Raw address it goes to.
        tx: The subscriber's SRTP session, None before there are keys.
        rtx: Payload type of its repeats, 0 where they go among the others.
        rtx_ssrc: Their own stream.
        repeats: How many repeats it may still ask for in this second.
        impatient_s: When it no longer waits for a key frame.
    """

    __slots__ = (
        "codec_pts", "impatient_s", "kind", "last", "name", "octets_before", "packets_before", "peer", "repeats", "rtx",
        "rtx_pts", "rtx_seq", "rtx_ssrc", "slot", "tx",
    )  # fmt: skip

    def __init__(
        self, peer: "Peer", slot: "Slot", kind: str, codec_pts: Mapping[str, int], rtx_pts: Mapping[str, int] = _NONE
    ) -> None:
        super().__init__(
            ssrc=random.getrandbits(32) or 1,
            pt=0,
            seq_off=random.randrange(8000),  # noqa: S311 - numbers that need not be secret
            ts_off=random.getrandbits(31),
        )
        self.peer = peer
        self.slot = slot
        self.kind = kind
        self.codec_pts, self.rtx_pts = codec_pts, rtx_pts
        self.rtx, self.rtx_seq = 0, random.randrange(8000)  # noqa: S311
        self.rtx_ssrc = random.getrandbits(32) or 1
        self.name: bytes = b""
        self.last: Heard | None = None
        self.tx: Any = None
        self.repeats = _REPEATS_PER_S
        self.packets_before = self.octets_before = 0
        self.impatient_s = 0.0

    def move(self, name: bytes) -> None:
        """It goes to another address from now on."""
        self.name = name
        source = self.slot.source
        if source is not None and self in source.lanes:
            source.lanes = [*source.lanes]  # a new list says that something of its lanes has changed

    def repeat(self, first: int, marker: int, out_seq: int, ts: int, rest: bytes) -> bytes:
        """A packet that was sent once, as it is sent again: in its own stream where one was agreed (RFC 4588 4)."""
        ts = (ts + self.ts_off) & 0xFFFFFFFF
        if not self.rtx:
            return _HEADER.pack(first, marker | self.pt, out_seq, ts, self.ssrc) + rest
        self.rtx_seq = (self.rtx_seq + 1) & 0xFFFF
        return _HEADER.pack(first, marker | self.rtx, self.rtx_seq, ts, self.rtx_ssrc) + out_seq.to_bytes(2) + rest

    def settle(self) -> int:
        """A second has passed: repeats may be half of what is sent, and a few. Returns the bytes sent in it."""
        self.repeats = _REPEATS_PER_S + (self.run.packets - self.packets_before) // 2
        sent = self.run.octets - self.octets_before
        self.packets_before, self.octets_before = self.run.packets, self.run.octets
        return sent


class Source:
    """One track as it comes from its publisher.

    Attributes:
        codecs: Payload type -> codec, as agreed; the first is expected.
        lanes: Where packets go now; changed only between packets, and by a new list. A lane that hangs here changes its
            address only by `move`, its numbers not at all once it has begun.
        cache: Recent packets for repeats, empty where the other side cannot repeat.
        spent: What this second's packets have cost.
        table: The compiled fan-out's view of `lanes`.
        tape: Takes every packet while this is recorded.
        level: Loudest of late (RFC 6464: 0 loudest, 127 silent).
    """

    __slots__ = (
        "bitrate_bps", "bytes", "cache", "codec", "codecs", "kind", "lanes", "last_at_s", "last_pli_s", "last_ts",
        "lateness", "level", "limit", "missing", "packets", "peer", "pt", "reported_s", "reporting", "slot", "spent",
        "ssrc", "table", "tape", "waiting", "wants_key_frame",
    )  # fmt: skip

    def __init__(self, peer: "Peer", slot: "Slot", section: Section, codecs: tuple[Codec, ...]) -> None:
        self.peer = peer
        self.slot = slot
        self.kind = section.kind
        self.codecs = {codec.pt: codec for codec in codecs}
        self.codec = codecs[0]
        self.pt = codecs[0].pt
        self.ssrc: int | None = None
        self.tape: Callable[[Recorded], None] | None = None
        self.lanes: list[Lane] = []
        self.table: Table | None = None
        self.cache: list[Cached | None] = [None] * feedback.HISTORY if section.repeats else []
        self.limit = _MOST_PER_S[section.kind]
        self.waiting = False
        self.wants_key_frame = False
        self.last_pli_s = -1.0
        self.reported_s = -1.0
        self.packets = self.bytes = self.bitrate_bps = self.spent = 0
        self.level = 127
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another stream follows under this track: what was counted of the last one says nothing about it."""
        self.missing = Missing(repairs=bool(self.cache), apart=bool(self.codec.rtx))
        self.reporting = Reporting()
        self.lateness = Lateness(self.codec.clock_hz)
        self.last_ts = 0
        self.last_at_s = 0.0

    @property
    def last(self) -> Heard | None:
        """The newest packet."""
        seq = self.missing.highest
        return None if seq is None else Heard(seq, self.last_ts, self.last_at_s)

    def hear(self, level: int | None) -> None:
        """A packet says how loud it is."""
        if level is not None and level & 127 < self.level:
            self.level = level & 127

    def pay(self, length: int) -> bool:
        """Whether the publisher may send one more packet in this second."""
        self.spent += length + _PACKET_COST_BYTES
        return self.spent <= self.limit

    def turn_to(self, pt: int, now_s: float) -> bool:
        """The publisher changed to another agreed codec; False for one that was not agreed."""
        codec = self.codecs.get(pt)
        if codec is None:
            return False
        self.codec, self.pt, self.missing.apart = codec, pt, bool(codec.rtx)
        self.slot.take(self, now_s)
        return True

    def ask_key_frame(self, now_s: float) -> None:
        """Ask the publisher for a key frame: one question for everybody, and no faster than it can be answered."""
        if self.kind != "video":
            return
        if self.ssrc is None or now_s - self.last_pli_s < feedback.PLI_EVERY_S + 2 * self.missing.round_trip_s:
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
        tape: Takes what comes, while it is recorded.
    """

    participant: str
    label: str
    source: Source | None = None
    lanes: list[Lane] = field(default_factory=list)
    tape: Callable[[Recorded], None] | None = None

    def record(self, tape: Callable[[Recorded], None] | None, now_s: float) -> None:
        """Hand every packet to a tape from now on, or to none."""
        begins = tape is not None and self.tape is None
        self.tape = tape
        if self.source is not None:
            self.source.tape = tape
            if begins:
                self.source.ask_key_frame(now_s)

    def take(self, source: Source, now_s: float) -> None:
        """A publisher fills the slot; lanes that can play its codec are joined to it."""
        self.release()
        self.source, source.tape = source, self.tape
        if self.tape is not None:
            source.ask_key_frame(now_s)
        for lane in self.lanes:
            self._join(lane, source, now_s)

    def release(self) -> None:
        """Nothing comes any more; lanes remember where they were, so that the next source goes on from there."""
        if self.source is None:
            return
        for lane in self.source.lanes:
            _leave_off(lane, self.source)
        self.source.lanes = []
        self.source.tape = None
        self.source = None

    def add(self, lane: Lane, now_s: float) -> None:
        """Somebody wants this track, and has keys."""
        if lane not in self.lanes:
            self.lanes.append(lane)
        if self.source is not None:
            self._join(lane, self.source, now_s)

    def remove(self, lane: Lane) -> None:
        """Somebody no longer wants it."""
        if lane in self.lanes:
            self.lanes.remove(lane)
        if self.source is not None and lane in self.source.lanes:
            _leave_off(lane, self.source)
            self.source.lanes = [other for other in self.source.lanes if other is not lane]

    def _join(self, lane: Lane, source: Source, now_s: float) -> None:
        pt = lane.codec_pts.get(source.codec.name)
        if pt is None or lane in source.lanes:
            return
        lane.pt, lane.rtx = pt, lane.rtx_pts.get(source.codec.name, 0)
        if lane.last is not None or source.kind == "video":
            lane.wait()
            lane.impatient_s = now_s + _PATIENCE_S
        source.lanes = [*source.lanes, lane]
        if source.kind == "video":
            source.waiting = True
            source.ask_key_frame(now_s)


def _leave_off(lane: Lane, source: Source) -> None:
    if not lane.waits:  # one that never began has sent nothing of this source
        lane.last = source.last or lane.last
