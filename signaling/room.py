"""Sans-I/O: a room's life. Who comes and goes, when a seat is given up, when it is recorded.

A seat belongs to a participant, not to a socket: a reload, a lost network or a second tab keep it. It is given up only
by its holder's word, a host's, or after the hold time. Whoever must ask first waits in the lobby, without one. You
must carry out every effect, in order.
"""

from datetime import datetime, timedelta
from typing import Literal

from signaling.effects import CloseRoom, DropMedia, Effect, Greet, Hang, Tape, Tell
from signaling.errors import NotAdmitted, RoomRefused
from signaling.lobby import Lobby, Waiting
from signaling.messages import Asking, Closing, Knock, KnockGone, Recording, Reply, SeatChanged, SeatGone
from signaling.ports import STREAM, Admission, Grant
from signaling.seating import Seating, Sitting

Gone = Literal["left", "lost", "removed"]
Outcome = Literal["admitted", "declined", "left"]


class Room(Seating):
    """One room.

    Args:
        name: Opaque.
        hold: How long a seat waits for its holder.
        max_seats: More are refused.
    """

    def __init__(self, name: str, hold: timedelta, max_seats: int) -> None:
        super().__init__(name)
        self._hold = hold
        self._max_seats = max_seats
        self._lobby = Lobby()
        self.recording: Recording | None = None
        self.ended = False
        self.empty_since: datetime | None = None

    # ------------------------------------------------------------ looking
    def asking(self, participant: str) -> tuple[Asking, ...]:
        """Who waits at the door, for those who may let them in."""
        return self._lobby.asking if self._may_admit(participant) else ()

    def must_wait(self, admission: Admission) -> bool:
        """Whether a ticket's holder has to be let in first."""
        return not self.holds(admission.participant) and self._lobby.must_wait(admission)

    @property
    def agreed(self) -> bool:
        """Whether everybody who can be heard or seen agreed to being recorded; one who did not is enough."""
        return all(self._consents(who) for who, one in self._seats.items() if Grant.PUBLISH in one.admission.grants)

    def recordable(self, participant: str) -> bool:
        """Whether somebody is written: only where all others have agreed too, for they are heard through each other."""
        return self._consents(participant) and self.agreed

    # ------------------------------------------------------------ coming and going
    def join(self, admission: Admission, socket: int, now: datetime) -> list[Effect]:
        """Somebody enters, or comes back to their seat; an older socket of theirs is told that it was replaced.

        Who must ask first has no seat afterwards, and waits.

        Raises:
            RoomRefused: Full or ended.
        """
        if self.ended:
            raise RoomRefused("the call has ended", code="ended")
        who = admission.participant
        sitting = self._seats.get(who)
        effects: list[Effect] = []
        if sitting is None:
            if len(self._seats) + len(self._lobby) >= self._max_seats and not self._lobby.holds(who):
                raise RoomRefused("the room is full", code="full")
            if self._lobby.must_wait(admission):
                return self._knock(Waiting(admission, socket), now)
            if before := self._lobby.turn_away(who):  # a better ticket than the one they waited with
                effects.append(Hang(before.socket, Closing(code="replaced", again=False)))
                effects += self._tell_doorkeepers(KnockGone(participant=who, outcome="admitted"))
            sitting = self._seats[who] = Sitting(admission, socket, consent=Grant.CONSENT in admission.grants)
            effects.append(self._note("joined", who, now, role=admission.role))
        else:
            if sitting.socket is not None:
                effects.append(Hang(sitting.socket, Closing(code="replaced", again=False)))
            if not sitting.admission.grants <= admission.grants:
                effects.append(DropMedia(who))  # what the new ticket no longer allows ends now
            effects.append(self._note("back", who, now))
            sitting.admission, sitting.socket, sitting.away_since = admission, socket, None
        self.empty_since = None
        return [*effects, *self._follow(), *self._tell_others(who, SeatChanged(seat=sitting.seat))]

    def lose(self, participant: str, socket: int, now: datetime) -> list[Effect]:
        """A socket was lost: the seat is held. A socket that was replaced before changes nothing."""
        if self._lobby.socket_of(participant) == socket:
            return self._give_up(participant, now)
        sitting = self._seats.get(participant)
        if sitting is None or sitting.socket != socket:
            return []
        sitting.socket, sitting.away_since = None, now
        self._look_empty(now)
        return [self._note("away", participant, now), *self._tell_others(participant, SeatChanged(seat=sitting.seat))]

    def leave(self, participant: str, now: datetime) -> list[Effect]:
        """By their own word."""
        if waiting := self._lobby.socket_of(participant):
            return [*self._give_up(participant, now), Hang(waiting, Closing(code="left", again=False))]
        return self._vacate(participant, "left", now)

    def remove(self, participant: str, now: datetime, by: str | None = None) -> list[Effect]:
        """By a host's word, or by the house when the right to be here was lost.

        Raises:
            NotAdmitted: `by` is no host.
        """
        if by is not None:
            self.need(by, Grant.HOST)
        self._lobby.ask_again(participant)
        if waiting := self._lobby.socket_of(participant):
            return [*self._give_up(participant, now), Hang(waiting, Closing(code="removed", again=False))]
        return self._vacate(participant, "removed", now)

    def admit(self, participant: str, now: datetime, by: str, *, welcome: bool) -> list[Effect]:
        """Let in somebody who waits, or turn them away.

        Raises:
            NotAdmitted: `by` may not.
            RoomRefused: Nobody of this name waits any more.
        """
        if not self._may_admit(by):
            raise NotAdmitted(f"this needs the grant {Grant.ADMIT}")
        waiting = self._lobby.let_in(participant) if welcome else self._lobby.turn_away(participant)
        if waiting is None:
            raise RoomRefused("nobody of this name waits", code="not_waiting")
        outcome: Outcome = "admitted" if welcome else "declined"
        effects: list[Effect] = [self._note(outcome, participant, now, by=by)]
        effects += self._tell_doorkeepers(KnockGone(participant=participant, outcome=outcome))
        if not welcome:
            return [*effects, Hang(waiting.socket, Closing(code="declined", again=False))]
        sitting = self._seats[participant] = Sitting(
            waiting.admission, waiting.socket, consent=Grant.CONSENT in waiting.admission.grants
        )
        effects += [Greet(participant), self._note("joined", participant, now, role=waiting.admission.role)]
        effects += self._follow()
        return [*effects, *self._tell_others(participant, SeatChanged(seat=sitting.seat))]

    def end(self, now: datetime, by: str | None = None) -> list[Effect]:
        """For everybody, by a host's word or the house's.

        Raises:
            NotAdmitted: `by` is no host.
        """
        if by is not None:
            self.need(by, Grant.HOST)
        self.ended = True
        return [self._note("ended", by or "", now), *self._empty(Closing(code="ended", again=False))]

    def move_away(self) -> list[Effect]:
        """The room goes on at another node: everybody is told to come again, and nothing of it stays here."""
        return self._empty(Closing(code="draining", again=True))

    def tick(self, now: datetime, linger: timedelta) -> list[Effect]:
        """Give up seats whose holders did not come back, and the room when nobody is left."""
        effects: list[Effect] = []
        for who, sitting in list(self._seats.items()):
            if sitting.away_since is not None and now - sitting.away_since >= self._hold:
                effects += self._vacate(who, "lost", now)
        if not self._seats and not self._lobby and self.empty_since is not None and now - self.empty_since >= linger:
            self.recording = None
            effects += [self._note("closed", "", now), Tape(), CloseRoom()]
        return effects

    # ------------------------------------------------------------ recording
    def record(self, now: datetime, by: str, *, on: bool, paused: bool) -> list[Effect]:
        """Begin, pause, go on or end; whatever follows is the same for all who are here.

        Raises:
            NotAdmitted: Without the grant.
        """
        self.need(by, Grant.RECORD)
        if not on:
            return self.stop_recording(now, "ended")
        if self.recording is not None and self.recording.paused == paused:
            return []
        step = "paused" if paused else "resumed" if self.recording else "begun"
        self.recording = Recording(on=True, paused=paused, by=by)
        return [self._note("recording", by, now, step=step), Tape(), *self._tell_others("", self.recording)]

    def stop_recording(self, now: datetime, why: str) -> list[Effect]:
        """By a word, or because it failed."""
        if self.recording is None:
            return []
        by, self.recording = self.recording.by, None
        effects: list[Effect] = [self._note("recording", by, now, step=why), Tape()]
        effects += self._tell_others("", Recording(on=False, by=by))
        for sitting in self._seats.values():  # a yes is to one recording: before the next one all are asked again
            if sitting.consent and Grant.CONSENT not in sitting.admission.grants:
                sitting.consent = False
                effects += self._tell_others("", SeatChanged(seat=sitting.seat))
        return effects

    def consent(self, participant: str, now: datetime, *, given: bool) -> list[Effect]:
        """Somebody agrees to being recorded, or does not: a no ends a recording for all.

        Raises:
            RoomRefused: They have no seat.
        """
        sitting = self._seats.get(participant)
        if sitting is None:
            raise RoomRefused("there is no such seat", code="no_seat")
        effects: list[Effect] = []
        if sitting.consent != given:
            sitting.consent = given
            note = self._note("consent", participant, now, given=int(given))
            effects = [note, Tape(), *self._tell_others("", SeatChanged(seat=sitting.seat))]
        return effects if given else [*effects, *self.stop_recording(now, "refused")]

    def _consents(self, who: str) -> bool:
        """By their own word, or for a stream of theirs by its owner's."""
        seats = (self._seats.get(who), self._seats.get(who.partition(STREAM)[0]))
        return any(one is not None and one.consent for one in seats)

    def _follow(self) -> list[Effect]:
        """Who comes or goes changes whether all have agreed."""
        return [Tape()] if self.recording is not None else []

    # ------------------------------------------------------------ at the door
    def _knock(self, waiting: Waiting, now: datetime) -> list[Effect]:
        who = waiting.admission.participant
        before = self._lobby.knock(waiting)
        self.empty_since = None
        if before is not None:
            return [Hang(before.socket, Closing(code="replaced", again=False))]
        note = self._note("knocked", who, now, role=waiting.admission.role)
        return [note, *self._tell_doorkeepers(Knock(who=waiting.asking))]

    def _give_up(self, who: str, now: datetime) -> list[Effect]:
        self._lobby.turn_away(who)
        self._look_empty(now)
        return [self._note("gave_up", who, now), *self._tell_doorkeepers(KnockGone(participant=who, outcome="left"))]

    def _may_admit(self, who: str) -> bool:
        sitting = self._seats.get(who)
        return sitting is not None and not sitting.admission.grants.isdisjoint({Grant.ADMIT, Grant.HOST})

    def _tell_doorkeepers(self, reply: Reply) -> list[Effect]:
        sockets = ((who, one.socket) for who, one in self._seats.items() if self._may_admit(who))
        return [Tell(who, reply) for who, socket in sockets if socket is not None]

    # ------------------------------------------------------------ inside
    def _empty(self, word: Closing) -> list[Effect]:
        effects: list[Effect] = []
        for who, sitting in self._seats.items():
            effects.append(DropMedia(who))
            if sitting.socket is not None:
                effects.append(Hang(sitting.socket, word))
        self._seats.clear()
        effects += [Hang(waiting.socket, word) for waiting in self._lobby.empty()]
        self.recording = None
        return [*effects, Tape(), CloseRoom()]

    def _vacate(self, who: str, reason: Gone, now: datetime) -> list[Effect]:
        sitting = self._seats.pop(who, None)
        if sitting is None:
            return []
        self._take_back(who)
        effects: list[Effect] = [DropMedia(who), self._note(reason, who, now), *self._follow()]
        if sitting.socket is not None:
            effects.append(
                Hang(sitting.socket, Closing(code="removed" if reason == "removed" else "left", again=False))
            )
        self._look_empty(now)
        return [*effects, *self._tell_others(who, SeatGone(participant=who, reason=reason))]

    def _look_empty(self, now: datetime) -> None:
        if not self._seats and not self._lobby and self.empty_since is None:
            self.empty_since = now
