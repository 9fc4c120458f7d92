"""Writes a packet's copies, one for each subscriber, into the outgoing slots: renumbered and encrypted where they lie.

Two ways that give the same bytes: `PlainFan` in Python, and `CompiledFan`, whose inner loop is `fanout.c`.
Lanes that wait for where to begin are looked at one by one in Python either way; neither knows where packets come from.
"""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

from signaling.media import tap
from signaling.media.keyframes import begins_key_frame
from signaling.media.mux import SLOT_BYTES, WRITE_BATCH, BatchMux, PlainMux
from signaling.media.vp8 import shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signaling.media.sources import Source
    from signaling.media.tracks import Lane

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
            run = lane.run
            if run.guard and not _guarded(lane, source, seq, rest):
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
                rest if lane.shift is None else shifted(rest, lane.shift),
            )
            box[0] = total
            if protect(lane.tx, pointers[slot], box) == 0:
                run.packets += 1
                run.octets += size
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
        lane.start(first, source, rest)
    lane.run.guard -= 1
    return lane.takes(seq)


@dataclass(slots=True)
class Table:
    """A source's lanes as the compiled loop reads them; true as long as the source has the same list of lanes.

    Attributes:
        of: The list that this was made from. It keeps the lanes, and with them their SRTP sessions, alive.
        runs: What the rows point to, kept alive likewise.
        rows: The lanes that have begun.
        begun: How many.
        slow: The lanes that Python must look at: those that wait for where to begin.
    """

    of: "list[Lane]"
    runs: list[Any]
    rows: Any
    begun: int
    slow: "list[Lane]"


class CompiledFan:
    """With `fanout.c`.

    Args:
        mux: The open port; only the batched one has slots that C may fill.
        module: What `compiling.load` gave.

    Attributes:
        port: The port's outgoing slots as C writes them.
    """

    def __init__(self, mux: BatchMux, module: Any) -> None:
        self._mux = mux
        self._plain = PlainFan(mux)
        self._ffi, self._copy = module.ffi, module.lib.fanout_copy
        self.port = self._ffi.new("fanout_port *")
        port, ring = self.port, mux.outbox
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
            if not all(lane.waits for lane in table.slow):
                source.table = None  # somebody has begun: the next packet finds a new table
        mux, begun = self._mux, table.begun
        if mux.queued + begun < WRITE_BATCH:  # a consult's few copies, in one call
            filled: int = self._copy(self.port, mux.queued, table.rows, begun, *header, rest, len(rest))
            mux.queued += filled
            return sent + filled
        for begin in range(0, begun, WRITE_BATCH):
            count = min(WRITE_BATCH, begun - begin)
            if mux.queued + count > WRITE_BATCH:
                mux.flush()
            filled = self._copy(self.port, mux.queued, table.rows + begin, count, *header, rest, len(rest))
            mux.queued += filled
            sent += filled
            if mux.queued == WRITE_BATCH:
                mux.flush()
        return sent

    def _table(self, lanes: "list[Lane]") -> Table:
        width = self._mux.name_bytes
        begun: list[Lane] = []
        slow: list[Lane] = []
        for lane in lanes:
            fit = not lane.waits and lane.tx is not None and len(lane.name) == width
            (begun if fit else slow).append(lane)
        rows = self._ffi.new("fanout_lane[]", len(begun) or 1)
        for row, lane in zip(rows, begun, strict=False):
            if not isinstance(lane.run, self._ffi.CData):
                before = lane.run
                lane.run = self._ffi.new("fanout_run *", (before.packets, before.octets, before.guard))
            row.session = self._ffi.cast("void *", tap.address(lane.tx))
            row.run = lane.run
            row.ssrc, row.ts_off, row.seq_off, row.pt = lane.ssrc, lane.ts_off, lane.seq_off, lane.pt
            row.floor = lane.floor
            row.picture_off, row.base_off = lane.shift or (0, 0)
            self._ffi.memmove(row.name, lane.name, width)
        return Table(lanes, [lane.run for lane in begun], rows, len(begun), slow)
