"""Which directory of media nodes a site has: the processes of its one machine, or those that stand in Redis."""

from signaling.houseline import house_key
from teleconsult.bridges.agreed import media_names, media_socket, ticket_key
from teleconsult.bridges.node import Node, UnixWay
from teleconsult.bridges.places import Directory, OneMachine, Places
from teleconsult.clock import Clock
from teleconsult.config import Settings


def site_places(settings: Settings, clock: Clock) -> Places:
    """As the site is set up."""
    return Places(_many_machines(settings, clock) if settings.has_neighbours else _one_machine(settings))


def _one_machine(settings: Settings) -> Directory:
    return OneMachine([Node(name, UnixWay(media_socket(settings, name))) for name in media_names(settings)])


def _many_machines(settings: Settings, clock: Clock) -> Directory:
    # Imported where a site has Redis: the others start without it.
    from signaling.register import Register
    from teleconsult.bridges.neighbours import ManyMachines

    key = house_key(ticket_key(settings))
    return ManyMachines(Register(settings.redis_url or "", key), key, clock.now)
