"""The packet plane: every datagram's way from the port to the port. No await, no allocation that can be spared.

What came in is told apart by its first byte (RFC 7983), decrypted where it lies, renumbered for each subscriber into
the outgoing ring, encrypted there and sent in batches. Everything slower than that is somebody else's.
"""

import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from signaling.media import feedback, ice, tap
from signaling.media.forward import Heard
from signaling.media.mux import READ_BATCH, SLOT_BYTES, WRITE_BATCH, BatchMux, PlainMux, readable
from signaling.media.tracks import Lane, Source

if TYPE_CHECKING:
    from signaling.media.peer import Peer

_HEADER = struct.Struct("!BBHII")  # RFC 3550 5.1
_ROUNDS = 4
"""Batches read before the loop gets its turn: 256 packets, about 2 ms."""
_MASK = feedback.HISTORY - 1


class Plane:
    """One port and the peers behind it.

    Args:
        mux: The open port.
        now_s: Monotonic seconds.
    """

    def __init__(self, mux: BatchMux | PlainMux, now_s: Callable[[], float] = time.monotonic) -> None:
        self.mux = mux
        self.now_s = now_s
        self.by_name: dict[bytes, Peer] = {}
        self.by_ufrag: dict[str, Peer] = {}
        self.packets_in = 0
        self.packets_out = 0
        self.refused = 0
        self.unknown = 0
        self._in_pointers = tap.pointers(mux.inbox, READ_BATCH)
        self._out_pointers = tap.pointers(mux.outbox, WRITE_BATCH)

    def password_of(self, ufrag: str) -> str | None:
        """For `ice.check`."""
        peer = self.by_ufrag.get(ufrag)
        return peer.password_of(ufrag) if peer else None

    def forget(self, peer: "Peer") -> None:
        """A peer is gone: no datagram reaches it any more."""
        for ufrag in [word for word, other in self.by_ufrag.items() if other is peer]:
            del self.by_ufrag[ufrag]
        if peer.name is not None and self.by_name.get(peer.name) is peer:
            del self.by_name[peer.name]

    # ------------------------------------------------------------ in
    def on_readable(self) -> None:
        """The event loop's reader: take what is there, send what follows from it."""
        mux = self.mux
        for _ in range(_ROUNDS):
            count = mux.receive()
            for slot in range(count):
                self._take(slot)
            if mux.queued:
                mux.flush()
            if count < READ_BATCH:
                return

    def _take(self, slot: int) -> None:
        mux = self.mux
        width, start, data = mux.name_bytes, slot * SLOT_BYTES, mux.inbox.data
        name = bytes(mux.inbox.names[slot * width : slot * width + width])
        length = mux.length(slot)
        if length < 12:
            return
        first = data[start]
        if first < 4:
            self._check(bytes(data[start : start + length]), name)
            return
        peer = self.by_name.get(name)
        if peer is None:
            self.unknown += 1
        elif first < 64:
            peer.on_dtls(bytes(data[start : start + length]))
        elif peer.rx is None or not 128 <= first < 192:
            self.refused += 1
        elif 192 <= data[start + 1] <= 223:
            peer.on_rtcp(bytes(data[start : start + length]))
        else:
            box = tap.length_box
            box[0] = length
            if tap.unprotect_in_place(peer.rx, self._in_pointers[slot], box) == 0:
                self._forward(peer, start, box[0])
            else:
                self.refused += 1

    def _check(self, datagram: bytes, name: bytes) -> None:
        check = ice.check(datagram, readable(name), self)
        if check is None:
            self.unknown += 1
            return
        self.mux.send(check.answer, name)
        peer = self.by_ufrag[check.ufrag]
        if peer.name != name and (check.nominates or peer.name is None):
            if peer.name is not None:
                self.by_name.pop(peer.name, None)
            self.by_name[name] = peer
        peer.on_check(name if check.nominates or peer.name is None else None, check.ufrag)

    # ------------------------------------------------------------ through
    def _forward(self, peer: "Peer", start: int, length: int) -> None:
        data = self.mux.inbox.data
        first, second, seq, ts, ssrc = _HEADER.unpack_from(data, start)
        source = peer.by_ssrc.get(ssrc)
        if source is None:
            source = peer.adopt(ssrc, second & 0x7F)
            if source is None:
                self.refused += 1
                return
        payload = 12 + 4 * (first & 15)
        if first & 0x10:
            if payload + 4 > length:
                return
            words = data[start + payload + 2] << 8 | data[start + payload + 3]
            if source.kind == "audio" and peer.level_id:
                self._hear(source, peer.level_id, start + payload, min(words, 64))
            payload += 4 + 4 * words
        if payload > length:
            return
        now = self.now_s()
        if (second & 0x7F) != source.pt:
            return  # comfort noise or a codec that was not agreed
        source.missing.came(seq, now)
        if source.missing.highest == seq:
            source.last = Heard(seq, ts, now)
        rest = self.mux.inbox.view[start + payload : start + length]
        if source.cache:
            source.cache[seq & _MASK] = (seq, first & 0xA0, second, ts, bytes(rest))
        source.packets += 1
        source.bitrate_bytes += length
        self.packets_in += 1
        if source.lanes:
            self._fan(source, (first & 0xA0, second & 0x80, seq, ts), rest, length - payload)

    def _fan(self, source: Source, header: tuple[int, int, int, int], rest: memoryview, size: int) -> None:
        first, marker, seq, ts = header
        mux, pointers, box = self.mux, self._out_pointers, tap.length_box
        out, pack, protect, commit = mux.outbox.data, _HEADER.pack_into, tap.protect_in_place, mux.commit
        total = 12 + size
        for lane in source.lanes:
            if lane.guard and not self._guarded(lane, source, seq):
                continue
            slot = mux.queued
            at = slot * SLOT_BYTES
            pack(
                out,
                at,
                first,
                marker | lane.pt,
                (seq + lane.seq_off) & 0xFFFF,
                (ts + lane.ts_off) & 0xFFFFFFFF,
                lane.ssrc,
            )
            out[at + 12 : at + total] = rest
            box[0] = total
            if protect(lane.tx, pointers[slot], box) == 0:
                lane.packets += 1
                lane.octets += size
                commit(lane.peer.name or b"", box[0])
                self.packets_out += 1

    def _guarded(self, lane: Lane, source: Source, seq: int) -> bool:
        """The few packets after a switch; the usual path never comes here."""
        if lane.guard < 0:
            first = source.last
            if first is None or first.seq != seq or lane.last is None:
                return False
            lane.switch(lane.last, first, source.clock_hz)
        lane.guard -= 1
        return lane.takes(seq)

    def _hear(self, source: Source, level_id: int, at: int, words: int) -> None:
        # RFC 8285 one-byte header: four bits id, four bits length - 1.
        data = self.mux.inbox.data
        if data[at] != 0xBE or data[at + 1] != 0xDE:
            return
        at, end = at + 4, at + 4 + 4 * words
        while at < end:
            id_, size = data[at] >> 4, (data[at] & 15) + 1
            if id_ == level_id:
                source.level = data[at + 1] & 127
                return
            at += 1 if data[at] == 0 else 1 + size
