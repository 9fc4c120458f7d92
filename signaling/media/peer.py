"""One participant's connection: its offer and answer, its tracks in, its lanes out, its feedback."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from signaling.errors import OfferRefused
from signaling.media import feedback, sdp
from signaling.media.bandwidth import Uplink
from signaling.media.ice import IceCredentials
from signaling.media.plane import Plane
from signaling.media.tap import Certificate, Tap
from signaling.media.tracks import Lane, Slot, Source

_HEADER = struct.Struct("!BBHII")
_SILENT_S = 30.0
"""RFC 7675: consent runs out 30 s after the last check."""
_SR_KEPT = 16


@dataclass(slots=True)
class Reach:
    """Where a node is reached: the announced candidates and its certificate."""

    candidates: Sequence[tuple[str, int]]
    certificate: Certificate


@dataclass(slots=True)
class Wishes:
    """What an offer means.

    Attributes:
        sends: mid -> the slot that the participant's track fills.
        takes: mid -> the slot that is wanted there.
        stream_of: Names a slot's stream in the answer.
    """

    sends: Mapping[str, Slot] = field(default_factory=dict)
    takes: Mapping[str, Slot] = field(default_factory=dict)


class Peer:
    """One ICE/DTLS session with its tracks.

    You must call `answer` first; then `connect` runs as a task when the first valid check has come (`on_first_check`).

    Args:
        plane: The packet plane it lives on.
        reach: Candidates and certificate.
        on_first_check: Called once; start `connect` there.
        start_bitrate_bps: What it may send before anything was measured.
    """

    def __init__(
        self, plane: Plane, reach: Reach, on_first_check: Callable[["Peer"], None], start_bitrate_bps: int = 1_500_000
    ) -> None:
        self._plane = plane
        self._reach = reach
        self._on_first_check = on_first_check
        self._credentials: dict[str, IceCredentials] = {}
        self._remote_ufrag = ""
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._setup = "actpass"
        self._current = IceCredentials.fresh()
        self._tap = Tap(reach.certificate, self.send)
        self._begun = False
        self._sent_reports: dict[int, float] = {}
        self.name: bytes | None = None
        self.rx: Any = None
        self.tx: Any = None
        self.level_id = 0
        self.closed = False
        self._ended = False
        self._video_wanted = True
        self.last_check_s = plane.now_s()
        self.sources: dict[str, Source] = {}
        self.lanes: dict[str, Lane] = {}
        self.by_ssrc: dict[int, Source] = {}
        self._announced: dict[int, Source] = {}
        self._by_pt: dict[int, Source] = {}
        self._lane_by_ssrc: dict[int, Lane] = {}
        self.uplink = Uplink(start_bitrate_bps)
        self.downlink_bps = 0
        self.round_trip_s = 0.0
        self.reported_loss = 0.0
        self._admit(self._current)

    # ------------------------------------------------------------ offer and answer
    def answer(self, text: str, wishes: Wishes) -> str:
        """Answer an offer; call again for every further one (tracks added, ICE restart).

        Raises:
            OfferRefused: Nothing was changed.
        """
        offer = sdp.parse_offer(text)
        if self._fingerprints and offer.fingerprints != self._fingerprints:
            raise OfferRefused("the offer is from another connection: its certificate changed", code="new_connection")
        replies = {section.mid: self._reply(section, wishes) for section in offer.sections}
        if not any(reply.codecs for reply in replies.values()):
            raise OfferRefused("no section has a codec in common")
        self._fingerprints, self._setup = offer.fingerprints, offer.setup
        if self._remote_ufrag and offer.ufrag != self._remote_ufrag:
            self._current = IceCredentials.fresh()  # an ICE restart; the old ones stay valid until the new are used
            self._admit(self._current)
        self._remote_ufrag = offer.ufrag
        self._keep(offer, wishes)
        return sdp.write_answer(
            offer, replies, self._current, self._reach.certificate.fingerprint, self._reach.candidates
        )

    def _reply(self, section: sdp.Section, wishes: Wishes) -> sdp.Reply:
        slot = wishes.takes.get(section.mid) if section.they_take else None
        receive = section.they_send and section.mid in wishes.sends
        if not section.codecs or (slot is None and not receive and section.direction != "inactive"):
            return sdp.Reply()
        sending = None
        if slot is not None:
            lane = self.lanes.get(section.mid)
            if lane is None or lane.slot is not slot:
                lane = self._lane(section, slot)
            sending = sdp.Sending(lane.ssrc, slot.participant or "-", slot.label)
        return sdp.Reply(section.codecs[:1] if receive else section.codecs, receive, sending)

    def _lane(self, section: sdp.Section, slot: Slot) -> Lane:
        old = self.lanes.get(section.mid)
        pts = {codec.name: codec.pt for codec in reversed(section.codecs)}
        lane = Lane(self, slot, section.kind, pts)
        if old is not None:
            self._drop_lane(old)
        self.lanes[section.mid] = lane
        self._lane_by_ssrc[lane.ssrc] = lane
        if self.tx is not None:
            self._open(lane)
        return lane

    def _keep(self, offer: sdp.Offer, wishes: Wishes) -> None:
        for section in offer.sections:
            wanted = section.they_take and section.mid in wishes.takes
            if not wanted and section.mid in self.lanes:
                self._drop_lane(self.lanes.pop(section.mid))
            if section.they_send and section.mid in wishes.sends and section.codecs:
                self._source(section, wishes.sends[section.mid])
            elif section.mid in self.sources:
                self._drop_source(section.mid)

    def _source(self, section: sdp.Section, slot: Slot) -> None:
        codec = section.codecs[0]
        source = self.sources.get(section.mid)
        if source is None or source.slot is not slot:
            source = Source(self, slot, section.kind, codec.name, codec.pt, codec.clock_hz)
            self.sources[section.mid] = source
            slot.take(source, self._plane.now_s())
        source.pt = codec.pt
        self._by_pt.setdefault(codec.pt, source)
        for ssrc in section.ssrcs:
            self._announced[ssrc] = source
        if section.kind == "audio":
            self.level_id = section.extensions.get(sdp.AUDIO_LEVEL, 0)

    # ------------------------------------------------------------ connecting
    def password_of(self, ufrag: str) -> str | None:
        """For ICE."""
        known = self._credentials.get(ufrag)
        return known.password if known else None

    def on_check(self, name: bytes | None, ufrag: str) -> None:
        """A valid check came; `name` is the address to use from now on, None to keep the old one."""
        self.last_check_s = self._plane.now_s()
        if name is not None:
            self.name = name
        if ufrag == self._current.ufrag and len(self._credentials) > 1:
            for old in [word for word in self._credentials if word != ufrag]:
                del self._credentials[old]
                self._plane.by_ufrag.pop(old, None)
        if not self._begun:
            self._begun = True
            self._on_first_check(self)

    async def connect(self) -> bool:
        """Shake hands; then tracks flow. Returns False when the other side is not who the offer said."""
        if not await self._tap.start(self._fingerprints, as_client=self._setup == "passive") or self.closed:
            return False
        self.rx, self.tx = self._tap.rx, self._tap.tx
        for lane in self.lanes.values():
            self._open(lane)
        now = self._plane.now_s()
        for source in self.sources.values():
            source.ask_key_frame(now)
        return True

    @property
    def connected(self) -> bool:
        """Whether keys are agreed."""
        return not self.closed and self.tx is not None

    def silent(self, now_s: float) -> bool:
        """Whether the other side has stopped checking: its network is gone."""
        return now_s - self.last_check_s > _SILENT_S

    def want_video(self, wanted: bool) -> None:
        """Send this peer others' video, or only their voice."""
        self._video_wanted = wanted
        for lane in self.lanes.values():
            if lane.kind != "video" or lane.tx is None:
                continue
            if not wanted:
                lane.slot.remove(lane)
            elif lane not in lane.slot.lanes:
                lane.slot.add(lane, self._plane.now_s())

    def mute(self) -> None:
        """Leave all slots and the port at once: not one packet more goes in or out."""
        self.closed = True
        for mid in list(self.sources):
            self._drop_source(mid)
        for lane in self.lanes.values():
            self._drop_lane(lane)
        self.lanes.clear()
        self._plane.forget(self)
        self.rx = self.tx = None

    async def close(self) -> None:
        """Be silent, then say goodbye to the other side's DTLS."""
        if not self._ended:
            self._ended = True
            self.mute()
            await self._tap.stop()

    def _admit(self, credentials: IceCredentials) -> None:
        self._credentials[credentials.ufrag] = credentials
        self._plane.by_ufrag[credentials.ufrag] = self

    def _open(self, lane: Lane) -> None:
        lane.tx = self.tx
        if self._video_wanted or lane.kind != "video":
            lane.slot.add(lane, self._plane.now_s())

    def _drop_lane(self, lane: Lane) -> None:
        lane.slot.remove(lane)
        self._lane_by_ssrc.pop(lane.ssrc, None)

    def _drop_source(self, mid: str) -> None:
        source = self.sources.pop(mid)
        if source.slot.source is source:
            source.slot.release()
        for table in (self.by_ssrc, self._announced, self._by_pt):
            for key in [key for key, value in table.items() if value is source]:
                del table[key]

    # ------------------------------------------------------------ packets
    def adopt(self, ssrc: int, pt: int) -> Source | None:
        """The first packet of an SSRC: which track is it? By the offer's word, else by its payload type."""
        source = self._announced.get(ssrc) or self._by_pt.get(pt)
        if source is None or len(self.by_ssrc) > 32:
            return None
        if source.ssrc is not None:
            self.by_ssrc.pop(source.ssrc, None)
            slot, now = source.slot, self._plane.now_s()
            source.missing, source.reporting = feedback.Missing(), feedback.Reporting()
            slot.release()
            slot.take(source, now)
        source.ssrc = ssrc
        self.by_ssrc[ssrc] = source
        source.ask_key_frame(self._plane.now_s())
        return source

    def on_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram for the handshake."""
        self._tap.feed(datagram)

    def send(self, datagram: bytes) -> None:
        """Send a datagram to where the peer is now."""
        if self.name is not None:
            self._plane.mux.send(datagram, self.name)

    def send_rtcp(self, clear: bytes) -> None:
        """Encrypt and send RTCP."""
        secret = self._tap.protect_rtcp(clear)
        if secret is not None:
            self.send(secret)

    # ------------------------------------------------------------ feedback
    def on_rtcp(self, secret: bytes) -> None:
        """Feedback from the other side."""
        clear = self._tap.unprotect_rtcp(secret)
        if clear is None:
            return
        now = self._plane.now_s()
        for said in feedback.parse(clear):
            self._react(said, now)

    def _react(self, said: feedback.Feedback, now: float) -> None:
        match said:
            case feedback.KeyFrameWish(ssrc):
                lane = self._lane_by_ssrc.get(ssrc)
                if lane and lane.slot.source:
                    lane.slot.source.ask_key_frame(now)
            case feedback.Nack(ssrc, seqs):
                self._repeat(ssrc, seqs)
            case feedback.SenderReport():
                self._pass_on(said, now)
            case feedback.Reception(ssrc, lost, _, last_sr, delay_s):
                if ssrc in self._lane_by_ssrc:
                    self.reported_loss = lost
                    sent = self._sent_reports.get(last_sr)
                    if sent is not None:
                        self.round_trip_s = max(0.0, now - sent - delay_s)
            case feedback.Estimate(bitrate_bps):
                self.downlink_bps = bitrate_bps
            case feedback.Goodbye(ssrc):
                self.by_ssrc.pop(ssrc, None)

    def _repeat(self, ssrc: int, seqs: tuple[int, ...]) -> None:
        lane = self._lane_by_ssrc.get(ssrc)
        source = lane.slot.source if lane else None
        if lane is None or source is None or not source.cache:
            return
        for out_seq in seqs[:128]:
            seq = lane.source_seq(out_seq)
            kept = source.cache[seq & (feedback.HISTORY - 1)]
            if kept is None or kept[0] != seq:
                continue
            _, first, second, ts, rest = kept
            header = _HEADER.pack(first, (second & 0x80) | lane.pt, out_seq, (ts + lane.ts_off) & 0xFFFFFFFF, lane.ssrc)
            secret = self._tap.protect(header + rest)
            if secret is not None:
                self.send(secret)

    def _pass_on(self, report: feedback.SenderReport, now: float) -> None:
        source = self.by_ssrc.get(report.ssrc)
        if source is None:
            return
        middle = report.ntp >> 16 & 0xFFFFFFFF
        source.reporting.last_sr, source.reporting.last_sr_at_s = middle, now
        for lane in source.lanes:
            lane.peer.note_report(middle, now)
            rtp = report.rtp + lane.ts_off
            lane.peer.send_rtcp(feedback.sender_report(lane.ssrc, report.ntp, rtp, lane.packets, lane.octets))

    def note_report(self, middle: int, now_s: float) -> None:
        """A sender report leaves for this peer: its echo gives the round trip."""
        self._sent_reports[middle] = now_s
        while len(self._sent_reports) > _SR_KEPT:
            del self._sent_reports[next(iter(self._sent_reports))]

    def repair(self, now_s: float) -> None:
        """Every few milliseconds: ask upstream for what is missing, and for a key frame where that failed."""
        for source in self.sources.values():
            if source.ssrc is None:
                continue
            if source.kind == "video" and source.missing.any:
                before = source.missing.gave_up
                due = source.missing.due(now_s)
                if due:
                    self.send_rtcp(feedback.nack(source.ssrc, due))
                if source.missing.gave_up > before:
                    source.wants_key_frame = True
            if source.wants_key_frame:
                source.ask_key_frame(now_s)

    def report(self, now_s: float, cap_bps: int) -> None:
        """Once a second: receiver reports, and how much the peer may send.

        Args:
            now_s: Monotonic seconds.
            cap_bps: The most that anybody can use of it.
        """
        blocks, ssrcs, loss, received = [], [], 0.0, 0
        for source in self.sources.values():
            if source.ssrc is None:
                continue
            lost = source.reporting.window.fraction(source.missing)
            blocks.append(source.reporting.block(source.ssrc, source.missing, lost, now_s))
            received += source.bitrate_bytes
            source.bytes_before, source.bitrate_bytes = source.bitrate_bytes, 0
            if source.kind == "video":
                ssrcs.append(source.ssrc)
            loss = max(loss, lost)
        if not blocks:
            return
        self.send_rtcp(feedback.receiver_report(blocks))
        allowed = self.uplink.update(loss, received * 8, cap_bps)
        if ssrcs:
            self.send_rtcp(feedback.remb(allowed, ssrcs))
