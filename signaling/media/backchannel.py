"""What flows back between a peer and the relay: repeats, key-frame wishes, reports, estimates.

Every amplifying answer has a budget: a subscriber who asks for too much is simply not answered.
"""

from typing import TYPE_CHECKING

from signaling.media import feedback
from signaling.media.bandwidth import CEILING_BPS, QUEUE_S, Ladder, Pictures, Step, Uplink
from signaling.media.layers import Link
from signaling.media.loss import Told
from signaling.media.strain import Culprit, Relief, Signs, culprit
from signaling.media.tracks import STALLED_S

if TYPE_CHECKING:
    from signaling.media.peer import Peer
    from signaling.media.sources import Source

_SR_KEPT = 16
_SR_EVERY_S = 0.2
_RTCP_PER_S = 600
"""A browser in a full room sends about 200 a second."""
_ENOUGH = 1.2
"""A viewer whose own estimate is this many times what it is sent does not stand in a queue."""
_FADES, _LITTLE = 0.9, 0.6
"""How fast it is forgotten what a viewer's link carried, and how much of that says nothing of how much it can carry."""
_SMOOTHED = 0.4
_MOST_TOLD = 0.25
"""More correction than for this leaves too little of the voice itself."""


class Backchannel:
    """One peer's feedback, both ways.

    Args:
        peer: Whose.
        start_bitrate_bps: What it may send before anything was measured.

    Attributes:
        uplink: What it may send.
        downlink: What it can be sent; judged as the uplink is, by loss and by what stands in the queue.
        pictures: Whether its link carries others' video.
        remb_bps: What the peer itself says that it can receive, 0 while it says nothing.
        lost: Share of our packets that it lost, as reported.
        voices_lost: Share of the packets of voices, which are not repeated, smoothed.
        busy: Whether its browser says that it lacks processor time.
        relief: Whether it is asked for smaller pictures because of that.
        sending: The step of the ladder on which it may send.
    """

    def __init__(self, peer: "Peer", start_bitrate_bps: int) -> None:
        self._peer = peer
        self._sent_reports: dict[int, float] = {}
        self._allowance = _RTCP_PER_S
        self.uplink = Uplink(start_bitrate_bps)
        self.downlink = Uplink(start_bitrate_bps)
        self.pictures = Pictures()
        self.sending = Ladder()
        self.busy, self.relief = False, Relief()
        self._rise_s: float | None = None
        self.remb_bps = 0
        self.round_trip_s = 0.0
        self.lost = self.voices_lost = 0.0
        self._told, self._told_of_voices = Told(), Told()
        self._round_trips: list[float] = []
        self._best_round_trip_s = 1.0
        self._rise_before_s = 0.0
        self._arrived_bps = 0
        self._sent_bps = self._voices_bps = 0

    # ------------------------------------------------------------ from the peer
    def hear(self, secret: bytes) -> None:
        """RTCP came."""
        self._allowance -= 1
        clear = self._peer.unprotect_rtcp(secret) if self._allowance > 0 else None
        if clear is None:
            return
        now = self._peer.now_s()
        for said in feedback.parse(clear):
            self._react(said, now)

    def _react(self, said: feedback.Feedback, now: float) -> None:
        match said:
            case feedback.KeyFrameWish(ssrc):
                lane = self._peer.lane_of(ssrc)
                if lane and lane.source and not lane.waits:
                    lane.source.ask_key_frame(now)
            case feedback.Nack(ssrc, seqs):
                self._repeat(ssrc, seqs)
            case feedback.SenderReport():
                self._pass_on(said, now)
            case feedback.Reception(ssrc, lost, highest, last_sr, delay_s):
                if lane := self._peer.lane_of(ssrc):
                    self._told.hear(ssrc, lost, highest, went=lane.went, repeats=ssrc == lane.rtx_ssrc)
                    if lane.kind == "audio":
                        self._told_of_voices.hear(ssrc, lost, highest, went=lane.went)
                    sent = self._sent_reports.get(last_sr)
                    if sent is not None:
                        self._round_trips.append(max(0.0, now - sent - delay_s))
            case feedback.Estimate(bitrate_bps):
                self.remb_bps = bitrate_bps
            case feedback.Goodbye():
                pass  # the next packet under this or another number is taken as it comes

    def _repeat(self, ssrc: int, seqs: tuple[int, ...]) -> None:
        lane = self._peer.lane_of(ssrc)
        source = lane.source if lane else None
        if lane is None or source is None or source.history is None:
            return
        for out_seq in seqs:
            seq = lane.source_seq(out_seq)
            kept = None if seq is None else source.history.find(seq)
            if kept is None:
                continue
            if lane.repeats <= 0:
                return
            lane.repeats -= 1
            _, first, marker, ts, rest, _ = kept
            self._peer.send_rtp(lane.repeat(first, marker, out_seq, ts, rest))

    def _pass_on(self, report: feedback.SenderReport, now: float) -> None:
        source = self._peer.by_ssrc.get(report.ssrc)
        if source is None or now - source.reported_s < _SR_EVERY_S:
            return
        source.reported_s = now
        middle = report.ntp >> 16 & 0xFFFFFFFF
        source.reporting.last_sr, source.reporting.last_sr_at_s = middle, now
        for lane in source.lanes:
            if lane.waits:
                continue
            lane.peer.feedback.note_report(middle, now)
            rtp = report.rtp + lane.ts_off
            lane.peer.send_rtcp(feedback.sender_report(lane.ssrc, report.ntp, rtp, lane.run.packets, lane.run.octets))

    def note_report(self, middle: int, now_s: float) -> None:
        """A sender report leaves for this peer: its echo gives the round trip."""
        self._sent_reports[middle] = now_s
        while len(self._sent_reports) > _SR_KEPT:
            del self._sent_reports[next(iter(self._sent_reports))]

    # ------------------------------------------------------------ to the peer
    def repair(self, now_s: float) -> None:
        """Every few milliseconds: ask upstream for what is missing, and for a key frame where that is cheaper."""
        for source in self._peer.sources.values():
            if source.ssrc is None or source.history is None:
                continue
            if source.rid and source.lanes and now_s - source.tally.at_s > STALLED_S:
                source.slot.settle(now_s)
            missing = source.missing
            if missing.any and (due := missing.due(now_s)):
                self._peer.send_rtcp(feedback.nack(source.ssrc, due))
            if missing.broken:
                missing.forget()
                source.wants_key_frame = True
            if source.waiting:
                source.waiting = bool(source.joining) or any(lane.waits for lane in source.lanes)
                source.wants_key_frame = source.wants_key_frame or source.waiting
            if source.wants_key_frame:
                source.ask_key_frame(now_s)

    def report(self, now_s: float, cap_bps: int, late_s: float = 0.0) -> None:
        """Once a second: receiver reports, and how much the peer may send.

        Args:
            now_s: Monotonic seconds.
            cap_bps: The most that anybody can use of it.
            late_s: How late this process reads what comes, at its best.
        """
        self._allowance = _RTCP_PER_S
        self._judge_downlink()
        for source in self._peer.sources.values():
            source.missing.relax()
        heard = [source for source in self._peer.sources.values() if source.ssrc is not None]
        if not heard:
            return
        losses = {source: source.reporting.window.fraction(source.missing) for source in heard}
        blocks = [
            source.reporting.block(source.ssrc or 0, source.missing, _until_heard(source, lost), now_s)
            for source, lost in losses.items()
        ]
        self._peer.send_rtcp(feedback.receiver_report(blocks))
        received = sum(_settle(source) for source in heard)
        for slot in {source.slot for source in heard if source.rid}:
            slot.settle(now_s)
        signs = Signs(_queue(heard), max(losses.values()), self._rise_s, self.busy, late_s)
        who = culprit(signs)
        self.relief.decide(who, now_s)
        queue_s = signs.queue_s if who is Culprit.LINE else 0.0
        allowed = self.uplink.update(signs.lost, received, cap_bps, queue_s)
        videos = [source.ssrc for source in heard if source.kind == "video" and source.ssrc is not None]
        if videos:
            self._peer.send_rtcp(feedback.remb(allowed, videos))

    # ------------------------------------------------------------ the ladder
    def step(self, now_s: float) -> Step:
        """On which step the peer may send now."""
        return self.sending.decide(self.uplink.allowed_bps, 0.0, now_s)

    def sees(self, now_s: float) -> bool:
        """Whether the peer's link carries others' pictures now."""
        shrinks = any(lane.slot.shrinks(lane, now_s) for lane in self._peer.lanes.values() if lane.source)
        return self.pictures.update(self.downlink.allowed_bps, self.lost, self._sent_bps, now_s, shrinks=shrinks)

    def able_bps(self) -> int:
        """The most that the peer can take of one picture."""
        return self.downlink.allowed_bps // self._videos()

    def link(self) -> Link:
        """What one picture has of its link, voices first."""
        able = max(0, self.downlink.allowed_bps - self._voices_bps) // self._videos()
        return Link(able, self.downlink.strained, self.downlink.bad)

    def _videos(self) -> int:
        return sum(1 for lane in self._peer.lanes.values() if lane.kind == "video" and lane.source) or 1

    def _judge_downlink(self) -> None:
        sent = [(lane.kind, 8 * lane.settle()) for lane in self._peer.lanes.values()]
        self._sent_bps = sum(bps for _, bps in sent)
        self._voices_bps = sum(bps for kind, bps in sent if kind == "audio")
        lost = self._told.fraction()
        self.lost = lost or 0.0
        voices_lost = self._told_of_voices.fraction()
        if voices_lost is not None:
            self.voices_lost += _SMOOTHED * (voices_lost - self.voices_lost)
        if self._round_trips:  # the shortest of a second has met no burst: what it still waits is a standing queue
            self.round_trip_s = min(self._round_trips)
            self._best_round_trip_s = min(1.02 * self._best_round_trip_s, self.round_trip_s)
        rise = max(0.0, self.round_trip_s - self._best_round_trip_s)
        # A report of ours may have left right behind a key frame: only what two of them met stands.
        waits = min(rise, self._rise_before_s)
        if self._round_trips:
            self._rise_before_s = rise
        self._round_trips.clear()
        self._rise_s = rise if self.round_trip_s else None
        arrives = int(self._sent_bps * (1 - self.lost))
        self._arrived_bps = max(arrives, int(_FADES * self._arrived_bps))
        if self.remb_bps > _ENOUGH * self._sent_bps or arrives < _LITTLE * self._arrived_bps:
            waits = 0.0  # what waits is on the way up, or a burst: more than this went through a moment ago
        if lost is not None or waits > QUEUE_S:
            self.downlink.update(self.lost, arrives, CEILING_BPS, waits)


def _until_heard(source: "Source", lost: float) -> float:
    """What a sender is told to have been lost: of a voice, on the way to whoever hears it worst.

    Opus puts as much correction into the stream as its sender knows to be needed, and the relay adds none. Estimates of
    the sender's link go by the count of packets that never came, which says nothing of others' links.
    """
    if source.kind != "audio":
        return lost
    worst = max((lane.peer.feedback.voices_lost for lane in source.lanes), default=0.0)
    return min(_MOST_TOLD, 1 - (1 - lost) * (1 - worst))


def _settle(source: "Source") -> int:
    tally = source.tally
    source.bitrate_bps, tally.bytes, tally.spent = tally.bytes * 8, 0, 0
    return source.bitrate_bps


def _queue(heard: "list[Source]") -> float:
    """Seconds of standing queue; what passes at all without waiting proves that there is none."""
    looks = [source.lateness.look() for source in heard]
    return min((look for look in looks if look is not None), default=0.0)
