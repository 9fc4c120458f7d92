"""What stands on every page around its content: the rail with its counts, unread notices, where one acts."""

from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.desk.service import Desk
from teleconsult.http.errors import wants_page
from teleconsult.http.guard import actor_or_none
from teleconsult.http.jinja import EXTRAS, NavItem

_WORKLIST = NavItem("/worklist", "Worklist", "list-checks")


def nav(actor: Actor) -> list[NavItem]:
    """The ways that a person's rights open, the most used first; a phone shows five."""
    ways = [(Permission.SELF, NavItem("/", "Home", "house")), (Permission.CONSULT_READ, _WORKLIST)]
    ways.append((Permission.CONSULT_CREATE, NavItem("/consults/new", "New request", "file-plus-2")))
    ways.append((Permission.PATIENT_READ, NavItem("/patients", "Patients", "users")))
    ways.append((Permission.UNMATCHED_READ, NavItem("/unmatched", "Unmatched", "circle-question-mark")))
    ways.append((Permission.CONSULT_COORDINATE, NavItem("/duty", "Duty roster", "calendar-days")))
    ways.append((Permission.SETTINGS_WRITE, NavItem("/stations", "Machines", "monitor")))
    ways.append((Permission.SELF, NavItem("/account", "Account", "settings")))
    return [item for permission, item in ways if actor.may(permission)]


def around_pages(desk: Desk) -> Middleware:
    """The middleware that gives each page its frame: put it after the plumbing's own."""

    @web.middleware
    async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
        actor = actor_or_none(request)
        if actor is not None and actor.kind is ActorKind.STAFF and wants_page(request):
            waiting = await desk.waiting(actor)
            items = nav(actor)
            request[EXTRAS] = {
                "nav": [replace(item, count=waiting) if item == _WORKLIST else item for item in items],
                "unread_notices": await desk.unread_notices(actor),
                "standing": await desk.place_of(actor),
            }
        return await handler(request)

    return frame
