"""What happens by itself: repairs every few milliseconds, reports and estimates every second, seats that run out."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

from signaling import messages
from signaling.codecs import NOTHING
from signaling.connections import Connections
from signaling.house import House
from signaling.legs import Legs
from signaling.live import LiveRoom, cap_of
from signaling.media.bandwidth import SHOWS_VIDEO, Step
from signaling.media.peer import Peer
from signaling.recorder import Recorder
from signaling.tasks import Tasks

log = logging.getLogger(__name__)

_WAYS: tuple[messages.Reason, ...] = ("uplink", "downlink", "computer")
_REPAIR_EVERY_S = 0.02
_HEAR_EVERY_S = 0.5
_REPORT_EVERY_S = 1.0
_ASK_AGAIN_S = 8.0


class Rounds:
    """Runs while the shell does.

    Args:
        house: The shell.
        connections: Its media.
        recorder: Its tapes.
        legs: To and from other nodes.
    """

    def __init__(self, house: House, connections: Connections, recorder: Recorder, legs: Legs) -> None:
        self._recorder = recorder
        self._legs = legs
        self._house = house
        self._connections = connections
        self._repaired_s = house.plane.now_s()
        self._late_s = math.inf  # the least of a second: what this process is never quicker than

    def start(self, tasks: Tasks) -> None:
        """Begin."""
        for seconds, work in (
            (_REPAIR_EVERY_S, self.repair),
            (_HEAR_EVERY_S, self.listen),
            (_REPORT_EVERY_S, self.report),
        ):
            tasks.start(_every(seconds, work))

    async def repair(self) -> None:
        """Ask for what is missing."""
        plane = self._house.plane
        now = plane.now_s()
        self._late_s = min(self._late_s, max(0.0, now - self._repaired_s - _REPAIR_EVERY_S))
        self._repaired_s = now
        for peer in plane.publishing:
            if peer.tx is not None:
                peer.feedback.repair(now)

    async def listen(self) -> None:
        """Tell who speaks."""
        for live in self._house.live():
            speakers = live.speakers()
            if speakers is not None:
                for seat in live.room.seats:
                    self._house.say(live, seat.participant, messages.Speaking(participants=speakers))

    async def report(self) -> None:
        """Reports, estimates, steps of the ladder, seats that have run out."""
        late_s, self._late_s = self._late_s, math.inf
        for live in list(self._house.live()):
            self._look_at_peers(live, late_s)
            if live.is_relayed:
                self._legs.look_after(live)
                live.sweep()
                continue
            self._ask_for_layers(live)
            self._tell_unseen(live)
            live.sweep()
            if live.room.recording is not None:
                self._recorder.follow(live)  # who came or published meanwhile
            if live.peers and not live.room.seats:
                live.room.empty_since = self._house.now()  # viewers by WHEP wait for a publisher: the room stays
            self._house.carry_out(live, live.room.tick(self._house.now(), self._house.settings.room_linger))

    def _look_at_peers(self, live: LiveRoom, late_s: float) -> None:
        now = self._house.plane.now_s()
        for who, peer in list(live.peers.items()):
            if peer.silent(now):
                self._connections.forget(peer)
            elif peer.connected:
                peer.report(now, cap_of(peer), late_s)
                self._step(live, who, peer, now)

    def _ask_for_layers(self, live: LiveRoom) -> None:
        """Tell publishers whether their cameras are wanted in several sizes; seldom, as not every browser can."""
        now = self._house.plane.now_s()
        for (who, _), slot in live.slots.items():
            wanted = slot.wants_layers(now)
            since_s = slot.asked_s if wanted else max(slot.asked_s, slot.changed_s)
            if wanted is not slot.layered and now - since_s > _ASK_AGAIN_S:
                slot.asked_s = now
                self._house.say(live, who, messages.Layers(on=wanted))
                self._house.note(live, "layers", who, {"on": int(wanted)})

    def _tell_unseen(self, live: LiveRoom) -> None:
        """Tell both sides which pictures find no common codec, once that has held: a new offer may be on its way."""
        before, now = live.lacking, live.unseen()
        live.lacking = now
        for seat in live.room.seats:
            who = seat.participant
            lack = now.get(who, NOTHING)
            if lack == before.get(who, NOTHING) != live.told_lacking.get(who, NOTHING):
                live.told_lacking[who] = lack
                self._house.say(live, who, messages.Unseen(tracks=lack.tracks, by=lack.by))

    def _step(self, live: LiveRoom, who: str, peer: Peer, now: float) -> None:
        """Decide what the peer may send and see; what changed is told with its reason and kept on the record."""
        sees, chosen = peer.feedback.sees(now), live.chosen.get(who)
        peer.show_video(sees if chosen is None else chosen in SHOWS_VIDEO)
        spared = peer.feedback.relief.given
        steps = (
            peer.feedback.step(now),
            Step.HIGH if sees else Step.VOICE,
            Step.MEDIUM if spared else Step.HIGH,
        )
        before = live.steps.get(who, (Step.HIGH,) * len(_WAYS))
        live.steps[who] = steps
        allowed = peer.feedback.uplink.allowed_bps
        for step, old, reason in zip(steps, before, _WAYS, strict=True):
            if step is not old:
                self._house.say(live, who, messages.Tier(tier=step, reason=reason, send_bps=allowed))
                self._house.note(live, "ladder", who, {"step": step.value, "reason": reason, "send_bps": allowed})


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            log.exception("round.failed")
