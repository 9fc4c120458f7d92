"""One participant's connection: its offer and answer, its address, its keys, its tracks in and its lanes out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from signaling.errors import OfferRefused
from signaling.media import answers, sdp
from signaling.media.backchannel import Backchannel
from signaling.media.ice import IceCredentials
from signaling.media.plane import Plane
from signaling.media.tap import Certificate, Tap
from signaling.media.tracks import Lane, Slot, Source

_SILENT_S = 30.0
"""RFC 7675: consent runs out 30 s after the last check."""
_CHECKS_PER_S = 60
_MOST_SSRCS = 32


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
        prefer: The video codec that everybody in the room can play.
    """

    sends: Mapping[str, Slot] = field(default_factory=dict)
    takes: Mapping[str, Slot] = field(default_factory=dict)
    prefer: str = "VP8"


@dataclass(frozen=True, slots=True)
class Calls:
    """Whom a peer calls.

    Attributes:
        first_check: A first valid check has come; start `connect`.
        gone: The other side said goodbye.
    """

    first_check: Callable[["Peer"], None]
    gone: Callable[["Peer"], None]


class Peer:
    """One ICE/DTLS session with its tracks.

    You must call `answer` first; then `connect` runs as a task when the first valid check has come.

    Args:
        plane: The packet plane it lives on.
        reach: Candidates and certificate.
        calls: Whom it calls.
        owner: The participant whose ticket opened it.
        start_bitrate_bps: What it may send before anything was measured.
    """

    def __init__(
        self, plane: Plane, reach: Reach, calls: Calls, owner: str = "", start_bitrate_bps: int = 1_500_000
    ) -> None:
        self._plane = plane
        self._reach = reach
        self._calls = calls
        self.owner = owner
        self.now_s = plane.now_s
        self._credentials: dict[str, IceCredentials] = {}
        self._current = IceCredentials.fresh()
        self._remote_ufrag = ""
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._setup = "actpass"
        self._tap = Tap(reach.certificate, self.send, lambda: calls.gone(self))
        self._begun = self._ended = False
        self._checks_left = _CHECKS_PER_S
        self.shows_video = True
        self.closed = False
        self.name: bytes | None = None
        self.rx: Any = None
        self.tx: Any = None
        self.level_id = 0
        self.mid_id = 0
        self.plays: frozenset[str] = frozenset()
        self.last_check_s = plane.now_s()
        self.sources: dict[str, Source] = {}
        self.lanes: dict[str, Lane] = {}
        self.by_ssrc: dict[int, Source] = {}
        self._announced: dict[int, Source] = {}
        self._lane_by_ssrc: dict[int, Lane] = {}
        self.feedback = Backchannel(self, start_bitrate_bps)
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
        if not any(_useful(section, wishes) for section in offer.sections):
            raise OfferRefused("no section has a codec in common")
        self._fingerprints, self._setup = offer.fingerprints, offer.setup
        self.restart(offer.ufrag)
        self._drop_unwanted(offer, wishes)
        replies = {section.mid: self._reply(section, wishes) for section in offer.sections}
        self.plays = frozenset(codec.name for one in offer.sections if one.kind == "video" for codec in one.codecs)
        return answers.write_answer(
            offer, replies, self._current, self._reach.certificate.fingerprint, self._reach.candidates
        )

    def restart(self, ufrag: str) -> IceCredentials:
        """The other side's user name fragment: a new one restarts ICE, and old ones stay valid until the new are used.

        Returns:
            Ours.
        """
        if self._remote_ufrag and ufrag != self._remote_ufrag:
            for unused in list(self._credentials)[1:]:
                self._withdraw(unused)
            self._current = IceCredentials.fresh()
            self._admit(self._current)
        self._remote_ufrag = ufrag
        return self._current

    def _reply(self, section: sdp.Section, wishes: Wishes) -> answers.Reply:
        if not section.codecs:
            return answers.Reply()
        codecs = tuple(sorted(section.codecs, key=lambda codec: codec.name != wishes.prefer))
        receive, slot = _receives(section, wishes), _sends(section, wishes)
        agreed = codecs if slot is not None else codecs[:1]  # who only sends to us needs no choice
        if receive:
            self._fill(section, agreed, wishes.sends[section.mid])
        if slot is None:
            return answers.Reply(agreed, receive)
        lane = self._lane(section, slot)
        return answers.Reply(agreed, receive, answers.Sending(lane.ssrc, slot.participant or "-", slot.label))

    def _lane(self, section: sdp.Section, slot: Slot) -> Lane:
        lane = self.lanes.get(section.mid)
        if lane is None:
            lane = Lane(self, slot, section.kind, {codec.name: codec.pt for codec in reversed(section.codecs)})
            self.lanes[section.mid] = lane
            self._lane_by_ssrc[lane.ssrc] = lane
            if self.tx is not None:
                self._open(lane)
        return lane

    def _fill(self, section: sdp.Section, codecs: tuple[sdp.Codec, ...], slot: Slot) -> None:
        source = self.sources.get(section.mid)
        if source is None:
            source = Source(self, slot, section, codecs)
            self.sources[section.mid] = source
            self._plane.publishing.add(self)
            slot.take(source, self.now_s())
        elif source.codec != codecs[0]:
            source.codecs = {codec.pt: codec for codec in codecs}
            source.turn_to(codecs[0].pt, self.now_s())
        for ssrc in section.ssrcs:
            self._announced[ssrc] = source
        if section.kind == "audio":
            self.level_id = section.extensions.get(sdp.AUDIO_LEVEL, self.level_id)
        self.mid_id = section.extensions.get(sdp.MID, self.mid_id)

    def _drop_unwanted(self, offer: sdp.Offer, wishes: Wishes) -> None:
        slots = {section.mid: _sends(section, wishes) for section in offer.sections}
        fills = {section.mid: wishes.sends[section.mid] for section in offer.sections if _receives(section, wishes)}
        for mid, lane in list(self.lanes.items()):
            if slots.get(mid) is not lane.slot:
                self._drop_lane(mid)
        for mid, source in list(self.sources.items()):
            if fills.get(mid) is not source.slot:
                self._drop_source(mid)

    # ------------------------------------------------------------ connecting
    @property
    def ufrags(self) -> Iterable[str]:
        """Our user name fragments that lead here."""
        return self._credentials

    def password_of(self, ufrag: str) -> str | None:
        """For ICE."""
        known = self._credentials.get(ufrag) if self._checks_left > 0 else None
        return known.password if known else None

    def on_check(self, name: bytes | None, ufrag: str) -> None:
        """A valid check came; `name` is the address to use from now on, None to keep the old one."""
        self.last_check_s = self.now_s()
        self._checks_left -= 1
        if name is not None:
            self.name = name
            for lane in self.lanes.values():
                lane.name = name
        if ufrag == self._current.ufrag:
            for old in [word for word in self._credentials if word != ufrag]:
                self._withdraw(old)
        if not self._begun:
            self._begun = True
            self._calls.first_check(self)

    async def connect(self) -> bool:
        """Shake hands; then tracks flow. Returns False when the other side is not who the offer said."""
        if not await self._tap.start(self._fingerprints, as_client=self._setup == "passive") or self.closed:
            return False
        self.rx, self.tx = self._tap.rx, self._tap.tx
        for lane in self.lanes.values():
            self._open(lane)
        for source in self.sources.values():
            source.ask_key_frame(self.now_s())
        return True

    @property
    def connected(self) -> bool:
        """Whether keys are agreed."""
        return not self.closed and self.tx is not None

    def silent(self, now_s: float) -> bool:
        """Whether the other side has stopped checking: its network is gone."""
        return now_s - self.last_check_s > _SILENT_S

    def show_video(self, wanted: bool) -> None:
        """Send this peer others' pictures, or only their voices."""
        if wanted == self.shows_video:
            return
        self.shows_video = wanted
        for lane in self.lanes.values():
            if lane.kind != "video" or lane.tx is None:
                continue
            if wanted:
                lane.slot.add(lane, self.now_s())
            else:
                lane.slot.remove(lane)

    def mute(self) -> None:
        """Leave all slots and the port at once: not one packet more goes in or out."""
        self.closed = True
        for mid in list(self.sources):
            self._drop_source(mid)
        for mid in list(self.lanes):
            self._drop_lane(mid)
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

    def _withdraw(self, ufrag: str) -> None:
        del self._credentials[ufrag]
        self._plane.by_ufrag.pop(ufrag, None)

    def _open(self, lane: Lane) -> None:
        lane.tx = self.tx
        lane.name = self.name or b""
        if self.shows_video or lane.kind != "video":
            lane.slot.add(lane, self.now_s())

    def _drop_lane(self, mid: str) -> None:
        lane = self.lanes.pop(mid)
        lane.slot.remove(lane)
        self._lane_by_ssrc.pop(lane.ssrc, None)

    def _drop_source(self, mid: str) -> None:
        source = self.sources.pop(mid)
        if source.slot.source is source:
            source.slot.release()
        for table in (self.by_ssrc, self._announced):
            for key in [key for key, value in table.items() if value is source]:
                del table[key]
        if not self.sources:
            self._plane.publishing.discard(self)

    # ------------------------------------------------------------ packets
    def lane_of(self, ssrc: int) -> Lane | None:
        """Which of the peer's lanes is meant."""
        return self._lane_by_ssrc.get(ssrc)

    def adopt(self, ssrc: int, pt: int, mid: str = "") -> Source | None:
        """Which track is a new SSRC? By the offer's word, by the packet's mid, or as the only one it fits."""
        source = self._announced.get(ssrc) or self.sources.get(mid)
        if source is None:
            fitting = [one for one in self.sources.values() if pt in one.codecs]
            source = fitting[0] if len(fitting) == 1 else None
        if source is None or pt not in source.codecs or len(self.by_ssrc) > _MOST_SSRCS:
            return None
        if source.ssrc is not None:
            self.by_ssrc.pop(source.ssrc, None)
            slot = source.slot
            slot.release()
            source.begin_anew()
            slot.take(source, self.now_s())
        source.ssrc = ssrc
        self.by_ssrc[ssrc] = source
        source.ask_key_frame(self.now_s())
        return source

    def on_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram for the handshake."""
        self._tap.feed(datagram)

    def send(self, datagram: bytes) -> None:
        """Send a datagram to where the peer is now."""
        if self.name is not None:
            self._plane.mux.send(datagram, self.name)

    def send_rtp(self, clear: bytes) -> None:
        """Encrypt and send one packet, outside of the batches."""
        secret = self._tap.protect(clear) if not self.closed else None
        if secret is not None:
            self.send(secret)

    def send_rtcp(self, clear: bytes) -> None:
        """Encrypt and send RTCP."""
        secret = self._tap.protect_rtcp(clear) if not self.closed else None
        if secret is not None:
            self.send(secret)

    def unprotect_rtcp(self, secret: bytes) -> bytes | None:
        """Decrypt RTCP; None where it is forged, old or broken."""
        return self._tap.unprotect_rtcp(secret)

    def report(self, now_s: float, cap_bps: int) -> None:
        """Once a second: reports and estimates; budgets are filled again."""
        self._checks_left = _CHECKS_PER_S
        self.feedback.report(now_s, cap_bps)


def _receives(section: sdp.Section, wishes: Wishes) -> bool:
    return bool(section.codecs) and section.they_send and section.mid in wishes.sends


def _sends(section: sdp.Section, wishes: Wishes) -> Slot | None:
    return wishes.takes.get(section.mid) if section.codecs and section.they_take else None


def _useful(section: sdp.Section, wishes: Wishes) -> bool:
    return _receives(section, wishes) or _sends(section, wishes) is not None
