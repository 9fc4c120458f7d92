"""The shell that holds the live rooms: owns the port, the sockets and every timeout.

Decisions come from `room` and `media`; this file carries them out. One instance a node. Use it as
`async with Rooms(...) as rooms`.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Self

from signaling import messages, turn
from signaling.config import ExchangeSettings
from signaling.connections import Connections
from signaling.effects import CloseRoom, DropMedia, Effect, Greet, Hang, Note, Tape, Tell
from signaling.errors import NotAdmitted, RoomRefused, Unavailable
from signaling.house import Socket
from signaling.legs import Legs
from signaling.live import LiveRoom
from signaling.media.mux import open_mux
from signaling.media.peer import Peer, Reach
from signaling.media.plane import open_plane
from signaling.media.tap import Certificate
from signaling.ports import Admission, Grant, Happening, Listener
from signaling.recorder import Recorder
from signaling.room import Room
from signaling.rounds import Rounds
from signaling.tasks import Tasks
from signaling.tickets import Barred


class Rooms:
    """All rooms of a node.

    Args:
        settings: Of this node.
        listener: Hears what happens.
        now: The time, aware, for seats.
    """

    def __init__(self, settings: ExchangeSettings, listener: Listener, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.now = now
        self._listener = listener
        self._live: dict[str, LiveRoom] = {}
        self._sockets: dict[int, Socket] = {}
        self._numbers = 0
        self._barred = Barred()
        self._mux = open_mux(settings.udp_host, settings.udp_port)
        self.plane = open_plane(self._mux, compiled=settings.compiled)
        port = self._mux.address[1]
        announced = settings.announce or ((settings.udp_host, 0),)
        self.candidates = tuple((host, given or port) for host, given in announced)
        """What browsers are told."""
        self._tasks = Tasks()
        reach = Reach(self.candidates, Certificate())
        self.connections = Connections(self, reach, self._tasks)
        self.legs = Legs(self, self.connections, reach)
        self.recorder = Recorder(self, settings.shelf)
        self.draining = False

    # ------------------------------------------------------------ life
    async def __aenter__(self) -> Self:
        """Start reading the port."""
        await self._tasks.__aenter__()
        asyncio.get_running_loop().add_reader(self._mux.fileno(), self.plane.on_readable)
        if self.recorder.able:
            self._tasks.start(self.recorder.work())
        Rounds(self, self.connections, self.recorder, self.legs).start(self._tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything; browsers come back to another node or a later start."""
        asyncio.get_running_loop().remove_reader(self._mux.fileno())
        for live in list(self._live.values()):
            for peer in list(live.peers.values()):
                await peer.close()
        self.hang_up_all()
        await self._tasks.__aexit__(kind, error, trace)
        self._mux.close()

    def hang_up_all(self) -> None:
        """This node ends: everybody is told to come back, before the server waits for open sockets."""
        for socket in list(self._sockets.values()):
            socket.hang_up(messages.Closing(code="draining", again=True))

    @property
    def address(self) -> tuple[str, int]:
        """The media port's address."""
        return self._mux.address

    def live(self) -> Iterable[LiveRoom]:
        """All rooms."""
        return self._live.values()

    # ------------------------------------------------------------ seats
    def enter(
        self, admission: Admission, socket: Socket, *, resume: bool
    ) -> tuple[int, messages.Welcome | messages.Waiting]:
        """Take a seat, or stand at the door.

        Returns:
            The socket's number, to be given back to `lose`, and the greeting.

        Raises:
            RoomRefused: Full or ended.
            TicketRefused: Minted before its holder was sent out.
            Unavailable: The node takes no more rooms.
        """
        live = self.open(admission)
        self._numbers += 1
        number, who = self._numbers, admission.participant
        effects = live.room.join(admission, number, self.now())
        self._sockets[number] = socket
        self.carry_out(live, effects)
        if not live.room.holds(who):
            return number, messages.Waiting(participant=who)
        peer = live.peers.get(who)
        kept = resume and peer is not None and peer.connected and not peer.silent(self.plane.now_s())
        if not kept:
            live.told_lacking.pop(who, None)
            live.steps.pop(who, None)  # they were said of the old connection, to a page that may have forgotten them
        return number, self._welcome(live, who, resumed=kept)

    def _welcome(self, live: LiveRoom, who: str, *, resumed: bool) -> messages.Welcome:
        return messages.Welcome(
            room=live.room.name,
            participant=who,
            grants=tuple(sorted(live.room.grants(who))),
            seats=live.room.seats,
            resumed=resumed,
            ice_servers=tuple(
                {"urls": list(server.urls), "username": server.username, "credential": server.credential}
                for server in turn.ice_servers(self.settings, who, self.now())
            ),
            hold_s=self.settings.seat_hold.total_seconds(),
            shared=live.room.shared_with(who),
            asking=live.room.asking(who),
            recording=live.room.recording or messages.Recording(on=False),
        )

    def need_recorder(self) -> None:
        """Raise NotAdmitted where this node records nothing."""
        if not self.recorder.able:
            raise NotAdmitted("this node records nothing", code="no_recorder")

    def must_wait(self, admission: Admission) -> bool:
        """Whether a ticket's holder has to be let in first."""
        live = self._live.get(admission.room)
        return live.room.must_wait(admission) if live else Grant.WAIT in admission.grants

    def lose(self, room: str, participant: str, number: int) -> None:
        """A socket was lost."""
        self._sockets.pop(number, None)
        if live := self._live.get(room):
            self.carry_out(live, live.room.lose(participant, number, self.now()))

    def act(self, room: str, decide: Callable[[Room, datetime], list[Effect]]) -> None:
        """Let a decision of the room happen.

        Raises:
            RoomRefused: There is no such room any more.
            NotAdmitted: As the decision says.
        """
        live = self.seated(room)
        self.carry_out(live, decide(live.room, self.now()))

    def revoke(self, room: str, participant: str) -> bool:
        """Somebody lost the right to be here: they are out before this returns, with all that their tickets opened.

        Returns:
            Whether they were there.
        """
        self._barred.bar(room, participant, self.now())
        live = self._live.get(room)
        if live is None:
            return False
        effects = live.room.remove(participant, self.now())
        for who, _ in live.owned(participant):
            effects += live.room.remove(who, self.now()) or [DropMedia(who)]
        self.carry_out(live, effects)
        return bool(effects)

    def end(self, room: str) -> bool:
        """The house ends a call. Whether there was one."""
        self._barred.bar(room, "", self.now())
        live = self._live.get(room)
        if live is None:
            return False
        self.carry_out(live, [CloseRoom()] if live.is_relayed else live.room.end(self.now()))
        return True

    def release(self, room: str) -> bool:
        """A room goes on at another node: its people are sent there. Whether it was here."""
        live = self._live.get(room)
        if live is not None:
            self.carry_out(live, live.room.move_away())
        return live is not None

    def room(self, name: str) -> LiveRoom | None:
        """A live room."""
        return self._live.get(name)

    def peer(self, room: str, participant: str) -> Peer | None:
        """A media connection, for tests and metrics."""
        live = self._live.get(room)
        return live.peers.get(participant) if live else None

    # ------------------------------------------------------------ inside
    def open(self, admission: Admission, *, is_relayed: bool = False) -> LiveRoom:
        """The room of an admission, made if there is none.

        Args:
            admission: Whose.
            is_relayed: It lives at another node: it is here if a leg brings it, and is not made.

        Raises:
            TicketRefused: Minted before its holder was sent out.
            RoomRefused: No leg brings it.
            Unavailable: The node takes no more rooms.
        """
        self._barred.check(admission, self.now())
        live = self._live.get(admission.room)
        if is_relayed and (live is None or not live.is_relayed):
            raise RoomRefused("no leg brings this here", code="no_leg")
        if live is not None and live.is_relayed and not is_relayed:
            self._close_room(live)  # its people have lost the node they were at, and are to be here from now on
            live = None
        return live or self._make(admission.room)

    def relay(self, name: str) -> LiveRoom:
        """Make a room that is only watched from here; its people are at another node.

        Raises:
            Unavailable: The node takes no more rooms.
        """
        live = self._make(name)
        live.is_relayed = True
        return live

    def _make(self, name: str) -> LiveRoom:
        if self.draining or len(self._live) >= self.settings.max_rooms:
            raise Unavailable("this node takes no more rooms")
        live = LiveRoom(Room(name, self.settings.seat_hold, self.settings.max_seats))
        live.room.empty_since = self.now()
        self._live[name] = live
        return live

    def seated(self, room: str, participant: str | None = None) -> LiveRoom:
        """A room in which somebody sits.

        Raises:
            RoomRefused: There is no such room any more, or no seat.
        """
        live = self._live.get(room)
        if live is None or (participant is not None and not live.room.holds(participant)):
            raise RoomRefused("the call has ended", code="ended")
        return live

    def listens(self, live: LiveRoom, who: str) -> bool:
        """Whether somebody may still come back by a socket; who only sends or views has none."""
        socket = self._sockets.get(live.room.socket_of(who) or 0)
        return socket is None or socket.listens

    def carry_out(self, live: LiveRoom, effects: Iterable[Effect]) -> None:
        """Let decisions happen, in their order."""
        for effect in effects:
            match effect:
                case Tell(participant, reply):
                    self.say(live, participant, reply)
                case Hang(number, reply):
                    if gone := self._sockets.pop(number, None):
                        gone.hang_up(reply)
                case Greet(participant):
                    self.say(live, participant, self._welcome(live, participant, resumed=False))
                case Tape():
                    self.recorder.follow(live)
                case DropMedia(participant):
                    if peer := live.peers.pop(participant, None):
                        self.connections.end(peer)
                case Note(happening):
                    self._listener.heard(happening)
                case CloseRoom():
                    self._close_room(live)

    def _close_room(self, live: LiveRoom) -> None:
        self._live.pop(live.room.name, None)
        for peer in live.peers.values():
            self.connections.end(peer)
        live.peers.clear()

    def say(self, live: LiveRoom, participant: str, reply: messages.Reply) -> None:
        """Tell one participant, if it has a socket."""
        if socket := self._sockets.get(live.room.socket_of(participant) or 0):
            socket.send(reply)

    def note(self, live: LiveRoom, kind: str, participant: str, figures: dict[str, str | int | float]) -> None:
        """Put something on the record."""
        self._listener.heard(Happening(live.room.name, kind, participant, self.now(), figures))
