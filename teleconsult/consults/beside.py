"""What rooms above need of a case inside their own transactions: who somebody is in it, a line in its order.

Calls and follow-ups live in their own rooms; the case's one order of time tells of them.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor
from teleconsult.consults.models import Consult
from teleconsult.consults.office import Found, Happening, Office, find, write_entry
from teleconsult.db import Work


async def standing(session: AsyncSession, actor: Actor, consult_id: str, *, lock: bool = False) -> Found:
    """A case that is open to somebody, and who they are for it.

    Raises:
        NotFound: There is none, or not for them.
    """
    return await find(session, actor, consult_id, lock=lock)


async def write_line(office: Office, work: Work, consult_id: str, kind: str, body: Mapping[str, Any]) -> bool:
    """Add a line to the case's order of time. Rights were judged before.

    Args:
        office: The room's dependencies.
        work: The caller's transaction; its actor is named as who did it.
        consult_id: Which case.
        kind: `call` or `followup`; pages know how to draw it.
        body: Plain words; names ending in `_id` are shown as names.

    Returns:
        Whether there is such a case.
    """
    consult = await work.session.get(Consult, consult_id, with_for_update=True)
    if consult is None:
        return False
    write_entry(office, work, consult, Happening(kind, body))
    work.after_commit(office.on_commit)
    return True
