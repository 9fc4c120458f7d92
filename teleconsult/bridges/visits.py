"""Scheduling asks followups who may be in a visit's call; the two rooms are strangers."""

from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, ActorKind
from teleconsult.consults.lookups import card_of
from teleconsult.consults.service import Consults
from teleconsult.followups.service import Followups
from teleconsult.scheduling.ports import VisitStanding
from teleconsult.scheduling.rules import part_of
from teleconsult.scheduling.state import Part
from teleconsult.vault import Vault


class VisitCalls:
    """Implements `scheduling.ports.Visits`.

    Args:
        followups: Who may be in.
        consults: As whom.
        vault: Opens the patient's name, for the others in the call.
    """

    def __init__(self, followups: Followups, consults: Consults, vault: Vault) -> None:
        self._followups = followups
        self._consults = consults
        self._vault = vault

    async def standing(self, session: AsyncSession, actor: Actor, visit: str) -> VisitStanding:
        """See the port."""
        found = await self._followups.may_be_in(session, actor, visit)
        if actor.kind is ActorKind.PATIENT:
            card = await card_of(session, self._vault, found.patient_id)
            return VisitStanding(visit, found.consult_id, Part.PATIENT, card.name if card else "")
        case = await self._consults.standing(session, actor, found.consult_id)
        return VisitStanding(visit, found.consult_id, part_of(case.parties) or Part.MEMBER, actor.name)

    async def visit_now(self, session: AsyncSession, actor: Actor, consult: str) -> str | None:
        """See the port."""
        return await self._followups.visit_now(session, actor, consult)
