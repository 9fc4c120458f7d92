"""The node's door: a ticket is read by the gatekeeper, and enters once at all nodes of the site together."""

import logging
from collections.abc import Awaitable, Callable

from signaling.errors import TicketRefused, Unavailable
from signaling.ports import Admission, Gatekeeper

log = logging.getLogger(__name__)

FirstUse = Callable[[str], Awaitable[bool]]


class Gate:
    """Of a node.

    Args:
        gatekeeper: Reads tickets, and knows those that entered here.
        first_use: Notes a ticket at a place that all nodes share, and says whether it was the first to; None where
            there is only this node. Raises Unavailable.
    """

    def __init__(self, gatekeeper: Gatekeeper, first_use: FirstUse | None = None) -> None:
        self._gatekeeper = gatekeeper
        self._first_use = first_use

    async def admit(self, ticket: str, room: str | None) -> Admission:
        """Let a ticket's holder in.

        Args:
            ticket: As minted.
            room: The room it must be for; None takes the ticket's word.

        Raises:
            TicketRefused: Forged, expired, used, or for another room.
        """
        admission = self._gatekeeper.admit(ticket, room)
        if self._first_use is not None and not await self._is_first(ticket):
            raise TicketRefused("the ticket was used before")
        return admission

    async def _is_first(self, ticket: str) -> bool:
        """Where nobody can be asked, calls go on: then a ticket enters once at each node, within its minute."""
        assert self._first_use is not None  # noqa: S101 - the caller looked
        try:
            return await self._first_use(ticket)
        except Unavailable as error:
            log.warning("gate.unavailable: %s", error)
            return True
