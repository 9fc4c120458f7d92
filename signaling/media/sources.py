"""What comes in: one stream of a publisher, which is a whole track or one layer of a picture."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from signaling.media import feedback
from signaling.media.arrival import Lateness
from signaling.media.forward import Heard
from signaling.media.history import History
from signaling.media.layers import nominal_bps
from signaling.media.loss import Missing, Reporting
from signaling.media.sdp import Codec, Section
from signaling.media.tally import PLAIN_BOOKS, SILENT, Books, Tally
from signaling.media.tape import Heard as Recorded

if TYPE_CHECKING:
    from signaling.media.fan import Table
    from signaling.media.flows import Flow
    from signaling.media.peer import Peer
    from signaling.media.tracks import Lane, Slot

PACKET_COST_BYTES = 300
"""What a packet costs beside its bytes, so that tiny ones are not free."""
_MOST_PER_S = {"audio": 100_000, "video": 1_800_000}
"""Cost of a second's packets; about 0.6 and 11 Mbit/s. A publisher who sends more floods everybody who watches."""


class Source:
    """One track, or one layer of it, as it comes from its publisher.

    Args:
        peer: Whose.
        slot: The track's place.
        section: Where it was offered.
        codecs: As agreed.
        rid: Which of the section's layers, "" where there is but one.
        books: Where its counts and packets are kept.

    Attributes:
        codecs: Payload type -> codec, as agreed; the first is expected.
        lanes: Where packets go now; changed only between packets, and by a new list. A lane that hangs here changes its
            address only by `move`, its numbers not at all once it has begun.
        joining: Lanes that get another layer until this one has a key frame.
        history: Recent packets for repeats, None where the other side cannot repeat.
        tally: What every packet changes.
        table: The compiled fan-out's view of `lanes`.
        flow: The compiled path's view of all of this, None while it has none.
        tape: Takes every packet while this is recorded.
    """

    flow: "Flow | None"
    __slots__ = (
        "_nominal_bps", "bitrate_bps", "codec", "codecs", "flow", "history", "joining", "kind", "lanes", "last_pli_s",
        "lateness", "limit", "missing", "peer", "pt", "reported_s", "reporting", "rid", "slot", "ssrc", "table",
        "tally", "tape", "waiting", "wants_key_frame",
    )  # fmt: skip

    def __init__(
        self,
        peer: "Peer",
        slot: "Slot",
        section: Section,
        codecs: tuple[Codec, ...],
        rid: str = "",
        books: Books = PLAIN_BOOKS,
    ) -> None:
        object.__setattr__(self, "flow", None)
        self.rid = rid
        self._nominal_bps = nominal_bps(len(section.rids) - 1 - section.rids.index(rid)) if rid else 0
        self.joining: list[Lane] = []
        self.peer = peer
        self.slot = slot
        self.kind = section.kind
        self.codecs = {codec.pt: codec for codec in codecs}
        self.codec = codecs[0]
        self.pt = codecs[0].pt
        self.ssrc: int | None = None
        self.tape: Callable[[Recorded], None] | None = None
        self.lanes: list[Lane] = []
        self.table: Table | None = None
        self.history: History | None = books.history() if section.repeats else None
        self.tally: Tally = books.tally()
        self.limit = _MOST_PER_S[section.kind]
        self.waiting = False
        self.wants_key_frame = False
        self.last_pli_s = -1.0
        self.reported_s = -1.0
        self.bitrate_bps = 0
        self.begin_anew()

    def __setattr__(self, name: str, value: object) -> None:
        """Whatever Python changes here, it looks at the next packet itself."""
        object.__setattr__(self, name, value)
        self.halt()

    def halt(self) -> None:
        """The next packet is not a usual one."""
        if self.flow is not None:
            self.flow.halt()

    def begin_anew(self) -> None:
        """Another stream follows under this track: what was counted of the last one says nothing about it."""
        self.missing = Missing(repairs=self.history is not None, apart=bool(self.codec.rtx), tally=self.tally)
        self.reporting = Reporting()
        self.lateness = Lateness(self.codec.clock_hz, self.tally)

    @property
    def last(self) -> Heard | None:
        """The newest packet."""
        seq = self.missing.highest
        return None if seq is None else Heard(seq, self.tally.ts, self.tally.at_s)

    @property
    def rate_bps(self) -> int:
        """What it takes to send it on."""
        return self.bitrate_bps or self._nominal_bps

    def hear(self, level: int) -> None:
        """A packet says how loud it is."""
        self.tally.level = min(self.tally.level, level & SILENT)

    def listen(self) -> int:
        """The loudest since this was last asked for (RFC 6464: 0 loudest, 127 silent)."""
        level, self.tally.level = self.tally.level, SILENT
        return level

    def pay(self, length: int) -> bool:
        """Whether the publisher may send one more packet in this second."""
        self.tally.spent += length + PACKET_COST_BYTES
        return self.tally.spent <= self.limit

    def turn_to(self, pt: int, now_s: float) -> bool:
        """The publisher changed to another agreed codec; False for one that was not agreed."""
        codec = self.codecs.get(pt)
        if codec is None:
            return False
        self.codec, self.pt, self.missing.apart = codec, pt, bool(codec.rtx)
        self.slot.restart(self, now_s)
        return True

    def ask_key_frame(self, now_s: float) -> None:
        """Ask the publisher for a key frame: one question for everybody, and no faster than it can be answered."""
        if self.kind != "video":
            return
        if self.ssrc is None or now_s - self.last_pli_s < feedback.PLI_EVERY_S + 2 * self.missing.round_trip_s:
            self.wants_key_frame = True  # asked again by the timer once the pause is over
            return
        self.last_pli_s = now_s
        self.wants_key_frame = False
        self.peer.send_rtcp(feedback.pli(self.ssrc))
