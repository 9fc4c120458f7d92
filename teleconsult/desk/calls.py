"""The page of a consult's call: whose it is, who is expected, who is there already; the call itself is the script's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Actor, Permission
from teleconsult.clock import Clock
from teleconsult.consults.rules import is_open
from teleconsult.consults.service import Consults
from teleconsult.consults.state import State
from teleconsult.consults.views import ConsultView
from teleconsult.http.bodies import Incoming
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import CLOCK, ZONE
from teleconsult.http.jinja import page
from teleconsult.http.paths import with_words
from teleconsult.http.routing import Route, get
from teleconsult.people.banner import Banner, banner
from teleconsult.scheduling.service import Scheduling
from teleconsult.scheduling.views import CallView


class CallQuery(Incoming):
    """Which call: a follow-up's, or by default the consult's."""

    visit: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9_-]*$")


@dataclass(frozen=True, slots=True)
class Expected:
    """Somebody who belongs into the call."""

    name: str
    place: str
    here: bool
    is_me: bool


@dataclass(frozen=True, slots=True)
class CallPage:
    """What stands round the call."""

    id: str
    path: str
    number: str
    banner: Banner | None
    question: str
    starts_at: datetime | None
    may_write: bool


class CallPages:
    """The page.

    Args:
        consults: Whose case it is.
        scheduling: Who is in the call now.
    """

    def __init__(self, consults: Consults, scheduling: Scheduling) -> None:
        self._consults = consults
        self._scheduling = scheduling

    def table(self) -> list[Route]:
        """All routes."""
        path = "/consults/{id}/call"
        return [get(path, self.show, Permission.CALL_JOIN, query=CallQuery, page=True, summary="The call")]

    async def show(self, request: web.Request) -> web.Response:
        """Before the call; the script turns the same page into the call."""
        actor, visit = actor_of(request), query_of(request, CallQuery).visit
        view = await self._consults.view(actor, request.match_info["id"])
        calls = await self._scheduling.calls_of(actor, view.id)
        materials = await self._consults.materials(actor, view.id) if actor.may(Permission.FILM_READ) else ()
        shown = around(view, actor, request.config_dict[CLOCK], request.config_dict[ZONE])
        return page(
            request,
            "desk/call.html",
            consult=shown,
            has_films=any(one.study is not None for one in materials),
            title=view.question,
            people=expected(view, actor, running(calls, visit)),
            is_awaited=any(call.is_awaited for call in calls),
            call_key=f"consult:{view.id}",
            back=f"{shown.path}/followups" if visit else shown.path,
            ticket_path=with_words(f"/api/v1/consults/{view.id}/calls", visit=visit),
        )


def around(view: ConsultView, actor: Actor, clock: Clock, zone: tzinfo) -> CallPage:
    """The frame of the page."""
    return CallPage(
        id=view.id,
        path=f"/consults/{view.id}",
        number=view.number,
        banner=banner(view.patient, clock.now().astimezone(zone).date()) if view.patient else None,
        question=view.question,
        starts_at=view.starts_at,
        may_write=actor.may(Permission.MESSAGE_WRITE) and is_open(view.state) and view.state is not State.DRAFT,
    )


def running(calls: Sequence[CallView], visit: str) -> CallView | None:
    """The call that one would come into."""
    return next((one for one in calls if one.ended_at is None and (one.visit or "") == visit), None)


def expected(view: ConsultView, actor: Actor, call: CallView | None) -> list[Expected]:
    """Requester and specialists, and whoever else is there."""
    here = list(call.people) if call else []
    people = [(view.requester.id, view.requester.name, view.institution.name)]
    people += [(one.user.id, one.user.name, one.institution.name) for one in view.seats if one.user is not None]
    found = [Expected(name, place, name in here, user == actor.id) for user, name, place in people]
    known = {name for _, name, _ in people}
    return found + [Expected(name, "", here=True, is_me=name == actor.name) for name in here if name not in known]
