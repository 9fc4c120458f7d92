"""The one UDP port: reads and writes datagrams in batches, and knows nothing of what is in them.

`recvmmsg`/`sendmmsg` move up to 64/512 datagrams a system call; where they are missing the same interface goes one by
one. Buffers are fixed: a packet is decrypted where it was received and encrypted where it will be sent from.
Addresses are the kernel's own bytes: they are dictionary keys and are never formatted on the packet path.
"""

import errno
import socket
from typing import Any, Protocol

from cffi import FFI

SLOT_BYTES = 2048
"""Larger than any Ethernet frame plus an SRTP tag: encryption in place never reaches the next slot."""
READ_BATCH = 64
WRITE_BATCH = 512
_SOCKET_BUFFER_BYTES = 4 << 20
_MSG_DONTWAIT = 0x40
_FULL = (errno.EAGAIN, errno.ENOBUFS)

_ffi = FFI()
_ffi.cdef(
    """
    typedef struct { void *iov_base; size_t iov_len; } iovec_t;
    typedef struct { void *msg_name; unsigned int msg_namelen; iovec_t *msg_iov; size_t msg_iovlen;
                     void *msg_control; size_t msg_controllen; int msg_flags; } msghdr_t;
    typedef struct { msghdr_t header; unsigned int length; } mmsg_t;
    int recvmmsg(int, mmsg_t *, unsigned, int, void *);
    int sendmmsg(int, mmsg_t *, unsigned, int);
    """
)
_libc: Any = _ffi.dlopen(None)


class Ring:
    """Fixed slots of datagrams that the kernel reads from or writes into.

    Attributes:
        data: All slots, `SLOT_BYTES` apart.
        names: Raw socket addresses, `name_bytes` apart.
        base: Address of `data` in memory, for in-place encryption.
        names_base: Address of `names`.
        vectors_base: Address of the `iovec` of each slot.
        messages_base: Address of the `mmsghdr` of each slot.
    """

    def __init__(self, slots: int, name_bytes: int) -> None:
        self.data = bytearray(slots * SLOT_BYTES)
        self.view = memoryview(self.data)
        self.names = bytearray(slots * name_bytes)
        self._pinned = _ffi.from_buffer("uint8_t[]", self.data, require_writable=True)
        self._pinned_names = _ffi.from_buffer("uint8_t[]", self.names, require_writable=True)
        self.base = int(_ffi.cast("uintptr_t", self._pinned))
        self.names_base = int(_ffi.cast("uintptr_t", self._pinned_names))
        self.vectors = _ffi.new("iovec_t[]", slots)
        self.vectors_base = int(_ffi.cast("uintptr_t", self.vectors))
        self.messages = _ffi.new("mmsg_t[]", slots)
        self.messages_base = int(_ffi.cast("uintptr_t", self.messages))
        for slot in range(slots):
            self.vectors[slot].iov_base = self._pinned + slot * SLOT_BYTES
            self.vectors[slot].iov_len = SLOT_BYTES
            header = self.messages[slot].header
            header.msg_name, header.msg_namelen = self._pinned_names + slot * name_bytes, name_bytes
            header.msg_iov, header.msg_iovlen = self.vectors + slot, 1


class Mux(Protocol):
    """A UDP port. `inbox` holds what `receive` brought; `outbox` what `flush` will send.

    Attributes:
        lengths: Datagram lengths of the last batch.
        queued: Slots of the outbox that are filled.
    """

    inbox: Ring
    outbox: Ring
    name_bytes: int
    queued: int
    address: tuple[str, int]

    def fileno(self) -> int:
        """For the event loop's reader."""

    def receive(self) -> int:
        """Take what is there, at most `READ_BATCH`; returns how many."""

    def length(self, slot: int) -> int:
        """Bytes in a slot of the inbox."""

    def commit(self, name: bytes, length: int) -> None:
        """The next slot of the outbox is filled: send it to `name`."""

    def flush(self) -> None:
        """Send what is queued; what the kernel has no room for is dropped, as a full queue on the way would."""

    def send(self, data: bytes, name: bytes) -> None:
        """Send one datagram now."""

    def close(self) -> None:
        """Give the port back."""


