"""HL7 messages over TCP: the frame of MLLP without I/O, and a server that trusts nobody.

The server answers each block with what the door says, in order, and keeps count of sizes, seconds and connections.
Must not know what a message means.

Source: HL7 Transport Specification: MLLP, Release 1 (VT block FS CR).
"""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from dicom_store.errors import LabRefused
from dicom_store.labs.hl7 import MAX_MESSAGE_BYTES

START, END, CARRIAGE_RETURN = b"\x0b", b"\x1c", b"\x0d"

Door = Callable[[bytes, str], Awaitable[bytes]]
"""Takes a block and the peer's address, gives the block that answers it."""


def framed(block: bytes) -> bytes:
    """A block as it goes over the wire."""
    return START + block + END + CARRIAGE_RETURN


class Framer:
    """Cuts a stream into blocks; bytes in, blocks out.

    A block that is begun anew before it ended is dropped: its sender gave it up. What stands between blocks is skipped
    up to a bound.

    Args:
        limit: Largest block.
        noise_limit: Most bytes between two blocks.
    """

    def __init__(self, limit: int = MAX_MESSAGE_BYTES, noise_limit: int = 64 * 1024) -> None:
        self._limit = limit
        self._noise_limit = noise_limit
        self._noise = 0
        self._block: bytearray | None = None

    @property
    def held(self) -> int:
        """How many bytes of an unfinished block are held."""
        return len(self._block) if self._block is not None else 0

    @property
    def within(self) -> bool:
        """Whether a block has begun and not ended."""
        return self._block is not None

    def feed(self, received: bytes) -> list[bytes]:
        """Take bytes in; give the blocks that ended with them.

        Raises:
            LabRefused: A block or the noise between blocks is over its bound; the stream cannot be followed any more.
        """
        blocks: list[bytes] = []
        place = 0
        while place < len(received):
            if self._block is None:
                place = self._seek(received, place)
                continue
            end = received.find(END, place)
            stop = end if end >= 0 else len(received)
            restart = received.rfind(START, place, stop)
            if restart >= 0:
                self._block = bytearray()
                place = restart + 1
            if len(self._block) + stop - place > self._limit:
                raise LabRefused("The message is larger than {limit} bytes.", code="too_large", limit=self._limit)
            self._block += received[place:stop]
            place = stop + 1
            if end >= 0:
                blocks.append(bytes(self._block))
                self._block, self._noise = None, 0
        return blocks

    def _seek(self, received: bytes, place: int) -> int:
        start = received.find(START, place)
        self._noise += (start if start >= 0 else len(received)) - place
        if self._noise > self._noise_limit:
            raise LabRefused("This is not an HL7 connection: no message begins.", code="no_start")
        if start < 0:
            return len(received)
        self._block = bytearray()
        return start + 1


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """What one server bears.

    Attributes:
        idle: How long a connection may rest between messages.
        block: How long a message may take from its first byte to its last.
        answer: How long the peer may take to read an answer.
        held_bytes: Unfinished messages of all connections together.
    """

    message_bytes: int = MAX_MESSAGE_BYTES
    connections: int = 128
    connections_per_address: int = 32
    idle: timedelta = timedelta(minutes=30)
    block: timedelta = timedelta(minutes=2)
    answer: timedelta = timedelta(seconds=30)
    held_bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class _Load:
    """What all connections of a server hold together."""

    addresses: Counter[str] = field(default_factory=Counter)
    held: int = 0


@contextlib.asynccontextmanager
async def serve_mllp(
    door: Door,
    host: str,
    port: int,
    limits: MllpLimits | None = None,
    tls: ssl.SSLContext | None = None,
    opened: socket.socket | None = None,
) -> AsyncIterator[asyncio.Server]:
    """Listen until the context ends.

    Args:
        door: Answers each block; `LabIngest.answer` is one. A connection's blocks are answered one after the other.
        host: To listen on.
        port: 0 takes a free one: `server.sockets[0].getsockname()[1]`.
        limits: What the server bears.
        tls: Encrypts, where given.
        opened: A socket that listens already, instead of host and port: senders wait in it while a process restarts.

    Raises:
        OSError: The address is taken.
    """
    listener = _Listener(door, limits or MllpLimits())
    if opened is not None:
        server = await asyncio.start_server(listener.serve, sock=opened, limit=256 * 1024, ssl=tls)
    else:
        server = await asyncio.start_server(listener.serve, host, port, limit=256 * 1024, ssl=tls)
    try:
        yield server
    finally:
        server.close()
        await listener.stop()


class _Listener:
    """Owns the connections of one server and ends them."""

    def __init__(self, door: Door, limits: MllpLimits) -> None:
        self._door = door
        self._limits = limits
        self._load = _Load()
        self._running: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        self._load.addresses[address] += 1
        try:
            if self._welcome(address):
                await self._talk(reader, writer, address)
        except (LabRefused, TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The peer is told by the closed connection; a message without an answer was not taken.
        finally:
            self._load.addresses[address] -= 1
            self._load.addresses += Counter()  # forgets addresses that have none left
            if task is not None:
                self._running.discard(task)
            writer.close()

    def _welcome(self, address: str) -> bool:
        addresses = self._load.addresses
        return (
            addresses.total() <= self._limits.connections and addresses[address] <= self._limits.connections_per_address
        )

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> None:
        framer = Framer(self._limits.message_bytes)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.idle.total_seconds()
        held = 0
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    received = await reader.read(64 * 1024)
                if not received:
                    return
                was_within = framer.within
                blocks = framer.feed(received)
                self._load.held += framer.held - held
                held = framer.held
                if self._load.held > self._limits.held_bytes:
                    return
                for block in blocks:
                    writer.write(framed(await self._door(block, address)))
                    async with asyncio.timeout(self._limits.answer.total_seconds()):
                        await writer.drain()
                # The clock of a message starts with its first byte and does not stop for a slow sender.
                if blocks or was_within is not framer.within:
                    pause = self._limits.block if framer.within else self._limits.idle
                    deadline = loop.time() + pause.total_seconds()
        finally:
            self._load.held -= held
