"""The usual packet's whole way in C: from its slot in the inbox to its copies in the outbox, a batch in one call.

Usual is the next packet of a stream that is known, in its codec, while nobody waits for anything of it. Every other
packet goes through `plane`, which does the same and more in Python; so does the next one after Python has changed
anything of its source (`Source.__setattr__`). What is counted lies in C's memory either way: see `tally.Books`.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from signaling.media import tap
from signaling.media.arrival import LONG_S
from signaling.media.history import KEPT_S, Kept
from signaling.media.intake import MOST_BYTES, CompiledIntake
from signaling.media.mux import WRITE_BATCH, BatchMux
from signaling.media.sources import PACKET_COST_BYTES, Source
from signaling.media.tally import Books, Tally

if TYPE_CHECKING:
    from signaling.media.fan import CompiledFan, Table
    from signaling.media.peer import Peer

_FEWEST_PLACES = 16


class CompiledHistory:
    """`history.PlainHistory` in C's memory.

    Args:
        module: What `compiling.load` gave.
    """

    __slots__ = ("_buffer", "_keep", "row")

    def __init__(self, module: Any) -> None:
        self._keep, self._buffer = module.lib.fanout_keep, module.ffi.buffer
        self.row = module.ffi.gc(module.ffi.new("fanout_history *"), module.lib.fanout_forget)
        self.row.kept_s = KEPT_S

    def keep(self, packet: Kept) -> None:
        """Keep one more; what has become too old goes."""
        *head, rest, at_s = packet
        self._keep(self.row, *head, rest, len(rest), at_s)

    def find(self, seq: int) -> Kept | None:
        """The packet of this number, None where it is no longer or never was here."""
        kept = self.row.kept[seq % len(self.row.kept)]
        if not kept.payload or kept.seq != seq:
            return None
        return kept.seq, kept.first, kept.marker, kept.ts, bytes(self._buffer(kept.payload, kept.size)), kept.at_s


@dataclass(eq=False, slots=True)
class Flow:
    """One source as C reads it.

    Attributes:
        row: The same in C.
        key: Address and SSRC under which its packets come.
        table: Its lanes; kept, as C calls their sessions.
    """

    row: Any
    key: tuple[bytes, int]
    table: "Table | None" = None

    def halt(self) -> None:
        """The next packet is Python's."""
        self.row.armed = 0


class Flows:
    """All sources of one port whose packets may be usual ones.

    Args:
        mux: The open port.
        module: What `compiling.load` gave.
        intake: Of the same port.
        fan: Likewise.

    Attributes:
        books: Where sources of this port count.
        way: What C counted: `packets_in`, `packets_out`, `refused`.
        receive: As the port's own.
    """

    def __init__(self, mux: BatchMux, module: Any, intake: "CompiledIntake", fan: "CompiledFan") -> None:
        ffi = self._ffi = module.ffi
        self._mux, self._lib, self._through = mux, module.lib, module.lib.fanout_through
        self._flows: dict[tuple[bytes, int], Flow] = {}
        self._kept = intake, fan  # C reads what is theirs
        self.way = ffi.new("fanout_way *")
        self.receive: Callable[[], int] = partial(module.lib.fanout_receive, self.way)
        self.way.inbox, self.way.port = intake.inbox, fan.port
        self.way.fd, self.way.leaving = mux.fileno(), ffi.cast("void *", mux.outbox.messages_base)
        self.way.salt = secrets.randbits(32)
        self.way.most_bytes, self.way.cost_bytes, self.way.long_s = MOST_BYTES, PACKET_COST_BYTES, LONG_S
        self.books = Books(lambda: ffi.new("fanout_tally *", asdict(Tally())), lambda: CompiledHistory(module))

    def take(self, count: int, now_s: float, look: Callable[[int, float], None]) -> None:
        """Take a batch: the usual packets through, the others one by one in their turn to Python.

        Args:
            count: Slots of the inbox that are filled.
            now_s: Monotonic seconds.
            look: Python's way, for a slot.
        """
        mux, way, slot = self._mux, self.way, 0
        while True:
            way.queued = mux.queued
            slot = self._through(way, slot, count, now_s)
            mux.queued = way.queued
            if slot == count and not mux.queued:
                return
            if slot == count or way.full or mux.queued == WRITE_BATCH:
                mux.flush(way.gone)
            if slot == count:
                return
            if not way.full:
                look(slot, now_s)
                slot += 1

    def arm(self, peer: "Peer", source: Source) -> None:
        """A packet of this source has come through: the next ones may be usual."""
        table, flow = source.table, source.flow
        if flow is not None and flow.row.armed:
            return
        if source.tape is not None or source.joining or peer.name is None or source.ssrc is None:
            return
        if source.lanes and (table is None or table.of is not source.lanes or table.slow):
            return
        key = peer.name, source.ssrc
        if flow is None or flow.key != key or self._flows.get(key) is not flow:
            self.drop(source)
            flow = source.flow = self._enter(key)
        flow.table = table = table if source.lanes else None
        row = flow.row
        row.session = self._ffi.cast("void *", tap.address(peer.rx))
        row.tally = source.tally
        row.history = source.history.row if isinstance(source.history, CompiledHistory) else self._ffi.NULL
        row.lanes, row.count = (table.rows, table.begun) if table is not None else (self._ffi.NULL, 0)
        row.limit, row.clock_hz, row.pt = source.limit, source.codec.clock_hz, source.pt
        row.level_id = peer.level_id if source.kind == "audio" else 0
        row.armed = 1

    def drop(self, source: Source) -> None:
        """The source ends, or comes from elsewhere: nothing here points to it any more."""
        flow, source.flow = source.flow, None
        if flow is None:
            return
        flow.halt()
        if self._flows.get(flow.key) is flow:
            del self._flows[flow.key]
            self._lay_out()

    def _enter(self, key: tuple[bytes, int]) -> Flow:
        replaces = key in self._flows
        flow = self._flows[key] = Flow(self._ffi.new("fanout_flow *"), key)
        flow.row.ssrc = key[1]
        self._ffi.memmove(flow.row.name, key[0], len(key[0]))
        if replaces or 2 * len(self._flows) > self.way.places or not self._lib.fanout_enter(self.way, flow.row):
            self._lay_out()
        return flow

    def _lay_out(self) -> None:
        """C has no others than those that are kept alive here."""
        places = max(_FEWEST_PLACES, 1 << (4 * len(self._flows)).bit_length())
        self._places = self._ffi.new("fanout_flow *[]", places)
        self.way.flows, self.way.places = self._places, places
        for flow in self._flows.values():
            self._lib.fanout_enter(self.way, flow.row)
