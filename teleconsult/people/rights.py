"""The two questions every use case of this room asks first."""

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.errors import NotAllowed, NotFound


def need(actor: Actor, permission: Permission) -> None:
    """Go on only with the permission.

    Raises:
        NotAllowed: The actor lacks it.
    """
    if not actor.may(permission):
        raise NotAllowed


def need_at(actor: Actor, permission: Permission, institution: str) -> None:
    """Go on only with the permission, at the actor's own institution.

    Raises:
        NotAllowed: The actor lacks it.
        NotFound: Another institution's things are not there.
    """
    need(actor, permission)
    if actor.kind is not ActorKind.SYSTEM and actor.institution != institution:
        raise NotFound
