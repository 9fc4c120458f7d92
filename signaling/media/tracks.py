"""What is relayed: lanes that go out, and the slots that join them to the sources that come in.

A slot is the place of one track in a room (`doctor-1/video`). Subscribers' lanes hang on slots, not on sources: when
the publisher reloads, the new source takes the slot and every lane goes on without a new offer. A picture that comes in
several sizes (simulcast) fills its slot with as many sources; each lane gets one of them, and another from that one's
key frame on.

Source: RFC 8853.
"""

import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from signaling.media import vp8
from signaling.media.forward import Heard, Numbering
from signaling.media.layers import Demand, Fit
from signaling.media.loss import Went
from signaling.media.sources import Source
from signaling.media.tape import Heard as Recorded

if TYPE_CHECKING:
    from signaling.media.peer import Peer

_PATIENCE_S = 3.0
"""Pictures go on without a key frame when none could be recognised for so long."""
_REPEATS_PER_S = 64
STALLED_S = 0.7
"""A layer that is so far behind the others is no longer sent."""
_LONG_S = 1000.0
_CHANGES_FOR_S = 6.0
"""After so long whoever was asked for layers sends them, and viewers have what fits."""
_NONE: Mapping[str, int] = {}
_HEADER = struct.Struct("!BBHII")


class Lane(Numbering):
    """One track on its way to one subscriber.

    Attributes:
        source: What it is sent now, None while there is nothing.
        next: The layer that it is sent from a key frame on.
        fit: Which layer it should have.
        pictures: The numbers of the last VP8 picture of a source that it left.
        name: Raw address it goes to.
        tx: The subscriber's SRTP session, None before there are keys.
        rtx: Payload type of its repeats, 0 where they go among the others.
        rtx_ssrc: Their own stream.
        repeats: How many repeats it may still ask for in this second.
        impatient_s: When it no longer waits for a key frame.
        changed_s: When it got another source.
    """

    __slots__ = (
        "changed_s", "codec_pts", "fit", "impatient_s", "kind", "last", "name", "next", "octets_before",
        "packets_before", "peer", "pictures", "repeats", "rtx", "rtx_pts", "rtx_seq", "rtx_ssrc", "slot",
        "source", "tx",
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
        self.source: Source | None = None
        self.next: Source | None = None
        self.fit = Fit()
        self.pictures = vp8.Numbers()
        self.name: bytes = b""
        self.last: Heard | None = None
        self.tx: Any = None
        self.repeats = _REPEATS_PER_S
        self.packets_before = self.octets_before = 0
        self.impatient_s = 0.0
        self.changed_s = -_LONG_S

    def move(self, name: bytes) -> None:
        """It goes to another address from now on."""
        self.name = name
        if self.source is not None:
            self.source.lanes = [*self.source.lanes]  # a new list says that something of its lanes has changed

    @property
    def went(self) -> Went | None:
        """How far it has come; None while it waits for where to begin."""
        source = self.source
        if source is None or self.waits or source.tally.highest < 0:
            return None
        return Went(self.run.packets, (source.tally.highest + self.seq_off) & 0xFFFF)

    # ------------------------------------------------------------ from one source to another
    def enter(self, source: Source, now_s: float) -> None:
        """It gets this source: pictures from the next key frame on."""
        name = source.codec.name
        self.changed_s = now_s
        self.source, self.pt, self.rtx = source, self.codec_pts[name], self.rtx_pts.get(name, 0)
        if self.last is not None or source.kind == "video":
            self.wait()
            self.impatient_s = now_s + _PATIENCE_S
        source.lanes = [*source.lanes, self]

    def start(self, first: Heard, source: Source, rest: bytes) -> None:
        """From this packet of the source on, with its payload, it is sent."""
        self.begin(first, self.last, source.codec.clock_hz)
        self.shift = vp8.following(self.pictures, vp8.numbers(rest)) if source.codec.name == "VP8" else None

    def leave(self) -> None:
        """It gets nothing any more, and remembers where it was."""
        self.aim(None)
        source = self.source
        if source is None:
            return
        source.lanes = [other for other in source.lanes if other is not self]
        self.source, last = None, source.last
        if last is None or self.waits:  # one that never began has sent nothing of this source
            return
        self.last = last
        newest = source.history.find(last.seq) if source.history is not None else None
        if newest is not None and source.codec.name == "VP8":
            self.pictures = vp8.moved(vp8.numbers(newest[4]), self.shift)

    def aim(self, source: Source | None) -> None:
        """It waits for a key frame of this layer, while it is sent another one; None for no longer."""
        if self.next is not None:
            self.next.joining = [other for other in self.next.joining if other is not self]
        self.next = source
        if source is not None:
            source.joining = [*source.joining, self]

    # ------------------------------------------------------------ repeats
    def repeat(self, first: int, marker: int, out_seq: int, ts: int, rest: bytes) -> bytes:
        """A packet that was sent once, as it is sent again: in its own stream where one was agreed (RFC 4588 4)."""
        ts = (ts + self.ts_off) & 0xFFFFFFFF
        rest = rest if self.shift is None else vp8.shifted(rest, self.shift)
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


@dataclass(eq=False, slots=True)
class Slot:
    """The place of one track in a room.

    Attributes:
        participant: Whose.
        label: `audio`, `video`, `screen`.
        sources: What comes in now: one, or the layers of one picture as offered; none while nobody publishes.
        lanes: Everybody who wants it, whether or not something comes.
        tape: Takes what comes, while it is recorded.
        demand: Whether the publisher is asked for layers.
        asked_s: When the publisher was last told whether.
        changed_s: When sources came, or layers were first wanted.
    """

    participant: str
    label: str
    sources: tuple[Source, ...] = ()
    lanes: list[Lane] = field(default_factory=list)
    tape: Callable[[Recorded], None] | None = None
    demand: Demand = field(default_factory=Demand)
    asked_s: float = -_LONG_S
    changed_s: float = -_LONG_S

    @property
    def source(self) -> Source | None:
        """The only one, or the last layer offered; None while nobody publishes."""
        return self.sources[-1] if self.sources else None

    @property
    def layered(self) -> bool:
        """Whether one picture comes in several sizes."""
        return len(self.sources) > 1

    # ------------------------------------------------------------ as agreed
    def record(self, tape: Callable[[Recorded], None] | None, now_s: float) -> None:
        """Hand every packet to a tape from now on, or to none."""
        self.tape = tape
        self._wind(now_s)

    def take(self, sources: tuple[Source, ...], now_s: float) -> None:
        """A publisher fills the slot; lanes that can play its codec are joined to it."""
        self.release()
        self.sources, self.changed_s = sources, now_s
        self.settle(now_s)

    def restart(self, source: Source, now_s: float, *, anew: bool = False) -> None:
        """Another stream follows in the place of this one: in another codec, or `anew` from another sender."""
        for lane in self.lanes:
            if lane.source is source:
                lane.leave()
            elif lane.next is source:
                lane.aim(None)
        if anew:
            source.begin_anew()
        self.settle(now_s)

    def release(self) -> None:
        """Nothing comes any more; lanes remember where they were, so that the next source goes on from there."""
        for lane in self.lanes:
            lane.leave()
        for source in self.sources:
            source.tape = None
        self.sources = ()

    def add(self, lane: Lane, now_s: float) -> None:
        """Somebody wants this track, and has keys."""
        if lane not in self.lanes:
            self.lanes.append(lane)
        self.settle(now_s)

    def remove(self, lane: Lane) -> None:
        """Somebody no longer wants it."""
        if lane in self.lanes:
            self.lanes.remove(lane)
        lane.leave()

    # ------------------------------------------------------------ as it flows
    def settle(self, now_s: float) -> None:
        """Everybody gets what they can take of what flows; to be called when that may have changed, and each second."""
        flowing = self._flowing()
        if not flowing:
            return
        rates = [source.rate_bps for source in flowing]
        for lane in self.lanes:
            aim = lane.next or lane.source
            if not self.layered:
                self._turn(lane, flowing[0], now_s)
            else:
                now = flowing.index(aim) if aim in flowing else -1
                chosen = lane.fit.choose(rates, now, lane.peer.feedback.link(), now_s)
                self._turn(lane, flowing[chosen], now_s)
        self._wind(now_s)

    def admit(self, source: Source, now_s: float) -> None:
        """A key frame of this layer begins: who waited for it leaves the other."""
        for lane in source.joining:
            lane.leave()
            lane.enter(source, now_s)

    def wants_layers(self, now_s: float) -> bool:
        """Whether the publisher is to send its picture in several sizes."""
        if not self.sources or self.label != "video":
            return False
        was, bps = self.demand.on, max(source.rate_bps for source in self.sources)
        wanted = self.demand.decide((lane.peer.feedback.link() for lane in self.lanes), bps, now_s)
        if wanted and not was:
            self.changed_s = now_s
        return wanted

    def shrinks(self, lane: Lane, now_s: float) -> bool:
        """Whether a viewer can soon be sent less than now, so that its link need not be given up."""
        if not self.layered:
            return self.demand.on and now_s - self.changed_s < _CHANGES_FOR_S
        return now_s - lane.changed_s < _CHANGES_FOR_S or lane.source in self._flowing()[1:]

    def _flowing(self) -> list[Source]:
        """The layers that come, the smallest first; of what has but one, that one."""
        if not self.layered:
            return list(self.sources)
        newest = max(source.tally.at_s for source in self.sources)
        known = [source for source in self.sources if source.ssrc is not None]
        known = [one for one in known if not one.tally.at_s or newest - one.tally.at_s < STALLED_S]
        return sorted(known, key=lambda source: source.rate_bps)

    def _turn(self, lane: Lane, source: Source, now_s: float) -> None:
        """A lane gets this source: at once where it has none yet, else from its next key frame on."""
        if lane.source is source or source.codec.name not in lane.codec_pts:
            lane.aim(None)
        elif lane.next is not source:
            if lane.source is None or lane.waits:
                lane.leave()
                lane.enter(source, now_s)
            else:
                lane.aim(source)
            if source.kind == "video":
                source.waiting = True
                source.ask_key_frame(now_s)

    def _wind(self, now_s: float) -> None:
        """The tape runs for the largest layer that flows."""
        largest = self._flowing()[-1:]
        for source in self.sources:
            tape = self.tape if source in largest else None
            if tape is not None and source.tape is None:
                source.ask_key_frame(now_s)
            source.tape = tape
