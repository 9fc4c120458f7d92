"""Sans-I/O: who sits in a room, what each may do, and what they tell the others. Of coming and going `room` decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from signaling.effects import Effect, Note, Tell
from signaling.errors import NotAdmitted, RoomRefused
from signaling.messages import VIEW, MediaState, Reply, Seat, SeatChanged, Shared
from signaling.ports import Admission, Grant, Happening

_PRESUMED = MediaState(audio=True, video=True)
"""Until they say what can be heard and seen of them."""


@dataclass(slots=True)
class Sitting:
    """Somebody on a seat."""

    admission: Admission
    socket: int | None
    away_since: datetime | None = None
    state: MediaState = _PRESUMED
    tracks: tuple[str, ...] = ()
    hand: int = 0
    consent: bool = False

    def hears(self, topic: str) -> bool:
        """Whether they are told what is shared under a topic: which films are looked at is for who may read films."""
        return topic != VIEW or Grant.FILMS in self.admission.grants

    @property
    def seat(self) -> Seat:
        """As the others see it."""
        return Seat(
            participant=self.admission.participant,
            name=self.admission.name,
            role=self.admission.role,
            present=self.socket is not None,
            audio=self.state.audio,
            video=self.state.video,
            screen=self.state.screen,
            sound=self.state.sound,
            tracks=self.tracks,
            hand=self.hand,
            consent=self.consent,
            paused=self.state.paused,
        )


class Seating:
    """The seats of one room.

    Args:
        name: The room's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._seats: dict[str, Sitting] = {}
        self._shared: dict[str, tuple[str, dict[str, Any]]] = {}
        self._hands = 0

    # ------------------------------------------------------------ looking
    @property
    def seats(self) -> tuple[Seat, ...]:
        """Everybody, in the order they came."""
        return tuple(sitting.seat for sitting in self._seats.values())

    @property
    def shared(self) -> dict[str, dict[str, Any]]:
        """The last word of each shared topic, for the house itself."""
        return {topic: {**body, "participant": who} for topic, (who, body) in self._shared.items()}

    def shared_with(self, participant: str) -> dict[str, dict[str, Any]]:
        """The last word of each shared topic that a seat's holder is told."""
        sitting = self._seats.get(participant)
        return {topic: word for topic, word in self.shared.items() if sitting is not None and sitting.hears(topic)}

    def grants(self, participant: str) -> frozenset[Grant]:
        """What a seat's holder may do."""
        sitting = self._seats.get(participant)
        return sitting.admission.grants - {Grant.WAIT} if sitting else frozenset()

    def holds(self, participant: str) -> bool:
        """Whether there is a seat for this participant."""
        return participant in self._seats

    def socket_of(self, participant: str) -> int | None:
        """The socket a participant speaks through now."""
        sitting = self._seats.get(participant)
        return sitting.socket if sitting else None

    def need(self, who: str, grant: Grant) -> None:
        """Check a grant. Raises NotAdmitted."""
        sitting = self._seats.get(who)
        if sitting is None or grant not in sitting.admission.grants:
            raise NotAdmitted(f"this needs the grant {grant}")

    # ------------------------------------------------------------ saying
    def change(self, participant: str, state: MediaState) -> list[Effect]:
        """What of a participant can be heard and seen.

        Raises:
            RoomRefused: They have no seat any more.
        """
        sitting = self._seats.get(participant)
        if sitting is None:
            raise RoomRefused("the call has ended", code="ended")
        sitting.state = state
        return self._tell_others(participant, SeatChanged(seat=sitting.seat))

    def publish(self, participant: str, tracks: tuple[str, ...]) -> list[Effect]:
        """Which tracks a participant sends now."""
        sitting = self._seats.get(participant)
        if sitting is None or sitting.tracks == tracks:
            return []
        sitting.tracks = tracks
        return self._tell_others(participant, SeatChanged(seat=sitting.seat))

    def share(self, participant: str, topic: str, body: Mapping[str, Any]) -> list[Effect]:
        """Pass a shared word on; the last one is kept for late joiners, until its sender takes it back by an empty one.

        Raises:
            NotAdmitted: Without the grant.
        """
        self.need(participant, Grant.SHARE)
        if topic not in self._shared and len(self._shared) >= 32:
            raise RoomRefused("too many shared topics", code="topics")
        if body:
            self._shared[topic] = (participant, dict(body))
        elif topic in self._shared and self._shared[topic][0] == participant:
            del self._shared[topic]
        told = Shared(participant=participant, topic=topic, body=dict(body))
        return self._tell_others(participant, told, topic)

    def raise_hand(self, participant: str, *, up: bool, by: str) -> list[Effect]:
        """A hand goes up or down; everybody is told, the order of raised hands stays.

        Raises:
            NotAdmitted: Another's hand is lowered by hosts only, and raised by nobody.
            RoomRefused: They have no seat.
        """
        if participant != by:
            self.need(by, Grant.HOST)
            if up:
                raise NotAdmitted("nobody raises another's hand")
        sitting = self._seats.get(participant)
        if sitting is None:
            raise RoomRefused("there is no such seat", code="no_seat")
        if up == bool(sitting.hand):
            return []
        self._hands += up
        sitting.hand = self._hands if up else 0
        return self._tell_others("", SeatChanged(seat=sitting.seat))

    def _take_back(self, who: str) -> None:
        """What somebody shared goes with them."""
        self._shared = {topic: word for topic, word in self._shared.items() if word[0] != who}

    def _tell_others(self, who: str, reply: Reply, topic: str = "") -> list[Effect]:
        return [
            Tell(other, reply)
            for other, sitting in self._seats.items()
            if other != who and sitting.socket is not None and sitting.hears(topic)
        ]

    def _note(self, kind: str, who: str, now: datetime, **detail: str | int | float) -> Note:
        return Note(Happening(self.name, kind, who, now, detail))
