"""When X happened, do Y: the only page of reactions across rooms. Each may run twice and must do its work once."""

from dataclasses import dataclass

from teleconsult.consults import notices
from teleconsult.consults.events import ConsultMoved, MaterialAdded, MessagePosted
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move, State
from teleconsult.deadlines.service import DeadlineNear, DeadlinePassed
from teleconsult.events import Bus, Event
from teleconsult.http.bodies import N_
from teleconsult.notifications.ports import Notice
from teleconsult.notifications.service import Notifications
from teleconsult.results.events import CriticalValue


@dataclass(frozen=True, slots=True)
class Reactions:
    """The reactions with what they need; `on` ties them to the bus."""

    consults: Consults
    notifications: Notifications

    def on(self, bus: Bus) -> None:
        """When X happened, do Y."""
        bus.on(ConsultMoved, self.tell_of_move)
        bus.on(MessagePosted, self.tell_of_message)
        bus.on(MaterialAdded, self.tell_of_material)
        bus.on(CriticalValue, self.tell_of_critical_value)
        bus.on(DeadlineNear, self.tell_of_deadline)
        bus.on(DeadlinePassed, self.let_time_act)

    async def tell_of_move(self, happened: Event) -> None:
        """Those whom a move concerns are told."""
        assert isinstance(happened, ConsultMoved)  # noqa: S101 - the bus hands over what was asked for
        notice = notices.of_move(happened)
        if notice is None:
            return
        move, state = Move(happened.move), State(happened.state)
        people = await self.consults.told_of_move(happened.consult, move, state, happened.actor)
        await self.notifications.tell(people, happened.consult, f"moved/{happened.consult}/{happened.version}", notice)

    async def tell_of_message(self, happened: Event) -> None:
        """The other side hears of a message."""
        assert isinstance(happened, MessagePosted)  # noqa: S101
        people = await self.consults.told_of_message(happened.consult, happened.actor)
        occasion = f"message/{happened.consult}/{happened.message}"
        await self.notifications.tell(people, happened.consult, occasion, notices.of_message(happened))

    async def tell_of_material(self, happened: Event) -> None:
        """The other side hears of new films and results, once the request is on its way."""
        assert isinstance(happened, MaterialAdded)  # noqa: S101
        if happened.state == State.DRAFT:
            return
        people = await self.consults.told_of_message(happened.consult, happened.actor)
        occasion = f"material/{happened.material}"
        await self.notifications.tell(people, happened.consult, occasion, notices.of_material(happened))

    async def tell_of_critical_value(self, happened: Event) -> None:
        """Everybody at the case hears of a critical value at once."""
        assert isinstance(happened, CriticalValue)  # noqa: S101
        people = await self.consults.told_of_message(happened.consult, "")
        text = N_("Critical value: please look at once.")
        notice = Notice("result.critical", text, f"/consults/{happened.consult}", loud=True)
        occasion = f"critical/{happened.consult}/{happened.lab_report}"
        await self.notifications.tell(people, happened.consult, occasion, notice)

    async def tell_of_deadline(self, happened: Event) -> None:
        """Whoever must act is warned before."""
        assert isinstance(happened, DeadlineNear)  # noqa: S101
        number = await self.consults.number_of(happened.subject)
        notice = notices.of_warning(happened.subject, number, happened.word) if number else None
        if notice is None:
            return
        people = await self.consults.told_of_deadline(happened.subject, -1)
        occasion = f"near/{happened.subject}/{happened.word}/{happened.due_at}"
        await self.notifications.tell(people, happened.subject, occasion, notice)

    async def let_time_act(self, happened: Event) -> None:
        """What the policy closes or lets expire happens; of everything else the chain of people is told."""
        assert isinstance(happened, DeadlinePassed)  # noqa: S101
        if await self.consults.time_passed(happened.subject):
            return
        number = await self.consults.number_of(happened.subject)
        notice = notices.of_overdue(happened.subject, number, happened.word) if number else None
        if notice is None:
            return
        people = await self.consults.told_of_deadline(happened.subject, happened.step)
        occasion = f"passed/{happened.subject}/{happened.word}/{happened.due_at}/{happened.step}"
        await self.notifications.tell(people, happened.subject, occasion, notice)
