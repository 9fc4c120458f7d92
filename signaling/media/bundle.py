"""All tracks of one connection: what it sends us as sources, what we send it as lanes, and whose an SSRC is.

Source: RFC 9143 9.2 (which section an SSRC belongs to), RFC 8852 (which layer).
"""

from typing import TYPE_CHECKING

from signaling.media import sdp
from signaling.media.plane import Plane
from signaling.media.sources import Source
from signaling.media.tracks import Lane, Slot
from signaling.media.wishes import Wishes, receives, sends

if TYPE_CHECKING:
    from signaling.media.peer import Peer

_MOST_SSRCS = 32


class Bundle:
    """The tracks of one peer.

    Args:
        peer: Whose.
        plane: The packet plane it lives on.

    Attributes:
        sources: mid and layer ("" where there is but one) -> what comes in there.
        lanes: mid -> what goes out there.
        by_ssrc: What packets are known to belong to.
        apts: Payload type of repeats -> of what they repeat.
    """

    def __init__(self, peer: "Peer", plane: Plane) -> None:
        self._peer = peer
        self._plane = plane
        self.sources: dict[tuple[str, str], Source] = {}
        self.lanes: dict[str, Lane] = {}
        self.by_ssrc: dict[int, Source] = {}
        self.apts: dict[int, int] = {}
        self._repeats: dict[int, Source] = {}
        self._announced: dict[int, Source] = {}
        self._lane_by_ssrc: dict[int, Lane] = {}

    # ------------------------------------------------------------ as agreed
    def lane(self, section: sdp.Section, slot: Slot) -> Lane:
        """The lane of a section, made when it is first agreed."""
        lane = self.lanes.get(section.mid)
        if lane is None:
            pts = {codec.name: codec.pt for codec in reversed(section.codecs)}
            again = {codec.name: codec.rtx for codec in reversed(section.codecs)}
            lane = self.lanes[section.mid] = Lane(self._peer, slot, section.kind, pts, again)
            self._lane_by_ssrc |= {lane.ssrc: lane, lane.rtx_ssrc: lane}
            if self._peer.tx is not None:
                self.open(lane)
        return lane

    def fill(self, section: sdp.Section, codecs: tuple[sdp.Codec, ...], slot: Slot) -> None:
        """The peer's track of a section fills a slot from now on."""
        now_s, keys = self._plane.now_s(), [(section.mid, rid) for rid in section.rids or ("",)]
        if keys != [key for key in self.sources if key[0] == section.mid]:
            self._drop_sources(section.mid)
            made = tuple(Source(self._peer, slot, section, codecs, rid, self._plane.books) for _, rid in keys)
            self.sources.update(zip(keys, made, strict=True))
            self._plane.publishing.add(self._peer)
            slot.take(made, now_s)
        for source in (self.sources[key] for key in keys):
            source.halt()  # what its packets say of themselves may have other numbers now
            if source.codec != codecs[0]:
                source.codecs = {codec.pt: codec for codec in codecs}
                source.turn_to(codecs[0].pt, now_s)
        self.apts |= {codec.rtx: codec.pt for codec in codecs if codec.rtx}
        if not section.rids:  # layers are told apart by their packets alone
            self._announced |= dict.fromkeys(section.ssrcs, self.sources[section.mid, ""])

    def drop_unwanted(self, offer: sdp.Offer, wishes: Wishes) -> None:
        """What a new offer no longer has ends."""
        slots = {section.mid: sends(section, wishes) for section in offer.sections}
        fills = {section.mid: wishes.sends[section.mid] for section in offer.sections if receives(section, wishes)}
        for mid, lane in list(self.lanes.items()):
            if slots.get(mid) is not lane.slot:
                self._drop_lane(mid)
        for (mid, _), source in list(self.sources.items()):
            if fills.get(mid) is not source.slot:
                self._drop_sources(mid)

    def drop_all(self) -> None:
        """Nothing goes in or out any more."""
        for mid, _ in list(self.sources):
            self._drop_sources(mid)
        for mid in list(self.lanes):
            self._drop_lane(mid)

    # ------------------------------------------------------------ as it flows
    def open(self, lane: Lane) -> None:
        """There are keys: packets go."""
        lane.tx = self._peer.tx
        lane.move(self._peer.name or b"")
        if self._peer.shows_video or lane.kind != "video":
            lane.slot.add(lane, self._plane.now_s())

    def show_video(self, wanted: bool) -> None:
        """Hang lanes of pictures on their slots, or take them off."""
        for lane in self.lanes.values():
            if lane.kind != "video" or lane.tx is None:
                continue
            if wanted:
                lane.slot.add(lane, self._plane.now_s())
            else:
                lane.slot.remove(lane)

    def lane_of(self, ssrc: int) -> Lane | None:
        """Which of the peer's lanes is meant, by its own stream or by that of its repeats."""
        return self._lane_by_ssrc.get(ssrc)

    def adopt(self, ssrc: int, pt: int, mid: str = "", rid: str = "") -> Source | None:
        """Which track is a new SSRC? By the offer's word, by the packet's, or as the only one it fits."""
        source = self._whose(ssrc, pt, mid, rid)
        if source is None or pt not in source.codecs or len(self.by_ssrc) > _MOST_SSRCS:
            return None
        now_s = self._plane.now_s()
        if source.ssrc is not None:
            self.by_ssrc.pop(source.ssrc, None)
            source.slot.restart(source, now_s, anew=True)
        source.ssrc = ssrc
        self.by_ssrc[ssrc] = source
        source.slot.settle(now_s)
        source.ask_key_frame(now_s)
        return source

    def repeated(self, ssrc: int, pt: int, mid: str = "", rid: str = "") -> Source | None:
        """Whose repeats come under this SSRC; None for what was not agreed."""
        source = self._repeats.get(ssrc)
        if source is None and len(self._repeats) <= _MOST_SSRCS:
            source = self._whose(ssrc, self.apts.get(pt, -1), mid, rid)
            if source is not None:
                self._repeats[ssrc] = source
        return source if source is not None and source.pt == self.apts.get(pt) else None

    def _whose(self, ssrc: int, pt: int, mid: str, rid: str) -> Source | None:
        source = self._announced.get(ssrc) or self.sources.get((mid, rid)) or self.sources.get((mid, ""))
        if source is None:
            fitting = [one for one in self.sources.values() if pt in one.codecs]
            source = fitting[0] if len(fitting) == 1 else None
        return source

    def _drop_lane(self, mid: str) -> None:
        lane = self.lanes.pop(mid)
        lane.slot.remove(lane)
        for ssrc in (lane.ssrc, lane.rtx_ssrc):
            self._lane_by_ssrc.pop(ssrc, None)

    def _drop_sources(self, mid: str) -> None:
        """Of one section."""
        dropped = [self.sources.pop(key) for key in list(self.sources) if key[0] == mid]
        for source in dropped:
            self._plane.let_go(source)
            if source in source.slot.sources:
                source.slot.release()
        for table in (self.by_ssrc, self._announced, self._repeats):
            for key in [key for key, value in table.items() if value in dropped]:
                del table[key]
        if not self.sources:
            self._plane.publishing.discard(self._peer)
