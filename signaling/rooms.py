"""The shell that holds the live rooms: owns the port, the media connections, the sockets and every timeout.

Decisions come from `room` and `media`; this file carries them out. One instance a node. Use it as
`async with Rooms(...) as rooms`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

import structlog

from signaling import messages
from signaling.config import ExchangeSettings
from signaling.errors import OfferRefused, RoomRefused, Unavailable
from signaling.media.mux import open_mux
from signaling.media.peer import Peer, Reach, Wishes
from signaling.media.plane import Plane
from signaling.media.sdp import parse_offer
from signaling.media.tap import Certificate
from signaling.media.tracks import Slot
from signaling.ports import Admission, Grant, Happening, Listener
from signaling.room import CloseRoom, DropMedia, Effect, Hang, Note, Room, Tell
from signaling.tasks import Tasks

log = structlog.get_logger()

_REPAIR_EVERY_S = 0.02
_REPORT_EVERY_S = 1.0
_HANDSHAKE_S = 20.0
_LABELS = frozenset({"audio", "video", "screen"})
_SPEAKS_BELOW = 45
"""RFC 6464 level in -dBov; quieter is background."""
_CAP_BPS = 4_000_000
_NOTE_QUALITY_S = 30
_WITH_VIDEO = frozenset({"auto", "high", "medium", "low"})
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Socket(Protocol):
    """How the shell speaks to one participant; must not block."""

    def send(self, reply: messages.Reply) -> None:
        """Queue a message."""

    def hang_up(self, reply: messages.Closing) -> None:
        """Say the last word and close."""


@dataclass(eq=False, slots=True)
class LiveRoom:
    """A room with its media.

    Attributes:
        slots: (participant, label) -> the track's place. `("", label)` waits for the first publisher.
        peers: participant -> media connection; viewers by WHEP are here under their own ids.
    """

    room: Room
    slots: dict[tuple[str, str], Slot] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    speaking: tuple[str, ...] = ()
    noted: dict[str, datetime] = field(default_factory=dict)

    def slot(self, participant: str, label: str) -> Slot:
        """The place of a track, made when first asked for."""
        return self.slots.setdefault((participant, label), Slot(participant, label))

    def first_publisher(self) -> str:
        """Who publishes first; "" while nobody does."""
        return next((who for (who, _), slot in self.slots.items() if who and slot.source), "")


class Rooms:
    """All rooms of a node.

    Args:
        settings: Of this node.
        listener: Hears what happens.
        now: The time, aware, for seats.
    """

    def __init__(self, settings: ExchangeSettings, listener: Listener, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self._listener = listener
        self._now = now
        self._live: dict[str, LiveRoom] = {}
        self._sockets: dict[int, Socket] = {}
        self._numbers = 0
        self._mux = open_mux(settings.udp_host, settings.udp_port)
        self.plane = Plane(self._mux)
        port = self._mux.address[1]
        announced = settings.announce or ((settings.udp_host, 0),)
        self._reach = Reach(tuple((host, given or port) for host, given in announced), Certificate())
        self._stack = AsyncExitStack()
        self.draining = False

    # ------------------------------------------------------------ life
    async def __aenter__(self) -> Self:
        """Start reading the port."""
        self._group = await self._stack.enter_async_context(Tasks())
        asyncio.get_running_loop().add_reader(self._mux.fileno(), self.plane.on_readable)
        self._group.start(self._every(_REPAIR_EVERY_S, self._repair))
        self._group.start(self._every(_REPORT_EVERY_S, self._report))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything; browsers come back to another node or a later start."""
        asyncio.get_running_loop().remove_reader(self._mux.fileno())
        for live in list(self._live.values()):
            for peer in list(live.peers.values()):
                await peer.close()
        for socket in list(self._sockets.values()):
            socket.hang_up(messages.Closing(code="draining", again=True))
        await self._stack.aclose()
        self._mux.close()

    @property
    def address(self) -> tuple[str, int]:
        """The media port's address."""
        return self._mux.address

    @property
    def candidates(self) -> tuple[tuple[str, int], ...]:
        """What browsers are told."""
        return tuple(self._reach.candidates)

    def live(self) -> Iterable[LiveRoom]:
        """All rooms, for metrics."""
        return self._live.values()

    # ------------------------------------------------------------ seats
    def enter(self, admission: Admission, socket: Socket, *, resume: bool) -> tuple[int, messages.Welcome]:
        """Take a seat.

        Returns:
            The socket's number, to be given back to `lose`, and the greeting.

        Raises:
            RoomRefused: Full or ended.
            Unavailable: The node takes no more rooms.
        """
        live = self._open(admission.room)
        self._numbers += 1
        number = self._numbers
        who = admission.participant
        effects = live.room.join(admission, number, self._now())
        self._sockets[number] = socket
        self._carry_out(live, effects)
        peer = live.peers.get(who)
        kept = resume and peer is not None and peer.connected and not peer.silent(self.plane.now_s())
        return number, messages.Welcome(
            room=admission.room,
            participant=who,
            grants=tuple(sorted(admission.grants)),
            seats=live.room.seats,
            resumed=kept,
            ice_servers=tuple(
                {"urls": list(server.urls), "username": server.username, "credential": server.credential}
                for server in self.settings.ice_servers
            ),
            hold_s=self.settings.seat_hold.total_seconds(),
            shared=live.room.shared,
        )

    def lose(self, room: str, participant: str, number: int) -> None:
        """A socket was lost."""
        self._sockets.pop(number, None)
        if live := self._live.get(room):
            self._carry_out(live, live.room.lose(participant, number, self._now()))

    def act(self, room: str, decide: Callable[[Room, datetime], list[Effect]]) -> None:
        """Let a decision of the room happen.

        Raises:
            RoomRefused: There is no such room any more.
            NotAdmitted: As the decision says.
        """
        live = self._live.get(room)
        if live is None:
            raise RoomRefused("the call has ended", code="ended")
        self._carry_out(live, decide(live.room, self._now()))

    def revoke(self, room: str, participant: str) -> bool:
        """Somebody lost the right to be here: they are out before this returns. Whether they were there."""
        live = self._live.get(room)
        if live is None or not (live.room.holds(participant) or participant in live.peers):
            return False
        effects = live.room.remove(participant, self._now())
        self._carry_out(live, effects or [DropMedia(participant)])
        return True

    def end(self, room: str) -> bool:
        """The house ends a call. Whether there was one."""
        live = self._live.get(room)
        if live is None:
            return False
        self._carry_out(live, live.room.end(self._now()))
        return True

    # ------------------------------------------------------------ media
    def negotiate(self, room: str, participant: str, offer: messages.Offer) -> str:
        """Answer a seated participant's offer.

        Raises:
            OfferRefused, RoomRefused, NotAdmitted: Nothing was changed.
        """
        live = self._live.get(room)
        if live is None or not live.room.holds(participant):
            raise RoomRefused("the call has ended", code="ended")
        if offer.sends:
            live.room.need(participant, Grant.PUBLISH)
        if offer.takes:
            live.room.need(participant, Grant.SUBSCRIBE)
        if not _LABELS.issuperset(offer.sends.values()):
            raise OfferRefused("a track has an unknown label")
        sends = {mid: live.slot(participant, label) for mid, label in offer.sends.items()}
        takes = {mid: self._wanted(live, participant, track) for mid, track in offer.takes.items()}
        answer = self._answer(live, participant, offer.sdp, Wishes(sends, takes))
        self._carry_out(live, live.room.publish(participant, tuple(sorted(set(offer.sends.values())))))
        return answer

    def publish(self, admission: Admission, sdp: str) -> str:
        """WHIP: a publisher without a socket takes a seat and sends its first audio and first video."""
        live = self._open(admission.room)
        who = admission.participant
        mids = mids_of(sdp)
        sends = {mid: live.slot(who, kind) for kind, mid in mids.items()}
        number, _ = self.enter(admission, _Silent(), resume=False)
        try:
            answer = self._answer(live, who, sdp, Wishes(sends=sends), fresh=True)
        except OfferRefused:
            if who not in live.peers:
                self._carry_out(live, live.room.leave(who, self._now()))
            self._sockets.pop(number, None)
            raise
        self._carry_out(live, live.room.publish(who, tuple(sorted(mids))))
        for kind in mids:
            self._seat_the_waiting(live, who, kind)
        return answer

    def play(self, admission: Admission, sdp: str, publisher: str) -> str:
        """WHEP: a viewer without a seat gets one publisher's tracks, now or when they come."""
        live = self._open(admission.room)
        of = publisher or live.first_publisher()
        takes = {mid: live.slot(of, kind) for kind, mid in mids_of(sdp).items()}
        return self._answer(live, admission.participant, sdp, Wishes(takes=takes), fresh=True)

    def choose(self, room: str, participant: str, choice: str) -> None:
        """A participant chooses what to receive: from `stills` on no video is sent to them; `auto` sends all again."""
        peer = self.peer(room, participant)
        if peer is not None:
            peer.want_video(choice in _WITH_VIDEO)
            self._say(room, participant, messages.Tier(tier=choice, reason="chosen", send_bps=peer.uplink.allowed_bps))

    def measured(self, room: str, participant: str, quality: messages.Quality) -> None:
        """What a browser measured; kept on the record at most once in half a minute."""
        live = self._live.get(room)
        now = self._now()
        if live is None or (now - live.noted.get(participant, _LONG_AGO)).total_seconds() < _NOTE_QUALITY_S:
            return
        live.noted[participant] = now
        peer = live.peers.get(participant)
        figures: dict[str, str | int | float] = {
            "loss": round(quality.loss, 4),
            "rtt_ms": round(quality.rtt_ms),
            "fps": round(quality.fps, 1),
            "concealed": round(quality.concealed, 4),
            "send_bps": peer.uplink.allowed_bps if peer else 0,
        }
        self._listener.heard(Happening(room, "quality", participant, now, figures))

    async def stop(self, room: str, participant: str) -> bool:
        """WHIP or WHEP session ended by its owner. Whether there was one."""
        live = self._live.get(room)
        if live is None or participant not in live.peers:
            return False
        if live.room.holds(participant):
            self._carry_out(live, live.room.leave(participant, self._now()))
        else:
            await live.peers.pop(participant).close()
        return True

    def renew(self, room: str, participant: str, sdp: str) -> str:
        """WHIP or WHEP session restarts ICE with a whole new offer of the same connection.

        Raises:
            OfferRefused, RoomRefused: Nothing was changed.
        """
        live = self._live.get(room)
        peer = live.peers.get(participant) if live else None
        if live is None or peer is None:
            raise RoomRefused("there is no such session", code="ended")
        mids = mids_of(sdp)
        sends = {mid: source.slot for mid, source in peer.sources.items() if mid in mids.values()}
        takes = {mid: lane.slot for mid, lane in peer.lanes.items() if mid in mids.values()}
        return peer.answer(sdp, Wishes(sends, takes))

    def peer(self, room: str, participant: str) -> Peer | None:
        """A media connection, for tests and metrics."""
        live = self._live.get(room)
        return live.peers.get(participant) if live else None

    # ------------------------------------------------------------ inside
    def _open(self, name: str) -> LiveRoom:
        live = self._live.get(name)
        if live is not None:
            return live
        if self.draining or len(self._live) >= self.settings.max_rooms:
            raise Unavailable("this node takes no more rooms")
        live = LiveRoom(Room(name, self.settings.seat_hold, self.settings.max_seats))
        live.room.empty_since = self._now()
        self._live[name] = live
        return live

    def _wanted(self, live: LiveRoom, me: str, track: str) -> Slot:
        who, _, label = track.rpartition("/")
        if not who or who == me or label not in _LABELS or not live.room.holds(who):
            raise OfferRefused("a wanted track names nobody in this room")
        return live.slot(who, label)

    def _answer(self, live: LiveRoom, who: str, sdp: str, wishes: Wishes, *, fresh: bool = False) -> str:
        old = live.peers.get(who)
        if old is not None and not fresh and not old.closed:
            try:
                return old.answer(sdp, wishes)
            except OfferRefused as error:
                if error.code != "new_connection":
                    raise
        peer = Peer(self.plane, self._reach, self._first_check, self.settings.start_bitrate_bps)
        try:
            answer = peer.answer(sdp, wishes)
        except OfferRefused:
            self._group.start(peer.close())
            raise
        live.peers[who] = peer
        if old is not None:
            self._group.start(old.close())
        return answer

    def _seat_the_waiting(self, live: LiveRoom, who: str, kind: str) -> None:
        waiting = live.slots.pop(("", kind), None)
        if waiting is None:
            return
        slot = live.slot(who, kind)
        for lane in list(waiting.lanes):
            waiting.remove(lane)
            lane.slot = slot
            slot.add(lane, self.plane.now_s())
        for peer in live.peers.values():
            for lane in peer.lanes.values():
                if lane.slot is waiting:  # its handshake still runs: it joins the slot when it is done
                    lane.slot = slot

    def _first_check(self, peer: Peer) -> None:
        self._group.start(self._connect(peer))

    async def _connect(self, peer: Peer) -> None:
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                if await peer.connect():
                    return
        except TimeoutError:
            pass
        await self._forget(peer)

    async def _forget(self, peer: Peer) -> None:
        for live in list(self._live.values()):
            for who in [who for who, other in live.peers.items() if other is peer]:
                del live.peers[who]
                if isinstance(self._sockets.get(live.room.socket_of(who) or 0), _Silent):
                    self._carry_out(live, live.room.leave(who, self._now()))
        await peer.close()

    def _carry_out(self, live: LiveRoom, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Tell(participant, reply):
                    self._say(live.room.name, participant, reply)
                case Hang(number, reply):
                    if gone := self._sockets.pop(number, None):
                        gone.hang_up(reply)
                case DropMedia(participant):
                    if peer := live.peers.pop(participant, None):
                        peer.mute()
                        self._group.start(peer.close())
                case Note(happening):
                    self._listener.heard(happening)
                case CloseRoom():
                    self._close_room(live)

    def _close_room(self, live: LiveRoom) -> None:
        self._live.pop(live.room.name, None)
        for peer in live.peers.values():
            self._group.start(peer.close())
        live.peers.clear()

    # ------------------------------------------------------------ timers
    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                log.exception("timer.failed")

    async def _repair(self) -> None:
        now = self.plane.now_s()
        for live in self._live.values():
            for peer in live.peers.values():
                if peer.connected:
                    peer.repair(now)

    async def _report(self) -> None:
        now = self.plane.now_s()
        for live in list(self._live.values()):
            for peer in list(live.peers.values()):
                if peer.silent(now):
                    await self._forget(peer)
                elif peer.connected:
                    peer.report(now, _cap_of(peer))
            self._listen_who_speaks(live)
            watched = bool(live.peers)
            if not watched or not live.room.seats:
                self._linger(live, watched=watched)
            else:
                self._carry_out(live, live.room.tick(self._now(), self.settings.room_linger))

    def _linger(self, live: LiveRoom, *, watched: bool) -> None:
        if watched:  # viewers by WHEP wait for a publisher: the room stays
            live.room.empty_since = self._now()
        self._carry_out(live, live.room.tick(self._now(), self.settings.room_linger))

    def _listen_who_speaks(self, live: LiveRoom) -> None:
        heard = []
        for (who, label), slot in live.slots.items():
            if label == "audio" and slot.source and slot.source.level < _SPEAKS_BELOW:
                heard.append((slot.source.level, who))
                slot.source.level = 127
        now_speaking = tuple(who for _, who in sorted(heard)[:4])
        if now_speaking == live.speaking:
            return
        live.speaking = now_speaking
        for seat in live.room.seats:
            self._say(live.room.name, seat.participant, messages.Speaking(participants=now_speaking))

    def _say(self, room: str, participant: str, reply: messages.Reply) -> None:
        live = self._live.get(room)
        number = live.room.socket_of(participant) if live else None
        if socket := self._sockets.get(number or 0):
            socket.send(reply)


def _cap_of(peer: Peer) -> int:
    """The most that any subscriber of this peer's video can receive: one weak viewer does not lower the others."""
    able = []
    for source in peer.sources.values():
        if source.kind != "video":
            continue
        for lane in source.lanes:
            videos = sum(1 for other in lane.peer.lanes.values() if other.kind == "video") or 1
            able.append(lane.peer.downlink_bps // videos or _CAP_BPS)
    return max(able, default=_CAP_BPS)


def mids_of(sdp: str) -> dict[str, str]:
    """The first audio and the first video section of an offer, by kind.

    Raises:
        OfferRefused: Not an offer.
    """
    found: dict[str, str] = {}
    for section in parse_offer(sdp).sections:
        if section.kind in ("audio", "video"):
            found.setdefault(section.kind, section.mid)
    return found


class _Silent:
    """The socket of a participant without one (WHIP)."""

    def send(self, reply: messages.Reply) -> None:
        """Nobody listens."""

    def hang_up(self, reply: messages.Closing) -> None:
        """Nobody listens."""
