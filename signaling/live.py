"""One live room: its seats, its tracks and the connections that carry them. Owns no task and no timeout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from signaling import codecs
from signaling.codecs import Unseen
from signaling.errors import OfferRefused
from signaling.media.bandwidth import CEILING_BPS, Step
from signaling.media.peer import Peer
from signaling.media.tracks import Slot
from signaling.ports import STREAM
from signaling.room import Room

LABELS = frozenset({"audio", "video", "screen"})
_SPEAKS_BELOW = 45
"""RFC 6464 level in -dBov; quieter is background."""
_SPEAKERS = 4


@dataclass(eq=False, slots=True)
class LiveRoom:
    """A room with its media.

    Attributes:
        slots: (participant, label) -> the track's place.
        waiting: (name, label) -> the place of a track whose publisher has not come; "" is whoever publishes first.
        peers: participant -> media connection; viewers by WHEP are here under their own ids.
        speaking: Who was heard last, loudest first.
        noted: participant -> when its quality was last put on the record.
        chosen: participant -> what it chose to receive; nothing for `auto`.
        is_relayed: Whether its people are at another node, and it is only watched from here.
        steps: participant -> the steps of the ladder that it was told: of what it sends, of what it is sent, and of
            what its computer can do.
        lacking: participant -> what was seen last of pictures in a codec that somebody cannot play.
        told_lacking: participant -> what it was told of that.
    """

    room: Room
    slots: dict[tuple[str, str], Slot] = field(default_factory=dict)
    waiting: dict[tuple[str, str], Slot] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    speaking: tuple[str, ...] = ()
    noted: dict[str, datetime] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    steps: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    is_relayed: bool = False
    lacking: Mapping[str, Unseen] = field(default_factory=dict)
    told_lacking: dict[str, Unseen] = field(default_factory=dict)

    # ------------------------------------------------------------ tracks
    def slot(self, participant: str, label: str) -> Slot:
        """The place of a track, made when first asked for."""
        return self.slots.setdefault((participant, label), Slot(participant, label))

    def wanted(self, me: str, track: str) -> Slot:
        """The place of `participant/label`.

        Raises:
            OfferRefused: It names nobody in this room but oneself.
        """
        who, _, label = track.rpartition("/")
        if not who or who == me or label not in LABELS or not self.room.holds(who):
            raise OfferRefused("a wanted track names nobody in this room")
        return self.slot(who, label)

    def publisher(self, name: str) -> str:
        """Who is meant by a name that a viewer gave: a participant, or a stream of one; "" while there is nobody."""
        publishing = [who for (who, _), slot in self.slots.items() if slot.source]
        if not name:
            return publishing[0] if publishing else ""
        return next((who for who in publishing if name in _names(who)), "")

    def place(self, name: str, label: str) -> Slot:
        """Where a viewer who names a publisher is to hang: on its track, or waiting for it."""
        if who := self.publisher(name):
            return self.slot(who, label)
        return self.waiting.setdefault((name, label), Slot("", label))

    def seat_the_waiting(self, who: str, labels: set[str], now_s: float) -> None:
        """Somebody publishes: who has waited for it hangs on its tracks from now on."""
        for name, label in [key for key in self.waiting if key[1] in labels and key[0] in ("", *_names(who))]:
            waiting = self.waiting.pop((name, label))
            slot = self.slot(who, label)
            joined = list(waiting.lanes)
            for peer in self.peers.values():
                for lane in peer.lanes.values():
                    if lane.slot is waiting:  # also those whose handshake still runs
                        lane.slot = slot
            for lane in joined:
                waiting.remove(lane)
                slot.add(lane, now_s)

    def sweep(self) -> None:
        """Forget places that nobody fills and nobody wants: names come from outside and must not add up."""
        used = {id(lane.slot) for peer in self.peers.values() for lane in peer.lanes.values()}
        for places in (self.slots, self.waiting):
            for key in [key for key, slot in places.items() if not slot.source and id(slot) not in used]:
                del places[key]
        for told in (self.noted, self.chosen, self.steps, self.told_lacking):
            for who in [who for who in told if who not in self.peers and not self.room.holds(who)]:
                del told[who]

    # ------------------------------------------------------------ people
    def owned(self, owner: str) -> Iterator[tuple[str, Peer]]:
        """Every connection that was opened with somebody's tickets."""
        yield from [(who, peer) for who, peer in self.peers.items() if owner in (who, peer.owner)]

    def codec_for(self, publisher: str) -> str:
        """The video codec in which a publisher is understood best."""
        plays = [peer.plays for who, peer in self.peers.items() if who != publisher]
        return codecs.best(plays, self._sent(publisher))

    def misunderstood(self) -> list[str]:
        """Who can send a video codec that more of the others can play than the one sent now."""
        wanted = {who: self.codec_for(who) for who, peer in self.peers.items() if self._sent(who)}
        return [who for who, name in wanted.items() if name in self.peers[who].speaks and self._sent(who) != {name}]

    def unseen(self) -> Mapping[str, Unseen]:
        """Who cannot be shown whose pictures for want of a common codec, of both sides."""
        return codecs.unseen(self._unseen())

    def _unseen(self) -> Iterator[tuple[str, str, str]]:
        for who, peer in self.peers.items():
            for lane in peer.lanes.values():
                if (source := lane.slot.source) and source.codec.name not in lane.codec_pts:
                    yield who, lane.slot.participant, lane.slot.label
            for slot in peer.without_codec:
                if slot.participant == who:
                    yield from (
                        (seat.participant, who, slot.label) for seat in self.room.seats if seat.participant != who
                    )
                elif slot.source:
                    yield who, slot.participant, slot.label

    def _sent(self, who: str) -> frozenset[str]:
        sources = self.peers[who].sources.values() if who in self.peers else ()
        return frozenset(source.codec.name for source in sources if source.kind == "video")

    def speakers(self) -> tuple[str, ...] | None:
        """Who is heard now, loudest first; None when that has not changed."""
        heard = []
        for (who, label), slot in self.slots.items():
            if label == "audio" and slot.source:
                level = slot.source.listen()
                if level < _SPEAKS_BELOW:
                    heard.append((level, who))
        now = tuple(who for _, who in sorted(heard)[:_SPEAKERS])
        if now == self.speaking:
            return None
        self.speaking = now
        return now


def _names(who: str) -> tuple[str, str]:
    """What a publisher answers to: its id, and the name of its stream where it is one of several."""
    return who, who.partition(STREAM)[2] or who


def cap_of(peer: Peer) -> int:
    """The most that any subscriber of this peer's video can receive: one weak viewer does not lower the others.

    Where a picture comes in layers, the smaller ones are sent beside what that subscriber gets.
    """
    videos = [source for source in peer.sources.values() if source.kind == "video"]
    able = [lane.peer.feedback.able_bps() for source in videos for lane in source.lanes]
    beside = sorted(source.bitrate_bps for source in videos if source.rid)[:-1]
    return max(able, default=CEILING_BPS) + sum(beside)
