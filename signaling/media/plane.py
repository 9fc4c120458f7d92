"""The packet plane: every datagram's way from the port to the port. No await, no allocation that can be spared.

What came in is told apart by its first byte (RFC 7983), decrypted where it lies, renumbered for each subscriber into
the outgoing ring, encrypted there and sent in batches. Everything slower than that is somebody else's.
"""

import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from signaling.media import compiling, extensions, ice
from signaling.media.fan import CompiledFan, Fan, Header, PlainFan
from signaling.media.flows import Flows
from signaling.media.intake import CompiledIntake, Intake, Opened, PlainIntake
from signaling.media.keyframes import begins_key_frame
from signaling.media.mux import READ_BATCH, SLOT_BYTES, BatchMux, PlainMux, readable
from signaling.media.tally import PLAIN_BOOKS

if TYPE_CHECKING:
    from signaling.media.peer import Peer
    from signaling.media.sources import Source

_ROUNDS = 4
"""Batches read before the loop gets its turn: 256 packets, about 2 ms."""
_HELD_S = 5.0
"""An address that answered for somebody so lately is not given to another."""


class Plane:
    """One port and the peers behind it.

    Args:
        mux: The open port.
        now_s: Monotonic seconds.
        intake: Opens what comes; in Python where none is given.
        fan: Writes copies; likewise.
        flows: Takes usual packets through; without it none is usual.

    Attributes:
        books: Where sources of this port are to count.
        by_stream: (address, SSRC) -> the leg to another node: many go between the same two ports.
        publishing: Peers with sources: those that want looking after every few milliseconds.
    """

    def __init__(
        self,
        mux: BatchMux | PlainMux,
        now_s: Callable[[], float] = time.monotonic,
        *,
        intake: Intake | None = None,
        fan: Fan | None = None,
        flows: Flows | None = None,
    ) -> None:
        self.mux = mux
        self._flows = flows
        self._receive = mux.receive if flows is None else flows.receive
        self.books = PLAIN_BOOKS if flows is None else flows.books
        self._open = (intake or PlainIntake(mux)).open
        self._send = (fan or PlainFan(mux)).send
        self.now_s = now_s
        self.by_name: dict[bytes, Peer] = {}
        self.by_ufrag: dict[str, Peer] = {}
        self.by_stream: dict[tuple[bytes, bytes], Peer] = {}
        self.publishing: set[Peer] = set()
        self._in = self._out = self._refused = 0
        self.unknown = 0
        self._name = struct.Struct(f"{mux.name_bytes}s")

    def password_of(self, ufrag: str) -> str | None:
        """For `ice.check`."""
        peer = self.by_ufrag.get(ufrag)
        return peer.password_of(ufrag) if peer else None

    def forget(self, peer: "Peer") -> None:
        """A peer is gone: no datagram reaches it any more."""
        for ufrag in peer.ufrags:
            self.by_ufrag.pop(ufrag, None)
        self.publishing.discard(peer)
        if peer.name is not None and self.by_name.get(peer.name) is peer:
            del self.by_name[peer.name]

    def let_go(self, source: "Source") -> None:
        """A source ends, or comes from another address."""
        if self._flows is not None:
            self._flows.drop(source)

    @property
    def packets_in(self) -> int:
        """Packets taken in."""
        return self._in + (self._flows.way.packets_in if self._flows else 0)

    @property
    def packets_out(self) -> int:
        """Copies sent on."""
        return self._out + (self._flows.way.packets_out if self._flows else 0)

    @property
    def refused(self) -> int:
        """Datagrams of peers that were forged, broken or too much."""
        return self._refused + (self._flows.way.refused if self._flows else 0)

    # ------------------------------------------------------------ in
    def on_readable(self) -> None:
        """The event loop's reader: take what is there, send what follows from it."""
        mux = self.mux
        for _ in range(_ROUNDS):
            count = self._receive()
            now = self.now_s()
            if self._flows is not None:
                self._flows.take(count, now, self._take)
            else:
                for slot in range(count):
                    self._take(slot, now)
            if mux.queued:
                mux.flush()
            if count < READ_BATCH:
                return

    def _take(self, slot: int, now: float) -> None:
        mux = self.mux
        start, data, length = slot * SLOT_BYTES, mux.inbox.data, mux.length(slot)
        if length < 12:
            return
        (name,) = self._name.unpack_from(mux.inbox.names, slot * mux.name_bytes)
        first = data[start]
        if first < 4:
            self._check(bytes(mux.inbox.view[start : start + length]), name)
            return
        peer = self.by_name.get(name) or self._leg(name, start)
        if peer is None:
            self.unknown += 1
        elif 20 <= first < 64:
            peer.on_dtls(bytes(mux.inbox.view[start : start + length]))
        elif peer.rx is None or not 128 <= first < 192:
            self._refused += 1
        elif 192 <= data[start + 1] <= 223:
            peer.feedback.hear(bytes(mux.inbox.view[start : start + length]))
        else:
            opened = self._open(slot, length, peer.rx, peer.level_id)
            if opened is None:
                self._refused += 1
            else:
                self._forward(peer, start, opened, now)

    def _leg(self, name: bytes, start: int) -> "Peer | None":
        """Whose a packet of another node is: by its SSRC, which stands elsewhere in RTCP."""
        if not self.by_stream:
            return None
        data = self.mux.inbox.data
        at = start + (4 if 192 <= data[start + 1] <= 223 else 8)
        return self.by_stream.get((name, bytes(data[at : at + 4])))

    def _check(self, datagram: bytes, name: bytes) -> None:
        check = ice.check(datagram, readable(name), self)
        if check is None:
            self.unknown += 1
            return
        peer = self.by_ufrag[check.ufrag]
        holder = self.by_name.get(name)
        if holder is not None and holder is not peer and self.now_s() - holder.last_check_s < _HELD_S:
            self.unknown += 1  # a forged source address must not take a neighbour's place
            return
        self.mux.send(check.answer, name)
        moves = peer.name != name and (check.nominates or peer.name is None)
        if moves:
            self._move(peer, name)
        peer.on_check(name if moves else None, check.ufrag)

    def _move(self, peer: "Peer", name: bytes) -> None:
        """A peer comes from another address from now on; whoever was there before does no longer."""
        if peer.name is not None:
            self.by_name.pop(peer.name, None)
        for one in {peer, self.by_name.get(name, peer)}:
            for source in one.sources.values():
                self.let_go(source)
        self.by_name[name] = peer

    # ------------------------------------------------------------ through
    def _forward(self, peer: "Peer", start: int, opened: Opened, now: float) -> None:
        ts, ssrc, seq, payload, length, level, first, second = opened
        source = peer.by_ssrc.get(ssrc)
        if source is None:
            if (second & 0x7F) in peer.apts:
                self._mend(peer, start, opened, now)
                return
            source = peer.adopt(ssrc, second & 0x7F, *self._named(start, first, payload, (peer.mid_id, peer.rid_id)))
        if source is None or not source.pay(length):
            self._refused += 1
            return
        if (second & 0x7F) != source.pt and not source.turn_to(second & 0x7F, now):
            return  # comfort noise or a codec that was not agreed
        tally = source.tally
        source.missing.came(seq, now)
        if tally.highest == seq:
            if tally.ts != ts or tally.frame_ts < 0:
                source.lateness.came(ts, now)
            tally.ts = ts
        if peer.level_id and source.kind == "audio":
            if level is None:
                level = extensions.byte(*self._extension(start, first, payload), peer.level_id)
            if level is not None and level >= 0:
                source.hear(level)
        tally.packets += 1
        tally.bytes += length
        self._pass_on(source, (first & 0xA0, second & 0x80, seq, ts), start + payload, start + length, now)
        if self._flows is not None:
            self._flows.arm(peer, source)

    def _mend(self, peer: "Peer", start: int, opened: Opened, now: float) -> None:
        """A repeat in a stream of its own takes the place of what it repeats (RFC 4588 4); a probe has none."""
        ts, ssrc, _, payload, length, _, first, second = opened
        named = self._named(start, first, payload, (peer.mid_id, peer.repaired_rid_id))
        source = peer.repeated(ssrc, second & 0x7F, *named)
        if source is None or not source.pay(length):
            self._refused += 1
            return
        source.tally.bytes += length
        data, begin, end = self.mux.inbox.data, start + payload, start + length
        padding = data[end - 1] if first & 0x20 else 0
        if end - padding < begin + 2:
            return
        seq = data[begin] << 8 | data[begin + 1]
        if source.missing.repeated(seq, now):
            self._pass_on(source, (first & 0xA0, second & 0x80, seq, ts), begin + 2, end, now)

    def _pass_on(self, source: "Source", header: Header, begin: int, end: int, now: float) -> None:
        first, marker, seq, ts = header
        rest = bytes(self.mux.inbox.view[begin:end])
        if source.history is not None:
            source.history.keep((seq, first, marker, ts, rest, now))
        if source.tape is not None:
            source.tape((source.ssrc or 0, source.codec.name, seq, ts, marker > 0, now, rest))
        self._in += 1
        if source.joining and source.tally.highest == seq and begins_key_frame(source.codec.name, rest):
            source.slot.admit(source, now)
        if source.lanes:
            self._out += self._send(source, header, rest)

    def _extension(self, start: int, first: int, payload: int) -> tuple[bytearray, int, int]:
        """Where a packet's header extension lies: what `extensions` asks for; of no length where there is none."""
        begin = 12 + 4 * (first & 15) if first & 0x10 else payload
        return self.mux.inbox.data, start + begin, start + payload

    def _named(self, start: int, first: int, payload: int, ids: tuple[int, int]) -> tuple[str, str]:
        """What a packet says of itself: its section and its layer, by the ids of these extensions."""
        where = self._extension(start, first, payload)
        return extensions.text(*where, ids[0]), extensions.text(*where, ids[1])


def open_plane(mux: BatchMux | PlainMux, *, compiled: bool = True) -> Plane:
    """A plane in the fastest way that this machine has.

    Args:
        mux: The open port.
        compiled: False leaves the compiled loops alone.
    """
    module = compiling.load() if compiled else None
    if module is None or not isinstance(mux, BatchMux):
        return Plane(mux)
    intake, fan = CompiledIntake(mux, module), CompiledFan(mux, module)
    return Plane(mux, intake=intake, fan=fan, flows=Flows(mux, module, intake, fan))
