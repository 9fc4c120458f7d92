"""The media connections of people in rooms: offers answered, handshakes awaited, the dead forgotten.

What an offer means follows from the room; what its answer says is the peer's business.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from signaling import messages
from signaling.errors import OfferRefused
from signaling.house import House
from signaling.live import LABELS, LiveRoom
from signaling.media.bandwidth import SHOWS_VIDEO
from signaling.media.peer import Calls, Peer, Reach
from signaling.media.voice import opinion
from signaling.media.wishes import Wishes
from signaling.ports import Grant
from signaling.tasks import Tasks

_HANDSHAKE_S = 20.0
_NOTE_QUALITY_S = 30
_WITH_VIDEO = frozenset({"auto", *SHOWS_VIDEO})
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Connections:
    """Of all rooms of a node.

    Args:
        house: The shell that holds the rooms.
        reach: Candidates and certificate.
        tasks: Owns the handshakes.

    Attributes:
        voices: How often a browser said how it hears.
        voices_mos: The opinion scores of all these, added up.
    """

    def __init__(self, house: House, reach: Reach, tasks: Tasks) -> None:
        self._house = house
        self._reach = reach
        self._tasks = tasks
        self._calls = Calls(self._first_check, self.forget)
        self.voices = 0
        self.voices_mos = 0.0

    # ------------------------------------------------------------ of those with a seat
    def negotiate(self, room: str, participant: str, offer: messages.Offer) -> str:
        """Answer a seated participant's offer.

        Raises:
            OfferRefused, RoomRefused, NotAdmitted: Nothing was changed.
        """
        live = self._house.seated(room, participant)
        if offer.sends:
            live.room.need(participant, Grant.PUBLISH)
        if offer.takes:
            live.room.need(participant, Grant.SUBSCRIBE)
        if not LABELS.issuperset(offer.sends.values()) or _twice(offer.sends) or _twice(offer.takes):
            raise OfferRefused("a track has an unknown label, or is named twice")
        takes = {mid: live.wanted(participant, track) for mid, track in offer.takes.items()}
        sends = {mid: live.slot(participant, label) for mid, label in offer.sends.items()}
        wishes = Wishes(sends, takes, live.codec_for(participant))
        answer = self.answer(live, participant, participant, offer.sdp, wishes)[1]
        self.published(live, participant, set(offer.sends.values()))
        self.agree_on_codecs(live)
        return answer

    def choose(self, room: str, participant: str, choice: str) -> None:
        """A participant chooses what to receive: from `stills` on no video is sent to them; `auto` leaves it to us."""
        live = self._house.seated(room, participant)
        live.chosen[participant] = choice
        if choice == "auto":
            del live.chosen[participant]
        peer = live.peers.get(participant)
        if peer is not None:
            peer.show_video(choice in _WITH_VIDEO)
            tier = messages.Tier(tier=choice, reason="chosen", send_bps=peer.feedback.uplink.allowed_bps)
            self._house.say(live, participant, tier)

    def measured(self, room: str, participant: str, quality: messages.Quality) -> None:
        """What a browser measured; kept on the record at most once in half a minute."""
        live = self._house.room(room)
        peer = live.peers.get(participant) if live else None
        if peer is not None:
            peer.feedback.busy = quality.busy
        now = self._house.now()
        mos = opinion(quality.concealed, quality.rtt_ms)
        self.voices += 1
        self.voices_mos += mos
        if live is None or (now - live.noted.get(participant, _LONG_AGO)).total_seconds() < _NOTE_QUALITY_S:
            return
        live.noted[participant] = now
        figures: dict[str, str | int | float] = {
            "loss": round(quality.loss, 4),
            "rtt_ms": round(quality.rtt_ms),
            "fps": round(quality.fps, 1),
            "concealed": round(quality.concealed, 4),
            "mos": mos,
            "send_bps": peer.feedback.uplink.allowed_bps if peer else 0,
        }
        self._house.note(live, "quality", participant, figures)

    # ------------------------------------------------------------ of anybody
    def answer(
        self, live: LiveRoom, who: str, owner: str, sdp: str, wishes: Wishes, *, fresh: bool = False
    ) -> tuple[Peer, str]:
        """Answer an offer, by the connection that somebody has or by a new one in its place.

        Raises:
            OfferRefused: Nothing was changed.
        """
        old = live.peers.get(who)
        if old is not None and not fresh and not old.closed:
            try:
                return old, old.answer(sdp, wishes)
            except OfferRefused as error:
                if error.code != "new_connection":
                    raise
        peer = Peer(self._house.plane, self._reach, self._calls, owner, self._house.settings.start_bitrate_bps)
        try:
            answer = peer.answer(sdp, wishes)
        except OfferRefused:
            self._tasks.start(peer.close())
            raise
        live.peers[who] = peer
        if old is not None:
            old.mute()
            self._tasks.start(old.close())
        return peer, answer

    def published(self, live: LiveRoom, who: str, labels: set[str]) -> None:
        """Somebody sends: the others are told, and who waited for it is served."""
        self._house.carry_out(live, live.room.publish(who, tuple(sorted(labels))))
        live.seat_the_waiting(who, labels, self._house.plane.now_s())

    def agree_on_codecs(self, live: LiveRoom) -> None:
        """Who would be understood by more in another video codec is asked for a new offer."""
        for who in live.misunderstood():
            self._house.say(live, who, messages.Reoffer(reason="codec"))

    def end(self, peer: Peer) -> None:
        """Not one packet more, and a goodbye."""
        peer.mute()
        self._tasks.start(peer.close())

    def _first_check(self, peer: Peer) -> None:
        self._tasks.start(self._connect(peer))

    async def _connect(self, peer: Peer) -> None:
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                if await peer.connect():
                    return
        except TimeoutError:
            pass
        self.forget(peer)

    def forget(self, peer: Peer) -> None:
        """A connection is gone: its holder keeps the seat if there is a socket to come back by."""
        for live in list(self._house.live()):
            for who in [who for who, other in live.peers.items() if other is peer]:
                del live.peers[who]
                if not self._house.listens(live, who):
                    self._house.carry_out(live, live.room.leave(who, self._house.now()))
        self.end(peer)


def _twice(named: Mapping[str, str]) -> bool:
    return len(set(named.values())) < len(named)
