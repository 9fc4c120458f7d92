"""One participant's connection: its offer and answer, its address, its keys, its tracks in and its lanes out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from signaling.errors import OfferRefused
from signaling.media import answers, sdp
from signaling.media.backchannel import Backchannel
from signaling.media.bundle import Bundle
from signaling.media.identity import Identity
from signaling.media.plane import Plane
from signaling.media.tap import Certificate, Keyed, Tap
from signaling.media.tracks import Slot
from signaling.media.wishes import Wishes, receives, sends, useful

_SILENT_S = 30.0
"""RFC 7675: consent runs out 30 s after the last check."""


@dataclass(slots=True)
class Reach:
    """Where a node is reached: the announced candidates and its certificate."""

    candidates: Sequence[tuple[str, int]]
    certificate: Certificate


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
        keys: Those agreed on another line; without them it shakes hands by DTLS.
    """

    def __init__(
        self,
        plane: Plane,
        reach: Reach,
        calls: Calls,
        owner: str = "",
        start_bitrate_bps: int = 1_500_000,
        keys: Keyed | None = None,
    ) -> None:
        self._plane = plane
        self._reach = reach
        self._calls = calls
        self.owner = owner
        self.now_s = plane.now_s
        self._identity = Identity(self, plane.by_ufrag)
        self._bundle = Bundle(self, plane)
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._setup = "actpass"
        self._tap: Tap | Keyed = keys or Tap(reach.certificate, self.send, lambda: calls.gone(self))
        self._begun = self._ended = False
        self.shows_video = True
        self.closed = False
        self.name: bytes | None = None
        self.rx: Any = None
        self.tx: Any = None
        self.level_id = 0
        self.mid_id = self.rid_id = self.repaired_rid_id = 0
        self.plays: frozenset[str] = frozenset()
        self.speaks: frozenset[str] = frozenset()
        self.without_codec: tuple[Slot, ...] = ()
        self.last_check_s = plane.now_s()
        self.sources, self.lanes, self.by_ssrc = self._bundle.sources, self._bundle.lanes, self._bundle.by_ssrc
        self.lane_of, self.adopt, self.repeated = self._bundle.lane_of, self._bundle.adopt, self._bundle.repeated
        self.apts = self._bundle.apts
        self.restart, self.password_of = self._identity.restart, self._identity.password_of
        self.feedback = Backchannel(self, start_bitrate_bps)

    # ------------------------------------------------------------ offer and answer
    def answer(self, text: str, wishes: Wishes) -> str:
        """Answer an offer; call again for every further one (tracks added, ICE restart).

        Raises:
            OfferRefused: Nothing was changed.
        """
        offer = sdp.parse_offer(text)
        if self._fingerprints and offer.fingerprints != self._fingerprints:
            raise OfferRefused("the offer is from another connection: its certificate changed", code="new_connection")
        if not any(useful(section, wishes) for section in offer.sections):
            raise OfferRefused("no section has a codec in common")
        self._fingerprints, self._setup = offer.fingerprints, offer.setup
        self.restart(offer.ufrag)
        self._bundle.drop_unwanted(offer, wishes)
        replies = {section.mid: self._reply(section, wishes) for section in offer.sections}
        self._know_codecs([section for section in offer.sections if section.kind == "video"], wishes)
        return answers.write_answer(
            offer, replies, self._identity.current, self._reach.certificate.fingerprint, self._reach.candidates
        )

    def _know_codecs(self, pictures: Sequence[sdp.Section], wishes: Wishes) -> None:
        self.plays = frozenset(codec.name for one in pictures if one.they_take for codec in one.codecs)
        self.speaks = frozenset(codec.name for one in pictures if one.they_send for codec in one.codecs)
        named = {**wishes.sends, **wishes.takes}
        self.without_codec = tuple(named[one.mid] for one in pictures if not one.codecs and one.mid in named)

    def _reply(self, section: sdp.Section, wishes: Wishes) -> answers.Reply:
        if not section.codecs:
            return answers.Reply()
        codecs = tuple(sorted(section.codecs, key=lambda codec: codec.name != wishes.prefer))
        receive, slot = receives(section, wishes), sends(section, wishes)
        agreed = codecs if slot is not None else codecs[:1]  # who only sends to us needs no choice
        if receive:
            self._bundle.fill(section, agreed, wishes.sends[section.mid])
            if section.kind == "audio":
                self.level_id = section.extensions.get(sdp.AUDIO_LEVEL, self.level_id)
            self.mid_id = section.extensions.get(sdp.MID, self.mid_id)
            self.rid_id = section.extensions.get(sdp.RID, self.rid_id)
            self.repaired_rid_id = section.extensions.get(sdp.REPAIRED_RID, self.repaired_rid_id)
        if slot is None:
            return answers.Reply(agreed, receive)
        lane = self._bundle.lane(section, slot)
        sending = answers.Sending(lane.ssrc, slot.participant or "-", slot.label, lane.rtx_ssrc)
        return answers.Reply(agreed, receive, sending)

    # ------------------------------------------------------------ connecting
    def on_check(self, name: bytes | None, ufrag: str) -> None:
        """A valid check came; `name` is the address to use from now on, None to keep the old one."""
        self.last_check_s = self.now_s()
        if name is not None:
            self.name = name
            for lane in self.lanes.values():
                lane.move(name)
        self._identity.checked(ufrag)
        if not self._begun:
            self._begun = True
            self._calls.first_check(self)

    async def connect(self) -> bool:
        """Shake hands; then tracks flow. Returns False when the other side is not who the offer said."""
        if not await self._tap.start(self._fingerprints, as_client=self._setup == "passive") or self.closed:
            return False
        self.rx, self.tx = self._tap.rx, self._tap.tx
        for lane in self.lanes.values():
            self._bundle.open(lane)
        for source in self.sources.values():
            source.ask_key_frame(self.now_s())
        return True

    @property
    def ufrags(self) -> Iterable[str]:
        """Our user name fragments that lead here."""
        return self._identity.ufrags

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
        self._bundle.show_video(wanted)

    def mute(self) -> None:
        """Leave all slots and the port at once: not one packet more goes in or out."""
        self.closed = True
        self._bundle.drop_all()
        self._plane.forget(self)
        self.rx = self.tx = None

    async def close(self) -> None:
        """Be silent, then say goodbye to the other side's DTLS."""
        if not self._ended:
            self._ended = True
            self.mute()
            await self._tap.stop()

    # ------------------------------------------------------------ packets
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

    def report(self, now_s: float, cap_bps: int, late_s: float = 0.0) -> None:
        """Once a second: reports and estimates; budgets are filled again."""
        self._identity.refill()
        self.feedback.report(now_s, cap_bps, late_s)
