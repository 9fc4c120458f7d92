"""The duty roster as the first page shows it: implements `desk.ports.Duty`."""

from datetime import datetime

from teleconsult.actor import Actor
from teleconsult.desk.views import OnDuty
from teleconsult.duty.service import Duty as Roster


class DutyNow:
    """Who is on duty now.

    Args:
        roster: The room of the duty roster.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    async def now(self, actor: Actor, at: datetime) -> list[OnDuty]:
        """See `desk.ports.Duty.now`; who has no department is shown with the institution's name."""
        return [
            OnDuty(
                department=one.department or one.institution_name,
                name=one.name,
                title=one.title,
                until=one.until,
                is_me=one.user == actor.id,
            )
            for one in await self._roster.now(actor, at)
        ]
