"""The page of a consult's follow-ups: book one, give its patient the link, go in, write down what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from aiohttp import web

from teleconsult.actor import Actor, Permission
from teleconsult.consults.service import Consults
from teleconsult.consults.views import ConsultView
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Refused
from teleconsult.followups.fields import BookFields, VisitMoveFields
from teleconsult.followups.service import Followups
from teleconsult.followups.state import VisitMove
from teleconsult.http.bodies import validated
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import typed_of
from teleconsult.http.guard import actor_of
from teleconsult.http.i18n import CLOCK, ZONE, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.origin import is_secure
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.people.banner import banner

_ALL = "/consults/{id}/followups"
_ONE = _ALL + "/{visit}"
_MOMENTS = ("starts_at", "ends_at")
_USUAL_STEP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Back:
    """What the page shows beside the visits: a new link, or a form that was refused with all that was typed."""

    link: str = ""
    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    error: Refused | None = None


class VisitPages:
    """The page and its forms.

    Args:
        consults: Whose case it is.
        followups: Its visits.
    """

    def __init__(self, consults: Consults, followups: Followups) -> None:
        self._consults = consults
        self._followups = followups

    def table(self) -> list[Route]:
        """All routes."""
        write = Permission.FOLLOWUP_WRITE
        return [
            get(_ALL, self.show, Permission.FOLLOWUP_READ, page=True, summary="The follow-ups of a consult"),
            post(_ALL, self.book, write, page=True, creates=True, summary="Book a follow-up"),
            post(_ONE + "/moves/{move}", self.move, write, page=True, status=303, summary="Move a follow-up on"),
            post(_ONE + "/link", self.link, write, page=True, creates=True, summary="Another link for the patient"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """All of them, and the form for a new one."""
        return await self._page(request, _Back())

    async def book(self, request: web.Request) -> web.Response:
        """Book; the patient's link is shown this once."""
        typed = await typed_of(request)
        try:
            fields = validated(BookFields, moments(typed, request.config_dict[ZONE]))
            booked = await self._followups.book(actor_of(request), request.match_info["id"], fields)
        except (NotFound, NotAllowed):
            raise
        except Refused as error:
            return await self._page(request, _Back(form="book", typed=typed, error=error))
        return await self._page(request, _Back(link=booked.link))

    async def move(self, request: web.Request) -> web.Response:
        """A move with its fields."""
        typed, given = await typed_of(request), request.match_info
        try:
            move = VisitMove(given["move"])
        except ValueError:
            raise NotFound from None
        try:
            fields = validated(VisitMoveFields, moments({**typed, "move": move}, request.config_dict[ZONE]))
            await self._followups.move(actor_of(request), given["visit"], fields)
        except (NotFound, NotAllowed):
            raise
        except Refused as error:
            return await self._page(request, _Back(form=f"{move}-{given['visit']}", typed=typed, error=error))
        goal = f"/consults/{given['id']}/followups"
        if move is VisitMove.START:
            goal = f"/consults/{given['id']}/call?visit={given['visit']}"
        return see_other(goal)

    async def link(self, request: web.Request) -> web.Response:
        """Another link, shown this once."""
        path = await self._followups.new_link(actor_of(request), request.match_info["visit"])
        return await self._page(request, _Back(link=path))

    async def _page(self, request: web.Request, back: _Back) -> web.Response:
        actor = actor_of(request)
        view = await self._consults.view(actor, request.match_info["id"])
        now = request.config_dict[CLOCK].now().astimezone(request.config_dict[ZONE])
        error, errors = back.error, {}
        if isinstance(error, FieldsRefused):
            errors = error.errors
        return page(
            request,
            "desk/visits.html",
            problem_of(error).status if error else 200,
            path=f"/consults/{view.id}",
            number=view.number,
            banner=banner(view.patient, now.date()) if view.patient else None,
            visits=await self._followups.visits(actor, view.id),
            doctors=doctors(view, actor),
            may_book=actor.may(Permission.FOLLOWUP_WRITE),
            usual=next_half_hour(now).strftime("%Y-%m-%dT%H:%M"),
            link=_absolute(request, back.link) if back.link else "",
            form=back.form,
            typed=back.typed,
            errors=errors,
            problem=translate(error.message, language_of(request), **error.fields) if error and not errors else "",
        )


def moments(typed: Mapping[str, str], zone: tzinfo) -> dict[str, str]:
    """What was typed, its times with the site's zone; empty texts are left out. A bad time is left for the check."""
    found = {name: text for name, text in typed.items() if text.strip()}
    for name in _MOMENTS:
        if name in found:
            try:
                at = datetime.fromisoformat(found[name])
            except ValueError:
                continue
            found[name] = (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat()
    return found


def next_half_hour(now: datetime) -> datetime:
    """A time that suits an appointment: the next full or half hour that is not over in a moment."""
    later = now + _USUAL_STEP
    return later.replace(minute=30 if later.minute >= 30 else 0, second=0, microsecond=0)


def doctors(view: ConsultView, actor: Actor) -> list[tuple[str, str]]:
    """Who may hold a visit: the case's doctors, myself first."""
    found = {view.requester.id: view.requester.name}
    found |= {seat.user.id: seat.user.name for seat in view.seats if seat.user is not None}
    return sorted(found.items(), key=lambda one: one[0] != actor.id)


def _absolute(request: web.Request, path: str) -> str:
    return f"{'https' if is_secure(request) else 'http'}://{request.host}{path}"
