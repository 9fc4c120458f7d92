"""The sessions of WHIP and WHEP: publishers and viewers without a socket. Decides what an offer of theirs means."""

from dataclasses import dataclass, replace
from functools import partial

from signaling.config import IceServer
from signaling.effects import DropMedia
from signaling.errors import NotAdmitted, OfferRefused, RoomRefused
from signaling.media.ice import IceCredentials
from signaling.media.peer import Peer
from signaling.media.sdp import kinds_of
from signaling.media.wishes import Wishes
from signaling.messages import Closing, Reply
from signaling.ports import STREAM, Admission, Grant
from signaling.rooms import Rooms
from signaling.turn import ice_servers


@dataclass(frozen=True, slots=True)
class Opened:
    """A session of WHIP or WHEP.

    Attributes:
        participant: Under which name it is in the room.
        owner: Whose ticket opened it.
        answer: What the other side is told.
    """

    room: str
    participant: str
    owner: str
    peer: Peer
    answer: str


class Sessions:
    """Opens and ends them.

    Args:
        rooms: The node's rooms.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def publish(self, admission: Admission, sdp: str, stream: str = "") -> Opened:
        """WHIP: a publisher without a socket takes a seat and sends its first audio and first video.

        Args:
            admission: Whose.
            sdp: The offer.
            stream: Names one of several streams of the same participant; each has a seat of its own.
        """
        self._need_inside(admission)
        owner = admission.participant
        who = f"{owner}{STREAM}{stream}" if stream and stream != owner else owner
        mids = kinds_of(sdp)
        self._rooms.enter(
            replace(admission, participant=who, grants=admission.grants - {Grant.WAIT}), _Silent(), resume=False
        )
        live = self._rooms.open(admission)
        try:
            wishes = Wishes({mid: live.slot(who, kind) for kind, mid in mids.items()}, prefer=live.codec_for(who))
            peer, answer = self._rooms.connections.answer(live, who, owner, sdp, wishes, fresh=True)
        except OfferRefused:
            if who not in live.peers:
                self._rooms.carry_out(live, live.room.leave(who, self._rooms.now()))
            raise
        self._rooms.connections.published(live, who, set(mids))
        self._rooms.connections.agree_on_codecs(live)
        return Opened(admission.room, who, owner, peer, answer)

    def play(self, admission: Admission, sdp: str, viewer: str, publisher: str, *, is_relayed: bool = False) -> Opened:
        """WHEP: a viewer without a seat gets one publisher's tracks, now or when they come.

        Args:
            admission: Whose.
            sdp: The offer.
            viewer: A name that nobody has yet.
            publisher: A participant or the name of a stream; "" is whoever publishes first.
            is_relayed: The room lives at another node.
        """
        self._need_inside(admission)
        mids = kinds_of(sdp)
        live = self._rooms.open(admission, is_relayed=is_relayed)
        if len(live.peers) - len(live.room.seats) >= self._rooms.settings.max_viewers:
            raise RoomRefused("the room has too many viewers", code="full")
        place = partial(self._rooms.legs.place, live) if live.is_relayed else live.place
        wishes = Wishes(takes={mid: place(publisher, kind) for kind, mid in mids.items()})
        peer, answer = self._rooms.connections.answer(live, viewer, admission.participant, sdp, wishes, fresh=True)
        self._rooms.connections.agree_on_codecs(live)
        return Opened(admission.room, viewer, admission.participant, peer, answer)

    def _need_inside(self, admission: Admission) -> None:
        if self._rooms.must_wait(admission):
            raise NotAdmitted("somebody inside must let you in first", code="waiting")

    def servers(self, admission: Admission) -> tuple[IceServer, ...]:
        """TURN servers for the holder of a ticket."""
        return ice_servers(self._rooms.settings, admission.participant, self._rooms.now())

    def stop(self, session: Opened) -> bool:
        """A session was ended by its owner. Whether it still ran: a later one under its name is left alone."""
        live = self._rooms.room(session.room)
        if live is None or live.peers.get(session.participant) is not session.peer:
            return False
        self._rooms.carry_out(
            live, live.room.leave(session.participant, self._rooms.now()) or [DropMedia(session.participant)]
        )
        return True

    def renew(self, session: Opened, sdp: str) -> str:
        """A session restarts ICE with a whole new offer of the same connection.

        Raises:
            OfferRefused: Nothing was changed.
        """
        peer, mids = session.peer, kinds_of(sdp)
        sends = {mid: source.slot for (mid, _), source in peer.sources.items() if mid in mids.values()}
        takes = {mid: lane.slot for mid, lane in peer.lanes.items() if mid in mids.values()}
        return peer.answer(sdp, Wishes(sends, takes))

    def restart(self, session: Opened, ufrag: str) -> IceCredentials:
        """A session restarts ICE by its new user name fragment alone."""
        return session.peer.restart(ufrag)


class _Silent:
    """The socket of a participant without one."""

    listens = False

    def send(self, reply: Reply) -> None:
        """Nobody listens."""

    def hang_up(self, reply: Closing) -> None:
        """Nobody listens."""
