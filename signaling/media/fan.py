"""Writes a packet's copies, one for each subscriber, into the outgoing slots: renumbered and encrypted where they lie.

Two ways that give the same bytes: `PlainFan` in Python, and `CompiledFan`, whose inner loop is `fanout.c`.
Lanes around a beginning are looked at one by one in Python either way; neither knows where packets come from.
"""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

from signaling.media import compiling, tap
from signaling.media.keyframes import begins_key_frame
from signaling.media.mux import SLOT_BYTES, WRITE_BATCH, BatchMux, PlainMux

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signaling.media.tracks import Lane, Source

Header = tuple[int, int, int, int]
"""First byte as it leaves, marker bit (0x80 or 0), sequence number, timestamp: the last two still the source's."""


@lru_cache(maxsize=2048)
def _packet(size: int) -> Struct:
    """An RTP packet with `size` bytes of payload, written in one call."""
    return Struct(f"!BBHII{size}s")


class Fan(Protocol):
    """Sends copies."""

    def send(self, source: "Source", header: Header, rest: bytes) -> int:
        """Queue a packet for everybody who gets it; returns how many that are.

        Args:
            source: Whose packet; its lanes say who gets it.
            header: What of its header is passed on.
            rest: Its payload, at most what a slot holds beside header and tag.
        """


class PlainFan:
    """In Python.

    Args:
        mux: The open port.
    """

    def __init__(self, mux: BatchMux | PlainMux) -> None:
        self._mux = mux
        self._pointers = tap.pointers(mux.outbox, WRITE_BATCH)

    def send(self, source: "Source", header: Header, rest: bytes) -> int:
        """Queue a packet for everybody who gets it; returns how many that are."""
        return self.send_to(source.lanes, source, header, rest)

    def send_to(self, lanes: "Sequence[Lane]", source: "Source", header: Header, rest: bytes) -> int:
        """The same for some lanes of the source."""
        first, marker, seq, ts = header
        size = len(rest)
        total = 12 + size
        mux, pointers, box = self._mux, self._pointers, tap.length_box
        out, protect, commit, pack = mux.outbox.data, tap.protect_in_place, mux.commit, _packet(size).pack_into
        sent = 0
        for lane in lanes:
            if lane.guard and not _guarded(lane, source, seq, rest):
                continue
            slot = mux.queued
            pack(
                out,
                slot * SLOT_BYTES,
                first,
                marker | lane.pt,
                (seq + lane.seq_off) & 0xFFFF,
                (ts + lane.ts_off) & 0xFFFFFFFF,
                lane.ssrc,
                rest,
            )
            box[0] = total
            if protect(lane.tx, pointers[slot], box) == 0:
                lane.sent.packets += 1
                lane.sent.octets += size
                commit(lane.name, box[0])
                sent += 1
        return sent


def _guarded(lane: "Lane", source: "Source", seq: int, rest: bytes) -> bool:
    """The few packets around a beginning; the usual path never comes here."""
    if lane.waits:
        first = source.last
        if first is None or first.seq != seq:
            return False
        picture = source.kind == "video" and not begins_key_frame(source.codec.name, rest)
        if picture and first.at_s < lane.impatient_s:
            return False
        lane.begin(first, lane.last, source.codec.clock_hz)
    lane.guard -= 1
    return lane.takes(seq)


@dataclass(slots=True)
class Table:
    """A source's lanes as the compiled loop reads them; true as long as the source has the same list of lanes.

    Attributes:
        of: The list that this was made from. It keeps the lanes, and with them their SRTP sessions, alive.
        counts: What the rows' counters point to, kept alive likewise.
        rows: The settled lanes.
        settled: How many.
        slow: The lanes that Python must look at.
    """

    of: "list[Lane]"
    counts: list[Any]
    rows: Any
    settled: int
    slow: "list[Lane]"


class CompiledFan:
    """With `fanout.c`.

    Args:
        mux: The open port; only the batched one has slots that C may fill.
        module: What `compiling.load` gave.
    """

    def __init__(self, mux: BatchMux, module: Any) -> None:
        self._mux = mux
        self._plain = PlainFan(mux)
        self._ffi, self._copy = module.ffi, module.lib.fanout_copy
        self._port = self._ffi.new("fanout_port *")
        port, ring = self._port, mux.outbox
        port.slots = self._ffi.cast("uint8_t *", ring.base)
        port.names = self._ffi.cast("uint8_t *", ring.names_base)
        port.vectors = self._ffi.cast("void *", ring.vectors_base)
        port.slot_bytes, port.name_bytes, port.capacity = SLOT_BYTES, mux.name_bytes, WRITE_BATCH
        port.protect = self._ffi.cast("int (*)(void *, void *, int *)", tap.protect_address())

    def send(self, source: "Source", header: Header, rest: bytes) -> int:
        """Queue a packet for everybody who gets it; returns how many that are."""
        table: Table | None = source.table
        if table is None or table.of is not source.lanes:
            table = source.table = self._table(source.lanes)
        sent = 0
        if table.slow:
            sent = self._plain.send_to(table.slow, source, header, rest)
            if any(not lane.guard for lane in table.slow):
                source.table = None  # somebody has settled: the next packet finds a new table
        mux, settled = self._mux, table.settled
        for begin in range(0, settled, WRITE_BATCH):
            count = min(WRITE_BATCH, settled - begin)
            if mux.queued + count > WRITE_BATCH:
                mux.flush()
            filled = self._copy(self._port, mux.queued, table.rows + begin, count, *header, rest, len(rest))
            mux.queued += filled
            sent += filled
            if mux.queued == WRITE_BATCH:
                mux.flush()
        return sent

    def _table(self, lanes: "list[Lane]") -> Table:
        width = self._mux.name_bytes
        settled = [lane for lane in lanes if not lane.guard and lane.tx is not None and len(lane.name) == width]
        rows = self._ffi.new("fanout_lane[]", len(settled) or 1)
        counts = []
        for row, lane in zip(rows, settled, strict=False):
            if not isinstance(lane.sent, self._ffi.CData):
                before = lane.sent
                lane.sent = self._ffi.new("fanout_sent *", (before.packets, before.octets))
            counts.append(lane.sent)
            row.session = self._ffi.cast("void *", tap.address(lane.tx))
            row.sent = lane.sent
            row.ssrc, row.ts_off, row.seq_off, row.pt = lane.ssrc, lane.ts_off, lane.seq_off, lane.pt
            self._ffi.memmove(row.name, lane.name, width)
        slow = [lane for lane in lanes if lane not in settled] if len(settled) < len(lanes) else []
        return Table(lanes, counts, rows, len(settled), slow)


def open_fan(mux: BatchMux | PlainMux, *, compiled: bool = True) -> PlainFan | CompiledFan:
    """The fastest that this machine has.

    Args:
        mux: The open port.
        compiled: False leaves the compiled one alone.
    """
    module = compiling.load() if compiled and isinstance(mux, BatchMux) else None
    return CompiledFan(mux, module) if module is not None and isinstance(mux, BatchMux) else PlainFan(mux)
