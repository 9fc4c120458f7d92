"""Sockets under pynetdicom that bear hostile peers: bounded PDUs, messages, seconds, connections and memory.

pynetdicom reads whatever length a PDU declares and collects a message without end; every bound here is ours. Touches
the few methods of pynetdicom's transport that a server must override; a test says when they change.
"""

import collections
import contextlib
import socket
import socketserver
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

MIB = 1024 * 1024
_HEADER_BYTES = 6  # type, reserved, length: PS3.8 9.3
_DATA_PDU = 0x04
_KINDS = frozenset(range(0x01, 0x08))
_COMMAND_BIT = 0x01  # of a PDV's message control header: PS3.8 E.2
_CONTROL_PLACE = 5  # of the first PDV in a P-DATA-TF's body: after its length and context id


@dataclass(frozen=True, slots=True)
class DimseLimits:
    """What one listener bears.

    Attributes:
        film_bytes: Largest data set; a film over it ends its association.
        held_bytes: Unfinished data sets of all associations together.
        pdu_bytes: Largest P-DATA-TF; 0 is announced (unlimited), so that senders choose their best, which is far less.
        control_bytes: Largest PDU of any other kind, and largest command set.
        pause: Longest silence inside a PDU.
        pdu: Longest time for a whole PDU.
        idle: Longest silence between messages.
        begin: Longest time from the connection to the association request.
        answer: Longest time a film may take to be safe.
    """

    film_bytes: int = 1024 * MIB
    held_bytes: int = 1536 * MIB
    pdu_bytes: int = 16 * MIB
    control_bytes: int = MIB
    associations: int = 32
    connections: int = 64
    connections_per_address: int = 16
    pause: timedelta = timedelta(seconds=30)
    pdu: timedelta = timedelta(minutes=5)
    idle: timedelta = timedelta(minutes=2)
    begin: timedelta = timedelta(seconds=30)
    answer: timedelta = timedelta(minutes=2)


class Memory:
    """Counts what all associations hold together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Count some bytes more; False, and nothing counted, where that is too much."""
        with self._lock:
            if self._held + count > self._most:
                return False
            self._held += count
            return True

    def give(self, count: int) -> None:
        """Count some bytes less."""
        with self._lock:
            self._held -= count


class BoundedSocket(AssociationSocket):
    """Reads PDUs for one association, within the limits. Used by that association's thread only."""

    def __init__(self, assoc: Association, request: socket.socket, limits: DimseLimits, memory: Memory) -> None:
        super().__init__(assoc, client_socket=request)
        self._limits = limits
        self._memory = memory
        self._kind = 0  # of the PDU whose body comes next; 0 before a header
        self._held = 0
        self._commands = 0
        self._over = False

    def message_ended(self) -> None:
        """The bytes read so far made a whole message; they are let go when the next PDU comes."""
        self._over = True

    def recv(self, nr_bytes: int) -> bytearray:
        """Read a PDU's header (6 bytes) or its body, as `dul` asks for them in turn.

        Raises:
            OSError: Over a limit; the connection is then given up.
        """
        try:
            return self._next(nr_bytes)
        except OSError:
            # `dul` takes this for a connection that the peer closed, and would leave ours open.
            self._shutdown_socket()
            raise

    def _next(self, nr_bytes: int) -> bytearray:
        if self._over:
            self.let_go()
        body = self._kind != 0
        if body and nr_bytes > (self._limits.pdu_bytes if self._kind == _DATA_PDU else self._limits.control_bytes):
            raise OSError("The PDU is larger than is taken here.")
        if body:
            self._count(nr_bytes)
        found = self._read(nr_bytes)
        if body:
            if self._kind == _DATA_PDU and len(found) > _CONTROL_PLACE and found[_CONTROL_PLACE] & _COMMAND_BIT:
                self._commands += len(found)
                if self._commands > self._limits.control_bytes:
                    raise OSError("The command is larger than is taken here.")
            self._kind = 0
        elif len(found) == _HEADER_BYTES:
            if found[0] not in _KINDS:
                raise OSError("This is not a DICOM connection.")
            self._kind = found[0]
        return found

    def cut(self) -> None:
        """End the connection at once, from any thread."""
        self._shutdown_socket()

    def let_go(self) -> None:
        """Stop counting what was read."""
        self._memory.give(self._held)
        self._held, self._commands, self._over = 0, 0, False

    def close(self) -> None:
        """Close the connection."""
        self.let_go()
        super().close()

    def _count(self, count: int) -> None:
        if self._held + count > self._limits.film_bytes:
            raise OSError("The film is larger than is taken here.")
        if not self._memory.take(count):
            raise OSError("Too many large films arrive at the same time.")
        self._held += count

    def _read(self, count: int) -> bytearray:
        found = bytearray(count)
        view, place = memoryview(found), 0
        deadline = time.monotonic() + self._limits.pdu.total_seconds()
        raw = cast(socket.socket, self.socket)
        before = raw.gettimeout()
        try:
            while place < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("The PDU took too long.")
                raw.settimeout(min(left, self._limits.pause.total_seconds()))
                read = raw.recv_into(view[place:])
                if read == 0:
                    break
                place += read
        finally:
            if raw.fileno() >= 0:
                raw.settimeout(before)
            view.release()
        del found[place:]
        return found


class BoundedHandler(RequestHandler):
    """Gives each association a bounded socket."""

    server: "BoundedServer"

    def _create_association(self) -> Association:
        assoc = super()._create_association()
        assoc.dul.socket = BoundedSocket(assoc, self.request, self.server.limits, self.server.memory)
        # Each socket announced the connection when it was made; one announcement is enough.
        assoc.dul.event_queue.get_nowait()
        return assoc


class BoundedServer(ThreadedAssociationServer):
    """Accepts a bounded number of connections, in all and from one address.

    Args:
        limits: What it bears.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, *args: Any, limits: DimseLimits, **kwargs: Any) -> None:
        self.limits = limits
        self.memory = Memory(limits.held_bytes)
        self._shaking = threading.BoundedSemaphore(limits.connections)
        super().__init__(*args, **{**kwargs, "request_handler": BoundedHandler})

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection. Hands are shaken by its own thread: a silent caller must not stop the others."""
        raw, address = cast(socket.socket, self.socket).accept()
        if self.ssl_context is None:
            return raw, address
        return self.ssl_context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Begin an association, over TLS after the handshake; in the connection's thread."""
        if isinstance(request, ssl.SSLSocket) and not self._shaken(request):
            self.shutdown_request(request)
            return
        super().finish_request(request, client_address)

    def _shaken(self, request: ssl.SSLSocket) -> bool:
        if not self._shaking.acquire(blocking=False):
            return False
        # Ends a handshake that drips on; the socket's own timeout only ends one that stands still.
        end = threading.Timer(self.limits.begin.total_seconds(), _cut_off, [request])
        end.daemon = True
        end.start()
        try:
            request.do_handshake()
        except OSError:
            return False
        finally:
            end.cancel()
            self._shaking.release()
        return True

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection."""
        live = [assoc.requestor.address for assoc in self.active_associations if assoc.is_alive()]
        mine = collections.Counter(live)[client_address[0]]
        return len(live) < self.limits.connections and mine < self.limits.connections_per_address

    def shutdown(self) -> None:
        """Take no more connections; blocks until the accepting loop ended. Associations go on."""
        socketserver.BaseServer.shutdown(self)
        self.server_close()


def _cut_off(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
