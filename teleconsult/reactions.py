"""When X happened, do Y: the only page of reactions across rooms. Each may run twice and must do its work once."""

from dataclasses import dataclass

from teleconsult.access.events import CredentialRevoked
from teleconsult.consults import notices
from teleconsult.consults.events import ConsultMoved, MaterialAdded, MessagePosted
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move, State
from teleconsult.deadlines.service import DeadlineNear, DeadlinePassed
from teleconsult.events import Bus, Event
from teleconsult.followups import notices as visit_notices
from teleconsult.followups.events import VisitMoved
from teleconsult.followups.state import OPEN
from teleconsult.http.bodies import N_
from teleconsult.notifications.ports import Notice
from teleconsult.notifications.service import Notifications
from teleconsult.people.events import RolesChanged
from teleconsult.results.events import CriticalValue
from teleconsult.results.service import Results
from teleconsult.scheduling.events import CallChanged
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.state import Seen


@dataclass(frozen=True, slots=True)
class Reactions:
    """The reactions with what they need; `on` ties them to the bus."""

    consults: Consults
    notifications: Notifications
    scheduling: Scheduling
    results: Results

    def on(self, bus: Bus) -> None:
        """When X happened, do Y. Whoever has lost a right is put out before anybody is told of anything."""
        bus.on(CredentialRevoked, self.hang_up)
        bus.on(RolesChanged, self.look_at_persons_calls)
        bus.on(ConsultMoved, self.look_at_consults_calls)
        bus.on(VisitMoved, self.close_visits_call)
        bus.on(VisitMoved, self.tell_of_visit)
        bus.on(CallChanged, self.tell_of_knock)
        bus.on(ConsultMoved, self.tell_of_move)
        bus.on(MessagePosted, self.tell_of_message)
        bus.on(MaterialAdded, self.look_for_critical_values)
        bus.on(MaterialAdded, self.tell_of_material)
        bus.on(CriticalValue, self.tell_of_critical_value)
        bus.on(DeadlineNear, self.tell_of_deadline)
        bus.on(DeadlinePassed, self.let_time_act)

    async def hang_up(self, happened: Event) -> None:
        """Who came by a credential that has ended is out of every call."""
        assert isinstance(happened, CredentialRevoked)  # noqa: S101 - the bus hands over what was asked for
        await self.scheduling.credential_ended(happened.credential)

    async def look_at_persons_calls(self, happened: Event) -> None:
        """Who has lost a role is out of the calls that it opened."""
        assert isinstance(happened, RolesChanged)  # noqa: S101
        await self.scheduling.look_again_at_person(happened.user)

    async def look_at_consults_calls(self, happened: Event) -> None:
        """Who is no party any more, by a reassignment or an end, is out of the consult's calls."""
        assert isinstance(happened, ConsultMoved)  # noqa: S101
        await self.scheduling.look_again_at_consult(happened.consult)

    async def close_visits_call(self, happened: Event) -> None:
        """A visit that is over has no call."""
        assert isinstance(happened, VisitMoved)  # noqa: S101
        if happened.state not in OPEN:
            await self.scheduling.end_visit_call(happened.visit)

    async def tell_of_visit(self, happened: Event) -> None:
        """The other side hears of a follow-up."""
        assert isinstance(happened, VisitMoved)  # noqa: S101
        notice = visit_notices.of_visit(happened)
        if notice is None:
            return
        people = await self.consults.told_of_message(happened.consult, happened.actor)
        occasion = f"visit/{happened.visit}/{happened.version}"
        await self.notifications.tell(people, happened.consult, occasion, notice)

    async def tell_of_knock(self, happened: Event) -> None:
        """The doctors hear that a patient waits at a follow-up's door: once a call, however often the line breaks."""
        assert isinstance(happened, CallChanged)  # noqa: S101
        number = await self.consults.number_of(happened.consult) if happened.kind == Seen.KNOCKED else None
        if number is None or not happened.visit:
            return
        people = await self.consults.told_of_message(happened.consult, "")
        notice = visit_notices.of_knock(happened.consult, happened.visit, number)
        await self.notifications.tell(people, happened.consult, f"knock/{happened.room}", notice)

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

    async def look_for_critical_values(self, happened: Event) -> None:
        """A lab report that came to a case by any way is looked through for critical values."""
        assert isinstance(happened, MaterialAdded)  # noqa: S101
        if happened.kind == MaterialKind.LAB_REPORT:
            await self.results.note_critical_of(happened.material)

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