class _Port:
    """What both ways of moving datagrams share: the socket and its addresses."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._socket.bind((host, port))
        self._socket.setblocking(False)
        self._family = family
        self.name_bytes = 28 if family == socket.AF_INET6 else 16  # sizeof sockaddr_in6, sockaddr_in
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self.inbox = Ring(READ_BATCH, self.name_bytes)
        self.outbox = Ring(WRITE_BATCH, self.name_bytes)
        self.queued = 0
        self.dropped = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def name_of(self, address: tuple[Any, ...]) -> bytes:
        """The kernel's own bytes of an address: (host, port), of IPv6 also with flow and scope."""
        family = self._family.to_bytes(2, "little")
        port = int(address[1]).to_bytes(2, "big")
        host = str(address[0]).split("%")[0]
        if self._family == socket.AF_INET:
            return family + port + socket.inet_pton(self._family, host) + bytes(8)
        packed = socket.inet_pton(self._family, host if ":" in host else f"::ffff:{host}")
        flow, scope = (address[2], address[3]) if len(address) == 4 else (0, 0)
        return bytes(family + port + flow.to_bytes(4, "big") + packed + scope.to_bytes(4, "little"))

    def send(self, data: bytes, name: bytes) -> None:
        try:
            self._socket.sendto(data, readable(name))
        except OSError:
            self.dropped += 1

    def close(self) -> None:
        self._socket.close()


class BatchMux(_Port):
    """Moves datagrams by `recvmmsg` and `sendmmsg` (Linux)."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._fd = self._socket.fileno()

    def receive(self) -> int:
        """Take what is there, at most `READ_BATCH`; returns how many."""
        return max(0, int(_libc.recvmmsg(self._fd, self.inbox.messages, READ_BATCH, _MSG_DONTWAIT, _ffi.NULL)))

    def length(self, slot: int) -> int:
        """Bytes in a slot of the inbox."""
        return int(self.inbox.messages[slot].length)

    def commit(self, name: bytes, length: int) -> None:
        """The next slot of the outbox is filled: send it to `name`."""
        slot = self.queued
        self.outbox.vectors[slot].iov_len = length
        self.outbox.names[slot * self.name_bytes : (slot + 1) * self.name_bytes] = name
        self.queued = slot + 1
        if self.queued == WRITE_BATCH:
            self.flush()

    def flush(self, done: int = 0) -> None:
        """Send what is queued, but for the first `done`, which somebody has sent."""
        queued = self.queued
        while done < queued:
            moved = _libc.sendmmsg(self._fd, self.outbox.messages + done, queued - done, _MSG_DONTWAIT)
            if moved <= 0:
                if _ffi.errno in _FULL:
                    self.dropped += queued - done
                    break
                # One unreachable address must not hold up the others: skip the datagram that the kernel refused.
                self.dropped += 1
                done += 1
                continue
            done += moved
        self.queued = 0


class PlainMux(_Port):
    """Moves datagrams one by one, where the batched calls are missing."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._lengths = [0] * READ_BATCH
        self._out: list[tuple[bytes, int]] = []

    def receive(self) -> int:
        """Take what is there, at most `READ_BATCH`; returns how many."""
        for slot in range(READ_BATCH):
            start = slot * SLOT_BYTES
            try:
                length, address = self._socket.recvfrom_into(self.inbox.view[start : start + SLOT_BYTES])
            except OSError:
                return slot
            self._lengths[slot] = length
            self.inbox.names[slot * self.name_bytes : (slot + 1) * self.name_bytes] = self.name_of(address)
        return READ_BATCH

    def length(self, slot: int) -> int:
        """Bytes in a slot of the inbox."""
        return self._lengths[slot]

    def commit(self, name: bytes, length: int) -> None:
        """The next slot of the outbox is filled: send it to `name`."""
        self._out.append((name, length))
        self.queued += 1
        if self.queued == WRITE_BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what is queued."""
        for slot, (name, length) in enumerate(self._out):
            start = slot * SLOT_BYTES
            self.send(self.outbox.view[start : start + length], name)  # type: ignore[arg-type]
        self._out.clear()
        self.queued = 0


def open_mux(host: str, port: int) -> BatchMux | PlainMux:
    """Open the port in the fastest way this system has.

    Raises:
        OSError: The port is taken.
    """
    if hasattr(_libc, "recvmmsg") and hasattr(_libc, "sendmmsg"):
        return BatchMux(host, port)
    return PlainMux(host, port)


def readable(name: bytes) -> tuple[str, int]:
    """A raw socket address as (host, port); for the slow paths."""
    port = int.from_bytes(name[2:4], "big")
    if len(name) == 16:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port
