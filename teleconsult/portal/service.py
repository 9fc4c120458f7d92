"""`Portal`: puts together what a patient sees, from links, visits and calls. Decides nothing of its own."""

from dataclasses import dataclass, replace

from teleconsult.access.links import Links, LinkView, PatientSession
from teleconsult.access.rules import LinkState
from teleconsult.actor import Actor, ActorKind
from teleconsult.audit.trail import Witness
from teleconsult.db import Database
from teleconsult.errors import NotAllowed, NotFound
from teleconsult.followups.service import Followups
from teleconsult.followups.state import OPEN, VisitState
from teleconsult.followups.views import PatientVisit
from teleconsult.people.service import People
from teleconsult.portal.views import DoctorView, HomeView, JoinState, JoinView, VisitView
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.views import Joined


@dataclass(frozen=True, slots=True)
class Entered:
    """The way in went well: set the cookie (`access.cookies.set_patient_session`), go on to the visit."""

    session: PatientSession
    visit: str

    @property
    def path(self) -> str:
        """Where to go on."""
        return f"/my/visits/{self.visit}"


class Portal:
    """What patients see.

    Args:
        database: For looking whether the doctor is there.
        links: The way in.
        followups: Their visits.
        scheduling: Their calls.
        people: Names and telephones of institutions.
        witness: Notes who reads.
    """

    def __init__(
        self,
        database: Database,
        links: Links,
        followups: Followups,
        scheduling: Scheduling,
        people: People,
        witness: Witness | None = None,
    ) -> None:
        self._database = database
        self._links = links
        self._followups = followups
        self._scheduling = scheduling
        self._people = people
        self._witness = witness or Witness(database)

    async def join(self, token: str, actor: Actor | None = None) -> JoinView:
        """The page behind a link. An unknown one is a state of the page, not an error.

        Args:
            token: The link's.
            actor: Who shows it, when this browser is known: its own patient needs no code.
        """
        try:
            link = await self._links.look(token)
        except NotFound:
            return JoinView(token, JoinState.UNKNOWN)
        view = await self._join_view(token, link)
        is_own = actor is not None and actor.kind is ActorKind.PATIENT and actor.patient == link.patient
        return replace(view, state=JoinState.READY) if is_own and view.state is not JoinState.CANCELLED else view

    async def send_code(self, token: str, address: str) -> JoinView:
        """Send a code. Raises what `Links.send_code` raises; each says what to do."""
        return await self._join_view(token, await self._links.send_code(token, address))

    async def enter(self, token: str, code: str, address: str, device: str) -> Entered:
        """Show the code. Raises what `Links.enter` raises; each says what to do."""
        session = await self._links.enter(token, code, address, device)
        return Entered(session, session.subject)

    async def home(self, actor: Actor) -> HomeView:
        """The patient's first page. Raises NotAllowed: not a patient."""
        visits = await self._own(actor)
        seen = [await self._visit_view(visit) for visit in visits]
        coming = [view for view in seen if view.state in OPEN]
        coming.sort(key=lambda view: (view.state != VisitState.IN_SESSION, view.starts_at))
        name, institution, line = await self._self(actor)
        past = tuple(view for view in seen if view.state not in OPEN)
        return HomeView(name, institution, line, coming[0] if coming else None, tuple(coming[1:]), past)

    async def visit(self, actor: Actor, visit_id: str) -> VisitView:
        """One visit of the patient's own. Raises NotFound."""
        found = next((one for one in await self._own(actor) if one.id == visit_id), None)
        if found is None:
            raise NotFound
        return await self._visit_view(found)

    async def join_call(self, actor: Actor, visit_id: str) -> Joined:
        """Into the call of a visit. Raises NotFound; StepRefused when it is over."""
        found = await self.visit(actor, visit_id)
        return await self._scheduling.join(actor, found.consult, visit_id)

    async def _own(self, actor: Actor) -> tuple[PatientVisit, ...]:
        if actor.kind is not ActorKind.PATIENT or actor.patient is None:
            raise NotAllowed("This page is for patients. They come to it by the link in their message.")
        visits = await self._followups.own_visits(actor)
        await self._witness.read(actor, "portal.read", f"patients/{actor.patient}", actor.patient)
        return visits

    async def _join_view(self, token: str, link: LinkView) -> JoinView:
        visit = await self._followups.shown_before_code(link.subject)
        view = JoinView(
            token=token,
            state=_state(link, visit),
            masked_name=link.masked_name,
            phone_last4=link.phone_last4,
            told_by_staff=link.told_by_staff,
            line=await self._line(link.institution),
        )
        if visit is not None:
            view = replace(
                view, doctor=_doctor(visit), visit=visit.id, starts_at=visit.starts_at, ends_at=visit.ends_at
            )
        if link.code is not None:
            code = link.code
            view = replace(
                view,
                sent_at=code.sent_at,
                code_ends_at=code.ends_at,
                again_at=code.again_at,
                tries_left=code.tries_left,
            )
        return view

    async def _visit_view(self, visit: PatientVisit) -> VisitView:
        is_open = visit.state in OPEN
        async with self._database.read() as session:
            is_there = is_open and await self._scheduling.doctor_is_in(session, visit.id)
        return VisitView(
            id=visit.id,
            consult=visit.consult,
            state=visit.state,
            doctor=_doctor(visit),
            starts_at=visit.starts_at,
            ends_at=visit.ends_at,
            reason=visit.reason,
            note=visit.note_to_patient,
            said=visit.said,
            next_step=visit.next_step,
            cancelled_because=visit.because,
            can_join=is_open,
            doctor_is_there=is_there,
            line=await self._line(visit.institution),
        )

    async def _self(self, actor: Actor) -> tuple[str, str, str]:
        card = (await self._people.patient_views([actor.id])).get(actor.id)
        house = await self._people.institution(actor.institution)
        return (card.name if card else "", house.name, house.settings.public_line)

    async def _line(self, institution: str) -> str:
        return (await self._people.institution(institution)).settings.public_line


def _doctor(visit: PatientVisit) -> DoctorView:
    return DoctorView(visit.doctor.name, visit.doctor.title, visit.department, visit.doctor_institution)


def _state(link: LinkView, visit: PatientVisit | None) -> JoinState:
    if visit is not None and visit.state is VisitState.CANCELLED:
        return JoinState.CANCELLED
    if link.state is LinkState.ENDED or visit is None:
        return JoinState.ENDED
    if link.code is not None:
        return JoinState.SENT if link.code.counts else JoinState.SPENT
    return JoinState.OLD if link.state is LinkState.OLD else JoinState.CODE
