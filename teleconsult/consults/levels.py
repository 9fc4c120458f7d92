"""The chain of institutions: who handles a consult now, under which agreement, and what that institution asks for."""

from teleconsult.consults.models import Consult, Level
from teleconsult.consults.office import Office, settings_of
from teleconsult.db import Work
from teleconsult.errors import FieldsRefused
from teleconsult.people.models import Institution


async def enter_level(office: Office, work: Work, consult: Consult, institution: str) -> None:
    """Let an institution handle the consult from now on.

    Raises:
        FieldsRefused: It is not there, or no agreement covers it today.
    """
    row = await work.session.get(Institution, institution)
    if row is None or not row.active:
        raise FieldsRefused({"institution_id": "Please choose an institution of this site."})
    agreement = await agreement_for(office, work, consult, institution)
    number = len(consult.levels)
    for level in consult.levels:
        level.ended_at = level.ended_at or work.at
    consult.levels.append(
        Level(
            consult_id=consult.id, number=number, institution_id=institution, agreement_id=agreement, began_at=work.at
        )
    )
    consult.level = number
    consult.target_institution_id = institution
    consult.audit_asked = bool((await settings_of(work.session, institution)).get("needs_audit"))


async def agreement_for(office: Office, work: Work, consult: Consult, institution: str) -> str | None:
    """The agreement under which the consult may go there; None inside of one institution.

    The requester's institution may have one itself; or the institution that passes it on has.

    Raises:
        FieldsRefused: There is none today.
    """
    inviting = [consult.institution_id, *(level.institution_id for level in consult.levels)]
    if institution == consult.institution_id:
        return None
    for one in reversed(inviting):
        found = await office.agreements.in_force(work.session, one, institution, work.at)
        if found:
            return found[0].id
    raise FieldsRefused({"institution_id": "There is no agreement with this institution today. Choose another one."})
